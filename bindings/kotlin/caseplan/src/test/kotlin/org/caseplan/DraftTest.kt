package org.caseplan

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Test
import java.time.Instant
import java.util.concurrent.CountDownLatch
import kotlin.test.assertEquals
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Drafts are never lost: not by a stale save, not by a second one, not by a screen that went away. */
class DraftTest {
    @Test
    fun `a stale save keeps both texts`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            val draft = store.contacts.startDraft(family.lea.id, ContactKind.FamilyVisit)
            store.contacts.saveDraft(draft.copy(narrative = "one"))
            val changed =
                runCatching { store.contacts.saveDraft(draft.copy(narrative = "two")) }.exceptionOrNull()
            assertTrue(changed is CaseplanException.DraftChanged, "$changed")
            assertEquals(draft.id to 2L, changed.draft to changed.revision)
            assertEquals("one", store.contacts.draft(changed.draft)?.narrative)
            assertEquals("two", store.contacts.draft(changed.keptAs)?.narrative)
        }

    @Test
    fun `two drafts for one occurrence are both kept`() =
        story {
            val phone = Phone.open()
            val family = Family.of(phone.store)
            family.saturdays()
            val saturday = day("2026-03-07")
            val due =
                phone.store.visitationPlans
                    .due(saturday..saturday)
                    .single()
            val one = phone.store.contacts.startDraft(due)
            val two = phone.store.contacts.startDraft(due)
            phone.store.contacts.saveDraft(one.copy(narrative = "one"))
            phone.store.contacts.saveDraft(two.copy(narrative = "two"))
            assertEquals("Maison de la famille, salle 2", one.place)

            val again = phone.restarted().store
            assertEquals(setOf("one", "two"), again.contacts.drafts(family.lea.id).map { it.narrative }.toSet())
            val shown = again.visitationPlans.due(saturday..saturday).single() as DueVisit.Occurrence
            assertEquals(DueState.Drafted to setOf(one.id, two.id), shown.state to shown.drafts.toSet())
            again.contacts.discardDraft(one.id)
            assertNull(again.contacts.draft(one.id))
            assertEquals("two", again.contacts.draft(two.id)?.narrative)
        }

    @Test
    fun `a command runs to its commit when its coroutine is cancelled`() =
        story {
            val clock = StuckClock()
            val store = Store.inMemory(zone = paris, clock = clock)
            val family = Family.of(store)
            val draft = store.contacts.startDraft(family.lea.id, ContactKind.Other)
            clock.stuck = CountDownLatch(1)
            val saving = async(Dispatchers.Default) { store.contacts.saveDraft(draft.copy(narrative = "typed")) }
            clock.entered.await()
            // A second one waits for the first; it was asked for, so it is done too.
            val second = async(Dispatchers.Unconfined) { store.contacts.startDraft(family.lea.id, ContactKind.Other) }
            saving.cancel()
            second.cancel()
            clock.stuck?.countDown()
            assertTrue(runCatching { saving.await() }.exceptionOrNull() is CancellationException)
            assertTrue(runCatching { second.await() }.exceptionOrNull() is CancellationException)
            assertEquals("typed", store.contacts.draft(draft.id)?.narrative)
            assertEquals(2, store.contacts.drafts().size)
        }

    @Test
    fun `a coroutine that was cancelled before begins nothing, and may still close the store`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            val gate = Gate()
            val gone =
                launch {
                    try {
                        gate.await()
                    } finally {
                        val begun = runCatching { store.contacts.startDraft(family.lea.id, ContactKind.Other) }
                        assertTrue(begun.exceptionOrNull() is CancellationException)
                        store.close()
                    }
                }
            launch { gone.cancelAndJoin() }.join()
            expect(CaseplanException.Closed()) { store.today() }
        }

    /** A clock that holds up a command that asks it, once it is told to. The core's own thread may ask at any time. */
    private class StuckClock : StoreClock {
        val entered = Gate()

        @Volatile var stuck: CountDownLatch? = null

        override fun now(): Instant {
            stuck?.takeIf { Thread.currentThread().name.startsWith("DefaultDispatcher") }?.let {
                entered.open()
                it.await()
            }
            return at("2026-03-02T08:00:00Z")
        }
    }
}
