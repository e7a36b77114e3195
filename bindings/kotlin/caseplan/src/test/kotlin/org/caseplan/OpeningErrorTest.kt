package org.caseplan

import org.junit.jupiter.api.Test
import java.io.File
import java.io.RandomAccessFile
import java.time.Instant
import java.time.ZoneOffset
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

/** What can be wrong with a file, a vault or a clock, and that nothing is lost by it. */
class OpeningErrorTest {
    private fun config(file: File) = StoreConfig(file, WorkerId("w-117"), paris)

    @Test
    fun `a folder that is not there cannot be opened`() =
        story {
            expect(CaseplanException.CannotOpen()) {
                Store.open(config(File(folder(), "no/such/a.db")), MemoryKeyVault())
            }
        }

    @Test
    fun `a worker or a zone without a name is invalid`() =
        story {
            expect(CaseplanException.Invalid("worker id", "format")) { Store.inMemory(WorkerId("")) }
            expect(CaseplanException.Invalid("zone", "format")) { Store.inMemory(zone = ZoneOffset.ofHours(2)) }
        }

    @Test
    fun `something else is not a database and is left alone`() =
        story {
            val file = File(folder(), "a.db")
            val text = "dear diary ".repeat(500).toByteArray()
            file.writeBytes(text)
            expect(CaseplanException.NotADatabase()) { Store.open(config(file), MemoryKeyVault()) }
            assertContentEquals(text, file.readBytes())
        }

    @Test
    fun `a second opening is refused`() =
        story {
            val phone = Phone.open()
            expect(CaseplanException.InUse()) { Phone.open(folder = phone.folder, vault = phone.vault) }
        }

    @Test
    fun `a newer file is refused`() =
        story {
            val phone = Phone.open()
            phone.store.close()
            // The version of the file stands in its header, at offset 60.
            overwrite(phone.file, 60, byteArrayOf(0, 0, 0, 9))
            expect(CaseplanException.NewerSchema(9U, 2U)) { phone.restarted() }
        }

    @Test
    fun `a damaged file says so`() =
        story {
            val phone = Phone.open()
            val family = Family.of(phone.store)
            repeat(20) { phone.store.recordCall(family.lea.id, "Called the school.") }
            phone.store.close()
            overwrite(phone.file, 4096, ByteArray(phone.file.length().toInt() - 4096) { 0xa5.toByte() })
            val damaged =
                runCatching {
                    phone
                        .restarted()
                        .store
                        .verify()
                }.exceptionOrNull()
            assertTrue(damaged is CaseplanException.Damaged && damaged.what.isNotEmpty(), "$damaged")
        }

    @Test
    fun `another worker and another store's vault are refused`() =
        story {
            val phone = Phone.open()
            val other = Phone.open()
            phone.store.close()
            expect(CaseplanException.WrongWorker()) { phone.restarted(worker = "w-204") }
            expect(CaseplanException.WrongVault()) { phone.restarted(vault = other.vault) }
        }

    @Test
    fun `a lost vault leaves reading and drafts`() =
        story {
            val phone = Phone.open()
            val family = Family.of(phone.store)
            val lost = phone.restarted(vault = MemoryKeyVault()).store
            assertTrue(lost.info().keysLost)
            assertNotNull(lost.cases.get(family.lea.id))
            val draft = lost.contacts.startDraft(family.lea.id, ContactKind.Other)
            lost.contacts.saveDraft(draft.copy(narrative = "typed without keys"))
            expect(CaseplanException.KeysLost()) { lost.cases.reopen(family.lea.id) }
            expect(CaseplanException.KeysLost()) { lost.exchange.import(byteArrayOf(1)) }
        }

    @Test
    fun `a vault that throws fails the opening and nothing else`() =
        story {
            val vault = FlakyVault()
            val folder = folder()
            vault.failsAs = CallbackException.Failed("keystore -25308")
            expect(CaseplanException.Vault("keystore -25308")) { Phone.open(folder = folder, vault = vault) }
            vault.failsAs = null
            val phone = Phone.open(folder = folder, vault = vault)
            val family = Family.of(phone.store)
            // What an app throws without meaning to is known by its class; its text may hold anything.
            vault.failsAs = NotAboutSecrets()
            expect(CaseplanException.Vault("NotAboutSecrets")) { phone.restarted() }
            // An error is no exception, and must not reach native code.
            vault.failsAs = AssertionError("Léa Martin")
            expect(CaseplanException.Vault("AssertionError")) { phone.restarted() }
            vault.failsAs = null
            val again = phone.restarted().store
            assertNotNull(again.cases.get(family.lea.id))
        }

    @Test
    fun `a vault that fails while resuming leaves the store suspended`() =
        story {
            val vault = FlakyVault()
            val phone = Phone.open(vault = vault)
            phone.store.suspend()
            vault.failsAs = CallbackException.Failed("keystore -25308")
            expect(CaseplanException.Vault("keystore -25308")) { phone.store.resume() }
            expect(CaseplanException.Suspended()) { phone.store.today() }
            vault.failsAs = null
            phone.store.resume()
            assertTrue(
                phone.store
                    .today()
                    .due
                    .isEmpty(),
            )
        }

    @Test
    fun `a clock that throws leaves the command undone`() =
        story {
            var fails: Throwable? = null
            val clock =
                object : StoreClock {
                    override fun now(): Instant = fails?.let { throw it } ?: at("2026-03-02T08:00:00Z")
                }
            val store = Store.open(config(File(folder(), "a.db")), MemoryKeyVault(), clock)
            val family = Family.of(store)
            for (thrown in listOf(NotAboutSecrets(), AssertionError("Léa Martin"))) {
                fails = thrown
                val unexpected = CaseplanException.Unexpected("clock")
                expect(unexpected) { store.contacts.startDraft(family.lea.id, ContactKind.Other) }
                expect(unexpected) { store.today() }
            }
            fails = null
            assertEquals(emptyList(), store.contacts.drafts())
            store.contacts.startDraft(family.lea.id, ContactKind.Other)
        }

    private fun overwrite(
        file: File,
        at: Long,
        bytes: ByteArray,
    ) = RandomAccessFile(file, "rw").use {
        it.seek(at)
        it.write(bytes)
    }
}

/** A vault that fails when it is told to. */
private class FlakyVault(
    private val kept: KeyVault = MemoryKeyVault(),
) : KeyVault {
    @Volatile var failsAs: Throwable? = null

    override fun load(name: String): ByteArray? = kept.load(name).also { failsAs?.let { throw it } }

    override fun store(
        name: String,
        secret: ByteArray,
    ) = failsAs?.let { throw it } ?: kept.store(name, secret)

    override fun delete(name: String) = failsAs?.let { throw it } ?: kept.delete(name)
}
