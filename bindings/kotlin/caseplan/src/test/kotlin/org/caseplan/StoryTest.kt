package org.caseplan

import org.junit.jupiter.api.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertTrue

/** A visit recorded offline on two phones, merged: the story that the Rust tests tell, told in Kotlin. */
class StoryTest {
    @Test
    fun `two phones record offline and merge`() =
        story {
            val phone = Phone.open()
            val tablet = phone.enrol("w-204")
            val family = Family.of(phone.store)
            val plan = family.saturdays()
            phone.meet(tablet)
            assertEquals(phone.store.exchange.digest(), tablet.store.exchange.digest())

            // Saturday, no network: both record the visit, and both move the next ones elsewhere.
            phone.now("2026-03-07T16:30:00Z")
            tablet.now("2026-03-07T16:30:00Z")
            val saturday = day("2026-03-07")
            val planned = phone.store.planned(saturday..saturday).single()
            val here = phone.store.record(planned, "Léa ran to her mother.")
            val there = tablet.store.record(planned, "They built a tower.")
            phone.now("2026-03-09T09:00:00Z")
            tablet.now("2026-03-09T09:05:00Z")
            phone.store.visitationPlans.change(plan.id, PlanChange(place = "Parc Monceau"))
            tablet.store.visitationPlans.change(plan.id, PlanChange(place = "Bibliothèque"))
            phone.meet(tablet)

            // The same field twice: both values, with who and when; an ordinary edit is refused.
            val conflict =
                phone.store.conflicts
                    .list(family.lea.id)
                    .single()
            assertEquals("place", conflict.field)
            assertEquals(setOf(WorkerId("w-117"), WorkerId("w-204")), conflict.values.map { it.by }.toSet())
            assertEquals(
                setOf("""{"text":"Parc Monceau"}""", """{"text":"Bibliothèque"}"""),
                conflict.values.map { it.value }.toSet(),
            )
            expect(CaseplanException.FieldInConflict(conflict.id)) {
                phone.store.visitationPlans.change(plan.id, PlanChange(place = "Gare"))
            }
            assertEquals(conflict, phone.store.conflicts.get(conflict.id))
            phone.store.conflicts.settle(conflict.id, choice = conflict.values[1].id)
            expect(CaseplanException.ConflictChanged(conflict.id)) {
                phone.store.conflicts.settle(conflict.id, choice = conflict.values[0].id)
            }

            // The same visit twice: counted once, and a person says that it is one.
            val issue =
                tablet.store.issues
                    .list()
                    .single()
            assertEquals("I-10", issue.code)
            val subject = assertIs<IssueSubject.PossibleDuplicateContacts>(issue.subject)
            assertEquals(setOf(here.id, there.id), setOf(subject.first, subject.second))
            tablet.store.issues.settle(issue.id, IssueChoice.Same(keep = subject.first), why = "one visit")
            phone.meet(tablet)
            assertTrue(
                phone.store.conflicts
                    .list()
                    .isEmpty(),
            )
            assertTrue(
                phone.store.issues
                    .list()
                    .isEmpty(),
            )
            val decided =
                phone.store.issues
                    .list(settledToo = true)
                    .single()
            assertEquals("one visit", decided.decision?.why)
            val due = phone.store.visitationPlans.due(saturday..saturday.plusDays(7))
            assertEquals(listOf(DueState.Done, DueState.Planned), due.map { it.state })

            // The plan as the court saw it on the 8th.
            val then = phone.store.history.get(plan.id, AsOf.Instant(at("2026-03-08T00:00:00Z")))
            assertEquals("Maison de la famille, salle 2", then?.place)

            for (each in listOf(phone, tablet)) {
                assertTrue(
                    each.store
                        .verify()
                        .isSound,
                )
            }
            assertEquals(phone.store.exchange.digest(), tablet.store.exchange.digest())
        }

    @Test
    fun `a contact is amended and what was recorded stays beside`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            val contact = store.recordCall(family.lea.id, "Called the school.")
            val amended =
                store.contacts.amend(
                    contact.id,
                    NewAddendum("It was the nurse.", listOf(Correction.Place("Infirmerie"))),
                )
            assertEquals("Infirmerie", amended.place)
            assertEquals(listOf("place"), amended.corrections.map { it.field })
            assertEquals("Called the school.", amended.narrative)
            assertEquals(listOf(contact.id), store.contacts.search("infirmerie nurse".split(" ").last()).map { it.id })
            val codes =
                store.history
                    .events(family.lea.id)
                    .events
                    .map { it.code }
            assertTrue("contact.complete" in codes, "$codes")
        }
}
