package org.caseplan

import org.junit.jupiter.api.Test
import java.time.Duration
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.ZoneId
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull

/** Days, times and zones cross the boundary as the platform's own. */
class TimeTest {
    @Test
    fun `a weekly visit at 14 00 in Paris stays at 14 00 when the clocks change`() =
        story {
            val store = Phone.open().store
            Family.of(store).saturdays()
            val due = store.visitationPlans.due(day("2026-03-23")..day("2026-04-05"))
            // The clocks change in the night to Sunday, 29 March.
            assertEquals(
                listOf(LocalDateTime.of(2026, 3, 28, 14, 0), LocalDateTime.of(2026, 4, 4, 14, 0)),
                due.map { it.localStart },
            )
            assertEquals(
                listOf(at("2026-03-28T13:00:00Z"), at("2026-04-04T12:00:00Z")),
                due.map { (it as DueVisit.Occurrence).startsAt },
            )
        }

    @Test
    fun `values cross as they are`() =
        story {
            val store = Phone.open().store
            val family = Family.of(store)
            val (start, end) = at("2026-03-01T22:30:00Z") to at("2026-03-02T00:15:00Z")
            val time = ContactTime(start, end, paris)
            assertEquals(day("2026-03-01") to Duration.ofMinutes(105), time.day to time.duration)
            val there = Attendance(PartyRef.Participant(family.ana.id), AttendanceStatus.Present, minutesLate = 4U)
            val text = "Léa 👩‍👧 ça va?"
            val draft = store.contacts.startDraft(family.lea.id, ContactKind.Unknown("parent_teacher"))
            val saved =
                store.contacts.saveDraft(
                    draft.copy(
                        time = time,
                        outcome = Outcome(OutcomeCode.Occurred),
                        method = ContactMethod.InPerson,
                        attendance = listOf(there),
                        narrative = text,
                    ),
                )
            assertEquals(time to draft.kind, saved.time to saved.kind)
            val contact = store.contacts.complete(draft.id)
            assertEquals(time to text, contact.time to contact.narrative)
            assertEquals(listOf(there), contact.attendance)
            assertEquals(at("2026-03-02T08:00:00Z"), contact.recordedAt)
        }

    @Test
    fun `a zone that this device does not know keeps its name`() {
        assertNull(Zone("Mars/Olympus").toZoneIdOrNull())
        assertEquals("Mars/Olympus", Zone("Mars/Olympus").toString())
        assertEquals(ZoneId.of("Europe/Paris"), assertNotNull(Zone(paris).toZoneIdOrNull()))
    }

    @Test
    fun `a week begins on Monday`() {
        val week = day("2026-03-02")..day("2026-03-08")
        for (one in listOf("2026-03-02", "2026-03-07", "2026-03-08")) {
            val found: ClosedRange<LocalDate> = day(one).week
            assertEquals(week, found)
        }
    }

    @Test
    fun `a duration is whole minutes, to the nearest`() {
        val change = PlanChange().withDuration(Duration.ofSeconds(5429))
        assertEquals(90U, change.minutes)
        assertEquals(0U, PlanChange().withDuration(Duration.ofMinutes(-5)).minutes)
        assertEquals(Instant.EPOCH, FixedClock(Instant.EPOCH).now())
    }
}
