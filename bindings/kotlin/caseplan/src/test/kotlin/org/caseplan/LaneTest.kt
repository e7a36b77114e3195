package org.caseplan

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.flow.asFlow
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Test
import java.io.File
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue

/** `-Dcaseplan.import.changes=10000` asks for more. */
private val changes = Integer.getInteger("caseplan.import.changes", 300)

/** What waits for what: nothing for a slow reader, reads for no command, drafts for no import. Order, never time. */
class LaneTest {
    @Test
    fun `a reader that is stuck holds up no command`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            val (stuck, release) = Gate() to Gate()
            val journal = Journal()
            val reader =
                launch {
                    store.watchToday().first {
                        stuck.open()
                        release.await()
                        journal.write("released")
                        true
                    }
                }
            stuck.await()
            repeat(3) { store.recordCall(family.lea.id, "Call $it.") }
            assertEquals(
                3,
                store.contacts
                    .page(family.lea.id)
                    .contacts.size,
            )
            journal.write("recorded")
            release.open()
            reader.join()
            assertEquals(listOf("recorded", "released"), journal.all)
        }

    @Test
    fun `a listener that blocks or throws holds up no command and is called again`() =
        story {
            // The core's own listener: what an app's flows hang off.
            val core =
                CoreStore.openWithMemoryVault(CoreStoreConfig(null, WorkerId("w-117"), Zone(paris)), null, null)
            val (stuck, again) = Gate() to Gate()
            val release = CountDownLatch(1)
            val journal = Journal()
            core.watch(
                object : ChangeListener {
                    override fun onChange(changes: ChangeSet) {
                        if (stuck.isOpen) return again.open()
                        stuck.open()
                        release.await()
                        journal.write("released")
                        throw NotAboutSecrets()
                    }
                },
            )

            fun create(reference: String) = core.createCase(NewCase(reference, primaryClient = NewPerson("Léa Martin")))
            create("2026-0117")
            stuck.await()
            create("2026-0118")
            journal.write("recorded")
            release.countDown()
            again.await()
            assertEquals(listOf("recorded", "released"), journal.all)
            core.shut()
        }

    @Test
    fun `a log that blocks or throws holds up no command`() =
        story {
            val phone = Phone.open()
            Family.of(phone.store)
            val backup = File(phone.folder, "backup.db")
            phone.store.backUp(backup)
            // Two openings later, the backup is an older copy of what this device was: that is worth a warning.
            phone.restarted().store.close()
            phone.file.delete()
            Store.restore(backup, phone.file)

            val entered = Gate()
            val release = CountDownLatch(1)
            val journal = Journal()
            val log =
                object : LogSink {
                    override fun log(
                        level: LogLevel,
                        code: String,
                        ids: List<String>,
                    ) {
                        if (entered.isOpen) return
                        journal.write(code)
                        entered.open()
                        release.await()
                        journal.write("released")
                        throw AssertionError("Léa Martin")
                    }
                }
            val config = StoreConfig(phone.file, phone.worker, paris)
            val store = Store.open(config, phone.vault, phone.clock, log)
            entered.await()
            Family.of(store, "2026-0118")
            assertEquals(2, store.cases.list().size)
            journal.write("recorded")
            release.countDown()
            // The listener is called again: the log that threw took nobody with it.
            val three = async { store.cases.watchList().first { it.size == 3 } }
            Family.of(store, "2026-0119")
            assertEquals(3, three.await().size)
            assertEquals(listOf("store.restored", "recorded", "released"), journal.all)
        }

    @Test
    fun `a draft is saved while a large import is under way`() =
        story {
            val tablet = busy.tablet("w-2")
            val draft = tablet.store.contacts.startDraft(busy.caseId, ContactKind.Other)
            val bytes = busy.exported(tablet)
            val portions = bytes.toList().chunked(4096) { it.toByteArray() }
            val journal = Journal()
            val (half, saved) = Gate() to Gate()
            val importing =
                async {
                    var number = 0
                    val paused =
                        portions.asFlow().map { portion ->
                            if (number++ == portions.size / 2) {
                                half.open()
                                saved.await()
                            }
                            portion
                        }
                    tablet.store.exchange
                        .import(paused)
                        .also { journal.write("imported") }
                }
            half.await()
            tablet.store.contacts.saveDraft(draft.copy(narrative = "typed meanwhile"))
            assertEquals(
                listOf("typed meanwhile"),
                tablet.store.contacts
                    .drafts()
                    .map { it.narrative },
            )
            journal.write("saved")
            saved.open()
            val report = importing.await()
            assertTrue(report.complete && report.accepted >= changes.toULong())
            assertEquals(listOf("saved", "imported"), journal.all)
        }

    @Test
    fun `a draft is saved between the batches of an import that never pauses`() =
        story {
            val tablet = busy.tablet("w-2")
            val draft = tablet.store.contacts.startDraft(busy.caseId, ContactKind.Other)
            val bytes = busy.exported(tablet)
            val journal = Journal()
            val importing =
                async(Dispatchers.Default) {
                    tablet.store.exchange
                        .import(bytes)
                        .also { journal.write("imported") }
                }
            // The first batch is in: the import is under way.
            while (tablet.store.contacts
                    .page(limit = 1)
                    .contacts
                    .isEmpty()
            ) {
                // Nothing here waits for a time.
            }
            tablet.store.contacts.saveDraft(draft)
            journal.write("saved")
            assertTrue(importing.await().complete)
            assertEquals(listOf("saved", "imported"), journal.all)
        }

    @Test
    fun `long work ends when its coroutine is cancelled and what was committed stays`() =
        story {
            val (phone, tablet) = busy.phone to busy.tablet("w-3")
            val bytes = busy.exported(tablet)
            val begun = Gate()
            val importing =
                launch(Dispatchers.Default) {
                    tablet.store.exchange.import(
                        bytes.toList().chunked(2048) { it.toByteArray() }.asFlow().map { portion ->
                            if (tablet.store.contacts
                                    .page(limit = 1)
                                    .contacts
                                    .isNotEmpty()
                            ) {
                                begun.open()
                                kotlinx.coroutines.awaitCancellation()
                            }
                            portion
                        },
                    )
                }
            begun.await()
            importing.cancelAndJoin()
            val some =
                tablet.store.cases
                    .list()
                    .single()
                    .contacts
            assertTrue(some in 1U until changes.toUInt(), "$some")
            assertTrue(phone.hand(tablet).complete)
            assertEquals(
                changes.toUInt(),
                tablet.store.cases
                    .list()
                    .single()
                    .contacts,
            )

            val file = File(phone.folder, "backup.db")
            val long =
                listOf<suspend (ProgressHandler) -> Any>(
                    phone.store::verify,
                    phone.store::rebuild,
                    { phone.store.backUp(file, it) },
                )
            for (work in long) {
                val under = Gate()
                val release = CountDownLatch(1)
                val working =
                    async(Dispatchers.Default) {
                        work {
                            under.open()
                            release.await()
                        }
                    }
                under.await()
                working.cancel()
                release.countDown()
                assertTrue(runCatching { working.await() }.exceptionOrNull() is CancellationException)
            }
            assertFalse(file.exists())
            assertTrue(phone.store.verify { throw NotAboutSecrets() }.isSound)
        }

    @Test
    fun `eight threads at once lose nothing`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            val ids = ConcurrentLinkedQueue<ContactId>()
            val failed = ConcurrentLinkedQueue<Throwable>()
            (0 until 8)
                .map { number ->
                    thread {
                        runCatching {
                            runBlocking {
                                repeat(5) {
                                    ids += store.recordCall(family.lea.id, "Thread $number, call $it.").id
                                    store.today()
                                    store.contacts.search("call", limit = 5)
                                }
                            }
                        }.onFailure { failed += it }
                    }
                }.forEach { it.join() }
            assertEquals(emptyList(), failed.toList())
            assertEquals(40, ids.toSet().size)
            assertEquals(
                ids.toSet(),
                store.contacts
                    .page(limit = 100)
                    .contacts
                    .map { it.id }
                    .toSet(),
            )
            assertTrue(store.verify().isSound)
        }

    @Test
    fun `closing while reading ends reads and flows`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            repeat(10) { store.recordCall(family.lea.id, "Call $it.") }
            val begun = Gate()
            val readers =
                List(8) {
                    async(Dispatchers.Default) {
                        try {
                            while (true) {
                                store.cases.overview(family.lea.id)
                                begun.open()
                            }
                        } catch (closed: CaseplanException.Closed) {
                            closed
                        }
                    }
                }
            val flows = List(8) { async(Dispatchers.Default) { store.watchToday().toList() } }
            begun.await()
            store.close()
            readers.awaitAll()
            flows.awaitAll()
        }

    companion object {
        private val busy by lazy { runBlocking { Busy.make() } }
    }
}

/** A phone with many contacts, made once: each test hands them to a tablet of its own. */
private class Busy(
    val phone: Phone,
    val caseId: CaseId,
    private val before: ByteArray,
) {
    /** A tablet that has the case and none of its contacts. */
    suspend fun tablet(worker: String): Phone = phone.enrol(worker).also { it.store.exchange.import(before) }

    /** What it lacks. */
    suspend fun exported(tablet: Phone): ByteArray = exported(phone.store, tablet.store.exchange.vector())

    companion object {
        suspend fun make(): Busy {
            val phone = Phone.open()
            val caseId = Family.of(phone.store).lea.id
            val before = exported(phone.store, null)
            repeat(changes) { phone.store.recordCall(caseId, "Call $it.") }
            return Busy(phone, caseId, before)
        }

        private suspend fun exported(
            store: Store,
            vector: ByteArray?,
        ): ByteArray =
            store.exchange
                .export(vector)
                .toList()
                .reduce { all, more -> all + more }
    }
}
