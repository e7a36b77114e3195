package org.caseplan

import org.junit.jupiter.api.Test
import java.lang.reflect.Modifier
import java.time.Duration
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.ZoneId
import java.util.UUID
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue

class BoundaryTest {
    private val probe =
        BoundaryProbe(
            caseId = CaseId(UUID.randomUUID()),
            worker = WorkerId("w-117"),
            at = Instant.parse("2026-03-07T13:00:00.123Z"),
            day = LocalDate.of(2026, 3, 7),
            wallTime = LocalDateTime.of(2026, 3, 7, 14, 0),
            length = Duration.ofHours(2),
            zone = Zone(ZoneId.of("Europe/Zurich")),
            days = listOf(LocalDate.of(2024, 2, 29)),
            other = null,
        )

    @Test
    fun `every value comes back as it went`() {
        val others =
            listOf(
                probe,
                probe.copy(other = CaseId(UUID.randomUUID())),
                probe.copy(at = Instant.parse("1931-01-01T00:00:00.999Z")),
                probe.copy(wallTime = LocalDateTime.of(2026, 3, 7, 14, 0, 1, 500)),
                probe.copy(length = Duration.ofSeconds(-90)),
                probe.copy(days = listOf(LocalDate.of(12026, 1, 1), LocalDate.of(-44, 3, 15))),
            )
        for (value in others) assertEquals(value, probeBoundary(value))
    }

    @Test
    fun `the outermost days of the core can be read`() {
        val (first, last) = probeOutermostDays()
        assertTrue(first < LocalDate.MIN.withYear(-200_000) && last > LocalDate.MAX.withYear(200_000))
    }

    @Test
    fun `a zone that this device does not know keeps its name`() {
        val zone = probeBoundary(probe.copy(zone = Zone("Mars/Olympus"))).zone
        assertEquals("Mars/Olympus", zone.name)
        assertNull(zone.toZoneIdOrNull())
    }

    @Test
    fun `a value out of the core's range is a typed error`() {
        val error = assertFailsWith<CaseplanException.Unexpected> { probeDay(LocalDate.MAX) }
        assertContains(error.reason, "not a day")
        assertFailsWith<CaseplanException.Unexpected> { probeBoundary(probe.copy(at = Instant.ofEpochMilli(Long.MAX_VALUE))) }
    }

    @Test
    fun `records are immutable`() {
        val fields = BoundaryProbe::class.java.declaredFields.filterNot { Modifier.isStatic(it.modifiers) }
        assertTrue(fields.isNotEmpty() && fields.all { Modifier.isFinal(it.modifiers) })
    }
}
