package org.caseplan

import java.time.DayOfWeek
import java.time.Duration
import java.time.Instant
import java.time.LocalDate
import java.time.LocalDateTime
import java.time.ZoneId
import java.time.temporal.TemporalAdjusters

/** The week that this day lies in, Monday to Sunday. */
public val LocalDate.week: ClosedRange<LocalDate>
    get() =
        with(TemporalAdjusters.previousOrSame(DayOfWeek.MONDAY))..with(TemporalAdjusters.nextOrSame(DayOfWeek.SUNDAY))

/** A plan that is about to be made, with the length of a visit as a duration, in whole minutes. */
public fun NewVisitationPlan(
    mandate: Mandate,
    toVisit: Collection<PartyRef>,
    visitors: Collection<PartyRef>,
    schedule: Schedule,
    duration: Duration,
    methods: Collection<ContactMethod>,
    place: String? = null,
    supervision: Supervision? = null,
    purpose: String? = null,
    conditions: String? = null,
    transport: String? = null,
    excluded: String? = null,
    start: LocalDate? = null,
    end: LocalDate? = null,
    minAge: UInt? = null,
    maxAge: UInt? = null,
    asDraft: Boolean = false,
    origin: Origin? = null,
): NewVisitationPlan =
    NewVisitationPlan(
        mandate = mandate,
        toVisit = toVisit.toList(),
        visitors = visitors.toList(),
        schedule = schedule,
        minutes = duration.wholeMinutes,
        methods = methods.toList(),
        place = place,
        supervision = supervision,
        purpose = purpose,
        conditions = conditions,
        transport = transport,
        excluded = excluded,
        start = start,
        end = end,
        minAge = minAge,
        maxAge = maxAge,
        asDraft = asDraft,
        origin = origin,
    )

/** What a new device's certificate will say, with the level, 1 to 5, as an Int. */
public fun Terms(
    worker: WorkerId,
    roles: List<Role>,
    level: Int = 1,
): Terms = Terms(worker, roles, level.coerceIn(0, UByte.MAX_VALUE.toInt()).toUByte())

/** By a court's order. */
public operator fun Mandate.CourtOrdered.Companion.invoke(
    reference: String,
    on: LocalDate,
    court: String? = null,
): Mandate.CourtOrdered = Mandate.CourtOrdered(CourtOrder(reference, on, court))

/**
 * Visits on dates, by an RFC 5545 rule such as `FREQ=WEEKLY;BYDAY=SA`. The local time stays what it is when the zone's
 * clocks change.
 */
public operator fun Schedule.Rule.Companion.invoke(
    rule: String,
    startsAt: LocalDateTime,
    zone: ZoneId,
): Schedule.Rule = Schedule.Rule(rule, startsAt, Zone(zone))

/** So many visits in each period, on no fixed dates. */
public operator fun Schedule.Quota.Companion.invoke(
    count: Int,
    period: QuotaPeriod,
    zone: ZoneId,
): Schedule.Quota = Schedule.Quota(count.coerceAtLeast(0).toUInt(), period, Zone(zone))

/** They are the same; this is the contact to read. */
public operator fun IssueChoice.Same.Companion.invoke(keep: ContactId): IssueChoice.Same = IssueChoice.Same(keep.value)

/** They are the same; this is the case to read. */
public operator fun IssueChoice.Same.Companion.invoke(keep: CaseId): IssueChoice.Same = IssueChoice.Same(keep.value)

/** A contact that began at [start], and whose end may not be known. */
public fun ContactTime(
    start: Instant,
    end: Instant? = null,
    zone: ZoneId,
): ContactTime = ContactTime(start.atZone(zone).toLocalDate(), start, end, Zone(zone))

/** How long it was, if that is known. */
public val ContactTime.duration: Duration?
    get() = start?.let { start -> end?.let { end -> Duration.between(start, end) } }

/** With another length of a visit, in whole minutes. */
public fun PlanChange.withDuration(duration: Duration): PlanChange = copy(minutes = duration.wholeMinutes)

/** How long a visit is. */
public val PlanSchedule.duration: Duration? get() = minutes?.let { Duration.ofMinutes(it.toLong()) }

/** The case. */
public val DueVisit.caseId: CaseId
    get() =
        when (this) {
            is DueVisit.Occurrence -> caseId
            is DueVisit.Quota -> caseId
        }

/** Names of the clients to visit. */
public val DueVisit.toVisit: List<String>
    get() =
        when (this) {
            is DueVisit.Occurrence -> toVisit
            is DueVisit.Quota -> toVisit
        }

/** The planned visit; null for a quota. */
public val DueVisit.occurrence: OccurrenceRef? get() = (this as? DueVisit.Occurrence)?.occurrence

/** What became of the planned visit; null for a quota. */
public val DueVisit.state: DueState? get() = (this as? DueVisit.Occurrence)?.state

/** When the planned visit starts by the clocks of its zone; null for a quota. */
public val DueVisit.localStart: LocalDateTime? get() = (this as? DueVisit.Occurrence)?.local

/** Whole minutes, rounded to the nearest; none below zero. */
private val Duration.wholeMinutes: UInt
    get() = plusSeconds(30).toMinutes().coerceIn(0, UInt.MAX_VALUE.toLong()).toUInt()
