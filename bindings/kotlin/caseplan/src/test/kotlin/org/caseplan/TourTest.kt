package org.caseplan

import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import org.junit.jupiter.api.Test
import java.io.File
import java.time.Duration
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.ZoneId
import kotlin.test.assertEquals

/** The tour in README.md, word for word: `tests/packages.rs` compares the two. */
class TourTest {
    @Test
    fun `the tour of the readme runs`() =
        story {
            val contact = tour(File(folder(), "caseplan.db"), MemoryKeyVault())
            assertEquals("They built a tower.", contact.narrative)
        }

    private suspend fun tour(
        file: File,
        vault: KeyVault,
    ): Contact =
        coroutineScope {
            val (today, zone, text) = Triple(LocalDate.of(2026, 3, 2), ZoneId.of("Europe/Paris"), "They built a tower.")
            val shown = Gate()

            fun render(due: List<DueVisit>) {
                if (due.single().state == DueState.Done) shown.open()
            }

            // The tour begins.
            val store = Store.open(StoreConfig(file, worker = WorkerId("w-117"), zone = ZoneId.systemDefault()), vault)

            val case = store.cases.create(NewCase("2026-0117", primaryClient = NewPerson("Léa Martin", born = LocalDate.of(2019, 4, 2))))
            val ana  = store.cases.addParticipant(case.id, NewParticipant(NewPerson("Ana Martin"), role = ParticipantRole.Parent, from = today))

            val plan = store.visitationPlans.create(case.id, NewVisitationPlan(
                mandate  = Mandate.CourtOrdered(reference = "TE 24/118", on = LocalDate.of(2026, 3, 2)),
                toVisit  = setOf(PartyRef.Participant(case.primaryClient)),
                visitors = setOf(PartyRef.Participant(ana.id)),
                schedule = Schedule.Rule("FREQ=WEEKLY;BYDAY=SA", startsAt = LocalDateTime.of(2026, 3, 7, 14, 0), zone),
                duration = Duration.ofHours(2),
                methods  = setOf(ContactMethod.InPerson)))

            val due = store.visitationPlans.due(today.week)                           // a planned visit for each date
            val screen = launch {
                store.visitationPlans.watchDue(today.week).collect { render(it) }     // again after every change, local or synced
            }

            val draft = store.contacts.startDraft(due.first())                        // prefilled from the plan, already on disk
            store.contacts.saveDraft(draft.copy(narrative = text, outcome = Outcome(OutcomeCode.Occurred)))   // survives an empty battery
            val contact = store.contacts.complete(draft.id)                           // durable when this returns
            // The tour ends.
            shown.await()
            assertEquals(plan.plan.id, due.first().occurrence?.plan)
            store.close()
            screen.join()
            contact
        }
}
