package org.caseplan

import org.junit.jupiter.api.Test
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Phones that come back as older copies, with their keys: what they wrote before and after stays. */
class RestoredTest {
    /** A copy of a whole phone: its file and its vault. */
    private class Image(
        phone: Phone,
    ) {
        private val bytes = phone.file.readBytes()
        private val secrets =
            listOf("device", "root", "recovery", "session-next", "session-current")
                .mapNotNull { name -> phone.vault.load(name)?.let { name to it } }

        /** The phone as it was, in its folder or in another one. */
        suspend fun opened(
            phone: Phone,
            folder: java.io.File = phone.folder,
        ): Phone {
            for (ending in listOf("-wal", "-shm")) java.io.File(folder, "caseplan.db$ending").delete()
            java.io.File(folder, "caseplan.db").writeBytes(bytes)
            val vault = MemoryKeyVault().also { vault -> secrets.forEach { (name, secret) -> vault.store(name, secret) } }
            return Phone.open(phone.worker.value, folder, vault, phone.clock)
        }
    }

    @Test
    fun `a phone that comes back as a copy of last Monday keeps what it wrote before and after`() =
        story {
            val bought = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            takenIn(bought, tablet)
            val lea = Family.of(bought.store).lea
            bought.syncs(tablet)
            bought.store.close()
            val monday = Image(bought)
            val phone = bought.restarted()
            phone.writes(lea, "north")
            phone.syncs(tablet)
            phone.store.close()

            val back = monday.opened(phone)
            assertNull(back.team(lea))
            back.now("2026-03-09T08:00:00Z")
            back.store.cases.change(lea.id, CaseChange(caseType = "foster"))
            back.syncs(tablet)
            for (device in listOf(back, tablet)) {
                val seen = assertNotNull(device.store.cases.get(lea.id))
                assertEquals("north" to "foster", seen.team to seen.caseType)
                // The one change that lost, which its author wrote again.
                assertEquals(listOf<Refusal>(Refusal.Forked), device.store.exchange.quarantine().map { it.reason })
                assertNull(device.store.info().otherCopyWroteAt)
                assertTrue(device.store.verify().isSound)
            }
        }

    @Test
    fun `two copies of one phone that are both in use are told`() =
        story {
            val bought = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            takenIn(bought, tablet)
            val lea = Family.of(bought.store).lea
            bought.syncs(tablet)
            bought.store.close()
            val image = Image(bought)
            val phone = bought.restarted()
            val twin = image.opened(phone, folder())
            for (week in 2..4) {
                phone.now("2026-03-${week * 7}T08:00:00Z")
                phone.writes(lea, "week $week")
                twin.store.cases.change(lea.id, CaseChange(caseType = "week $week"))
                for (copy in listOf(phone, twin)) copy.syncs(tablet)
            }
            phone.syncs(tablet)
            for (copy in listOf(phone, twin)) assertNotNull(copy.store.info().otherCopyWroteAt)
            assertNull(tablet.store.info().otherCopyWroteAt)
            assertEquals("week 4", phone.team(lea))
        }

    @Test
    fun `a fork is seen by two groups that have not met, and what either wrote upon it stays`() =
        story {
            val bought = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            val noor = Phone.open("w-204")
            for (other in listOf(tablet, noor)) takenIn(bought, other)
            val lea = Family.of(bought.store).lea
            bought.store.grants.give(lea.id, NewGrant.colleague(noor.worker))
            for (other in listOf(tablet, noor)) bought.syncs(other)
            bought.store.close()
            val monday = Image(bought)

            // One group has what the phone wrote before, the other what it wrote after it came back.
            val phone = bought.restarted()
            phone.writes(lea, "north")
            phone.syncs(tablet)
            phone.store.close()
            val back = monday.opened(phone)
            back.store.cases.change(lea.id, CaseChange(caseType = "foster"))
            back.syncs(noor)
            val first = tablet.store.recordCall(lea.id, "Ana called about north.")
            val second = noor.store.recordCall(lea.id, "The foster mother called.")

            // They meet while the phone is away: both see the fork, and each keeps what it has.
            tablet.syncs(noor)
            for (device in listOf(tablet, noor)) {
                for (call in listOf(first, second)) assertNotNull(device.store.contacts.get(call.id))
                assertTrue(device.store.verify().isSound)
            }
            repeat(3) {
                for (other in listOf(tablet, noor)) back.syncs(other)
                tablet.syncs(noor)
            }
            for (device in listOf(back, tablet, noor)) {
                val seen = assertNotNull(device.store.cases.get(lea.id))
                assertEquals("north" to "foster", seen.team to seen.caseType)
                for (call in listOf(first, second)) assertNotNull(device.store.contacts.get(call.id))
                assertEquals(emptyList(), device.store.conflicts.list())
                val apart = device.store.sync.status().quarantine.single()
                assertEquals<Pair<Refusal, CaseId?>>(Refusal.Forked to lea.id, apart.reason to apart.case)
                assertTrue(apart.reason.words.startsWith("Written on a copy of a device"), apart.reason.words)
                assertTrue(device.store.verify().isSound)
            }
            assertEquals(
                back.store.exchange.digest(),
                tablet.store.exchange.digest(),
                "two devices of one worker hold the same",
            )
        }
}
