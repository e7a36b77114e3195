package org.caseplan

import kotlinx.coroutines.yield
import org.junit.jupiter.api.Test
import java.io.File
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Opening, reopening, suspending, closing; stores in memory and vaults in folders. */
class OpeningTest {
    @Test
    fun `the core has the version of this package`() =
        story { assertEquals(System.getProperty("caseplan.version"), Store.coreVersion()) }

    @Test
    fun `what was recorded is there after a restart`() =
        story {
            val phone = Phone.open()
            val family = Family.of(phone.store)
            val contact = phone.store.recordCall(family.lea.id, "Called the school.")
            val draft = phone.store.contacts.startDraft(family.lea.id, ContactKind.Other)
            val device = phone.store.identity.device()

            val again = phone.restarted().store
            assertEquals(contact, again.contacts.get(contact.id))
            assertEquals(listOf(draft), again.contacts.drafts())
            assertEquals(device, again.identity.device())
            val info = again.info()
            assertEquals(2U, info.schema)
            assertEquals(2UL, info.documents)
            assertEquals(0UL, info.quarantined)
            assertFalse(info.keysLost)
        }

    @Test
    fun `a vault in a folder serves a desktop`() =
        story {
            val folder = folder()
            val config = StoreConfig(File(folder, "a.db"), WorkerId("w-117"), paris)
            val first = Store.open(config, vaultFolder = File(folder, "keys"))
            val device = first.identity.device()
            first.close()
            val second = Store.open(config, vaultFolder = File(folder, "keys"))
            assertEquals(device, second.identity.device())
        }

    @Test
    fun `a store in memory works and is gone when it closes`() =
        story {
            val clock = FixedClock(at("2026-03-02T08:00:00Z"))
            val store = Store.inMemory(zone = paris, clock = clock)
            val family = Family.of(store)
            store.suspend()
            expect(CaseplanException.Suspended()) { store.cases.list() }
            store.resume()
            assertEquals(listOf(family.lea.id), store.cases.list().map { it.id })
            assertEquals(day("2026-03-02"), store.today().day)
            val another = Store.inMemory(zone = paris, clock = clock)
            assertTrue(another.cases.list().isEmpty())
            store.close()
        }

    @Test
    fun `a suspended store lets go of its file and takes it back`() =
        story {
            val phone = Phone.open()
            val family = Family.of(phone.store)
            phone.store.suspend()
            phone.store.suspend()
            expect(CaseplanException.Suspended()) { phone.store.cases.reopen(family.lea.id) }
            expect(CaseplanException.Suspended()) { phone.store.today() }

            val other = Phone.open(folder = phone.folder, vault = phone.vault)
            expect(CaseplanException.InUse()) { phone.store.resume() }
            other.store.close()

            phone.store.resume()
            phone.store.resume()
            assertEquals(
                "2026-0117",
                phone.store.cases
                    .get(family.lea.id)
                    ?.reference,
            )
        }

    @Test
    fun `a closed store says so and can be closed again`() =
        story {
            val phone = Phone.open()
            phone.store.close()
            phone.store.close()
            expect(CaseplanException.Closed()) { phone.store.today() }
            expect(CaseplanException.Closed()) { phone.store.resume() }
            expect(CaseplanException.Closed()) { phone.store.exchange.import(byteArrayOf(1)) }
            expect(CaseplanException.Closed()) { phone.store.backUp(File(phone.folder, "b.db")) }
        }

    @Test
    fun `a store that is let go of releases its file`() =
        story {
            val vault = MemoryKeyVault()
            val config = StoreConfig(File(folder(), "a.db"), WorkerId("w-117"), paris)
            Store.open(config, vault).today()
            // It is collected at some time; nothing here waits for a time, so it is asked until it has been.
            while (true) {
                System.gc()
                try {
                    Store.open(config, vault).close()
                    break
                } catch (_: CaseplanException.InUse) {
                    yield()
                }
            }
        }

    @Test
    fun `a backup is a whole store and never overwrites`() =
        story {
            val phone = Phone.open()
            val family = Family.of(phone.store)
            val backup = File(phone.folder, "backup.db")
            val journal = Journal()
            phone.store.backUp(backup) { journal.write("${it.done}/${it.total}") }
            assertTrue(journal.all.isNotEmpty())
            expect(CaseplanException.CannotOpen()) { phone.store.backUp(backup) }
            expect(CaseplanException.CannotOpen()) { Store.restore(backup, phone.file) }

            phone.store.close()
            assertTrue(phone.file.delete())
            Store.restore(backup, phone.file)
            val again = phone.restarted().store
            assertNotNull(again.cases.get(family.lea.id))
            assertTrue(again.verify().isSound)
            again.rebuild()
            assertEquals(1, again.cases.list().size)
            assertTrue(again.stats().documentsLoaded > 0UL)
            assertNull(again.cases.get(CaseId(newId())))
        }
}
