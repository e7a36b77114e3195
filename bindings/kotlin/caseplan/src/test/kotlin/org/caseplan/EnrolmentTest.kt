package org.caseplan

import kotlinx.coroutines.async
import kotlinx.coroutines.coroutineScope
import org.junit.jupiter.api.Test
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

/** How devices join, what stands in their way, and how a new phone takes the place of a lost one. */
class EnrolmentTest {
    @Test
    fun `a device that was certified by hand exchanges bytes, and has sessions once it was invited`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = phone.enrol("w-204")
            val lea = Family.of(phone.store).lea
            phone.hand(tablet)
            assertNotNull(tablet.store.cases.get(lea.id))

            // It has no network secret: it can begin no session, and knows nobody who begins one.
            val (near, far) = connection()
            expect(CaseplanException.Unexpected("network_secret")) { tablet.store.sync.connect(near) }
            far.close()
            val (sent, received) = synced(phone, tablet)
            assertEquals("cut" to "stranger", sent.failed to received.failed)

            // A file needs no session.
            phone.writes(lea, "north")
            val file = tablet.folder.resolve("for the tablet")
            phone.store.sync.handOver(tablet.store.identity.device(), file)
            tablet.store.sync.takeOver(file)
            assertEquals("north", tablet.team(lea))

            assertTrue(takenIn(phone, tablet))
            tablet.writes(lea, "south")
            tablet.syncs(phone)
            assertEquals("south", phone.team(lea))
        }

    @Test
    fun `a wrong code says how many tries are left, by the count of each side`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            phone.store.sync.inviteByCode(Terms(tablet.worker, listOf(Role.Caseworker))).use { invitation ->
                // What the inviter hears, and what the newcomer does.
                suspend fun says(code: String): Pair<Throwable?, Throwable?> =
                    coroutineScope {
                        val (near, far) = connection()
                        val taking = async { runCatching { invitation.takeIn(far) { true } } }
                        val joined = runCatching { tablet.store.sync.join(code, "Ana's tablet", near) }
                        taking.await().exceptionOrNull() to joined.exceptionOrNull()
                    }

                fun left(error: Throwable?): UInt? {
                    val failed = error as CaseplanException.NotEnrolled
                    assertEquals("wrong_code", failed.reason)
                    assertEquals("not enrolled: wrong_code, ${failed.triesLeft} tries left", failed.text)
                    return failed.triesLeft
                }

                fun left(both: Pair<Throwable?, Throwable?>) = left(both.first) to left(both.second)
                assertEquals(2U to 2U, left(says("0000-0000")))
                assertEquals(1U to 1U, left(says("0000-0000")))
                assertEquals(0U to 2U, left(says("1111-1111")), "the newcomer counts the code, the inviter its invitation")
                val (inviter, _) = says(assertNotNull(invitation.code()))
                expect(CaseplanException.NotEnrolled("no_tries_left", null)) { throw assertNotNull(inviter) }
            }
        }

    @Test
    fun `who cannot be certified hears that it was declined, and the inviter why`() =
        story {
            val phone = Phone.open("w-117")
            val stranger = Phone.open("w-9")
            phone.store.sync.invite(Terms(WorkerId("w-204"), listOf(Role.Caseworker))).use { invitation ->
                val (near, far) = connection()
                val taking = async { runCatching { invitation.takeIn(far) { true } } }
                expect(CaseplanException.NotEnrolled("declined", null)) {
                    stranger.store.sync.join(assertNotNull(invitation.qr()), "a phone", near)
                }
                expect(CaseplanException.NotCertified("other_worker")) { taking.await().getOrThrow() }
            }
            expect(CaseplanException.NotCertified("not_an_issuer")) {
                phone.enrol("w-204").store.sync.invite(Terms(WorkerId("w-300"), listOf(Role.Caseworker)))
            }
        }

    @Test
    fun `a lost phone is ended, and its worker goes on with a new one`() =
        story {
            val desk = Phone.open("w-117")
            val lost = Phone.open("w-204")
            takenIn(desk, lost)
            val lea = Family.of(desk.store).lea
            val grant = desk.store.grants.give(lea.id, NewGrant.colleague(lost.worker))
            desk.syncs(lost)
            lost.writes(lea, "north")
            lost.syncs(desk)
            lost.writes(lea, "never seen again")
            val device = lost.store.identity.device()
            desk.store.identity.endDevice(device, EndReason.Lost)

            // The case was granted to the worker, not to the phone.
            val found = Phone.open("w-204")
            takenIn(desk, found)
            desk.syncs(found)
            assertEquals("north", found.team(lea))
            assertEquals(listOf(grant.id to found.worker), found.store.grants.list(lea.id).map { it.id to it.worker })
            found.writes(lea, "west")
            found.syncs(desk)
            assertEquals("west", desk.team(lea))
            assertEquals(emptyList(), desk.store.exchange.quarantine())
            assertEquals(device to EndReason.Lost, desk.store.identity.devices().single { it.ended != null }.let { it.device to it.ended })

            // The lost one turns up: it is told, and its last work waits for a person.
            repeat(6) { if (lost.store.identity.standing() != Standing.ENDED) synced(lost, desk) }
            assertEquals(Standing.ENDED, lost.store.identity.standing())
            val waiting = desk.store.grants.waiting().single()
            assertEquals(lea.id to device, waiting.case to waiting.device)
            assertEquals(1UL to true, waiting.changes to waiting.canBeAdmitted)
            assertEquals("west", desk.team(lea))

            assertEquals(1UL, desk.store.grants.admit(lea.id, device))
            desk.syncs(found)
            assertEquals(desk.store.exchange.digest(), found.store.exchange.digest())
            for (phone in listOf(desk, found)) {
                assertEquals(emptyList(), phone.store.grants.waiting())
                val values = phone.store.conflicts.list().single().values.map { it.value.toString() }
                assertTrue(values.any { "west" in it } && values.any { "never seen again" in it }, "$values")
                assertTrue(phone.store.verify().isSound)
            }
        }
}
