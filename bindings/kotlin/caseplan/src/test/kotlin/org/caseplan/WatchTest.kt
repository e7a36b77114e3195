package org.caseplan

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.channels.ReceiveChannel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.produceIn
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertTrue

/** Flows: a value at once, another after each commit that could change it, and the newest only. */
class WatchTest {
    @Test
    fun `a flow emits at once and after a local commit`() =
        reading { store, family ->
            val pages = store.contacts.watchPage(family.lea.id).readIn(this)
            assertTrue(pages.receive().contacts.isEmpty())
            val contact = store.recordCall(family.lea.id, "Called the school.")
            pages.first { page -> page.contacts.map { it.id } == listOf(contact.id) }
            pages.cancel()
        }

    @Test
    fun `a flow emits after an import`() =
        story {
            val phone = Phone.open()
            val tablet = phone.enrol("w-204")
            val family = Family.of(phone.store)
            phone.meet(tablet)
            val pages =
                tablet.store.contacts
                    .watchPage(family.lea.id)
                    .readIn(this)
            assertTrue(pages.receive().contacts.isEmpty())
            val contact = phone.store.recordCall(family.lea.id, "Called the school.")
            phone.meet(tablet)
            pages.first { page -> page.contacts.map { it.id } == listOf(contact.id) }
            pages.cancel()
        }

    @Test
    fun `what is only here is told anew when somebody else has it`() =
        story {
            val phone = Phone.open("w-117")
            val tablet = Phone.open("w-117")
            takenIn(phone, tablet)
            Family.of(phone.store)
            val today = phone.store.watchToday().readIn(this)
            today.first { it.onlyHere.changes > 0UL }
            phone.syncs(tablet)
            today.first { it.onlyHere.changes == 0UL }
            today.cancel()
        }

    @Test
    fun `a flow of one case sleeps through commits in another`() =
        reading { store, one ->
            val other = Family.of(store, "2026-0118")
            store.passListeners(other.lea.id)
            val pages = store.contacts.watchPage(one.lea.id).readIn(this)
            pages.receive()
            store.recordCall(other.lea.id, "Called the school.")
            store.passListeners(other.lea.id)
            // A flow that had been woken for the other case would have read again, without the next contact.
            val contact = store.recordCall(one.lea.id, "Called the nurse.")
            val page = pages.receive()
            assertEquals(listOf(contact.id), page.contacts.map { it.id })
            pages.cancel()
        }

    @Test
    fun `a slow reader gets the newest only`() =
        reading { store, family ->
            store.passListeners(family.lea.id)
            val counts = mutableListOf<Int>()
            val (stuck, release) = Gate() to Gate()
            val reader =
                launch {
                    store.contacts.watchPage(family.lea.id).first { page ->
                        counts += page.contacts.size
                        stuck.open()
                        release.await()
                        page.contacts.size == 5
                    }
                }
            stuck.await()
            repeat(5) { store.recordCall(family.lea.id, "Call $it.") }
            store.passListeners(family.lea.id)
            release.open()
            reader.join()
            assertEquals(listOf(0, 5), counts)
        }

    @Test
    fun `each collector watches on its own and leaves nothing behind`() =
        reading { store, _ ->
            val watched = store.cases.watchList()
            repeat(2) { assertEquals(1, watched.first().size) }
            assertIs<NotAboutSecrets>(
                runCatching { watched.collect { throw NotAboutSecrets() } }.exceptionOrNull(),
            )
            val watching = launch { watched.collect { } }
            store.engine.awaitWatchers(1)
            watching.cancelAndJoin()
            assertEquals(0, store.engine.watchers)
        }

    @Test
    fun `a flow that fails throws what the read throws`() =
        story {
            val store = Phone.open().store
            val unknown = CaseId(newId())
            expect(CaseplanException.NotFound("case", "$unknown")) {
                store.cases.watchOverview(unknown).collect { }
            }
            assertEquals(0, store.engine.watchers)
        }

    @Test
    fun `a flow waits while the store is suspended and goes on`() =
        reading { store, _ ->
            val lists = store.cases.watchList().readIn(this)
            assertEquals(1, lists.receive().size)
            store.suspend()
            val journal = Journal()
            val watching =
                async {
                    lists.first { it.size == 2 }.map { it.reference }.also { journal.write("emitted") }
                }
            journal.write("resuming")
            store.resume()
            Family.of(store, "2026-0118")
            assertEquals(listOf("2026-0117", "2026-0118"), watching.await())
            assertEquals(listOf("resuming", "emitted"), journal.all)
            lists.cancel()
        }

    @Test
    fun `a flow completes when the store closes, from within it too`() =
        reading { store, _ ->
            val others = async { store.cases.watchList().toList() }
            store.engine.awaitWatchers(1)
            var emitted = 0
            store.watchToday().collect {
                emitted += 1
                store.close()
            }
            assertEquals(1, emitted)
            others.await()
            assertEquals(emptyList(), store.watchToday().toList())
        }

    @Test
    fun `every topic without a case concerns every case`() {
        val (mine, other) = CaseId(newId()) to CaseId(newId())
        val concerns = Concerns(Topic.CONTACTS, Topic.TODAY, caseId = mine)

        fun told(
            topics: List<Topic>,
            inCase: CaseId? = null,
        ) = ChangeSet(topics, listOfNotNull(inCase))
        assertTrue(concerns.match(told(listOf(Topic.CONTACTS), mine)))
        assertFalse(concerns.match(told(listOf(Topic.CONTACTS), other)))
        assertFalse(concerns.match(told(listOf(Topic.DRAFTS), mine)))
        assertTrue(concerns.match(told(listOf(Topic.TODAY))))
        // The turn of the day and a commit elsewhere, told together.
        assertTrue(concerns.match(told(listOf(Topic.TODAY, Topic.CONTACTS), other)))
        assertTrue(Concerns(Topic.CONTACTS).match(told(listOf(Topic.CONTACTS), other)))
    }

    private fun reading(tell: suspend CoroutineScope.(Store, Family) -> Unit) =
        story {
            val store = Phone.open().store
            tell(store, Family.of(store))
        }
}

/** Reads a flow value by value: each is read from the store when it is received, not before. */
private fun <T> Flow<T>.readIn(scope: CoroutineScope): ReceiveChannel<T> = buffer(Channel.RENDEZVOUS).produceIn(scope)

/** Goes on to the first value that fits; a commit may wake a flow more than once. */
private suspend fun <T> ReceiveChannel<T>.first(fits: (T) -> Boolean): T {
    while (true) receive().let { if (fits(it)) return it }
}

private suspend fun Engine.awaitWatchers(count: Int) {
    while (watchers < count) kotlinx.coroutines.yield()
}

/** Returns when the core has told of everything committed so far. It tells in the order of commits. */
private suspend fun Store.passListeners(caseId: CaseId) {
    val marks = newId().toString()
    // The first value is there at once; the mark of the change comes after it, or it is the change's own.
    for (team in listOf(marks, "$marks.")) {
        cases.change(caseId, CaseChange(team = team))
        cases.watch(caseId).first { it?.team == team }
    }
    val hub = Gate()
    val watching =
        CoroutineScope(Dispatchers.Default).launch {
            var first = true
            cases.watch(caseId).first { found ->
                if (first) hub.open()
                first = false
                found?.team == "passed $marks"
            }
        }
    hub.await()
    cases.change(caseId, CaseChange(team = "passed $marks"))
    watching.join()
}
