// Requests and values in the platform's own types: durations, time zones, days.

import CaseplanCore
import CaseplanTypes
import Foundation

extension Duration {
  /// So many minutes.
  public static func minutes(_ minutes: Int) -> Duration {
    .seconds(minutes * 60)
  }

  /// So many hours.
  public static func hours(_ hours: Int) -> Duration {
    .minutes(hours * 60)
  }

  /// Whole minutes, rounded to the nearest; none below zero.
  var wholeMinutes: UInt32 {
    let minutes = (components.seconds + (components.attoseconds >= 500_000_000_000_000_000 ? 1 : 0) + 30) / 60
    return UInt32(clamping: max(0, minutes))
  }
}

extension Terms {
  /// What a new device's certificate will say, with the lowest level, 1.
  public init(worker: WorkerId, roles: [Role]) {
    self.init(worker: worker, roles: roles, level: 1)
  }
}

extension NewVisitationPlan {
  /// A plan that is about to be made, with the length of a visit as a duration, in whole minutes.
  public init(
    mandate: Mandate, toVisit: [PartyRef], visitors: [PartyRef], schedule: Schedule, duration: Duration,
    methods: [ContactMethod], place: String? = nil, supervision: Supervision? = nil, purpose: String? = nil,
    conditions: String? = nil, transport: String? = nil, excluded: String? = nil, start: Day? = nil, end: Day? = nil,
    minAge: UInt32? = nil, maxAge: UInt32? = nil, asDraft: Bool = false, origin: Origin? = nil
  ) {
    self.init(
      mandate: mandate, toVisit: toVisit, visitors: visitors, schedule: schedule, minutes: duration.wholeMinutes,
      methods: methods, place: place, supervision: supervision, purpose: purpose, conditions: conditions,
      transport: transport, excluded: excluded, start: start, end: end, minAge: minAge, maxAge: maxAge,
      asDraft: asDraft, origin: origin)
  }
}

extension PlanChange {
  /// Another length of a visit, in whole minutes.
  public var duration: Duration? {
    get { minutes.map { .minutes(Int($0)) } }
    set { minutes = newValue?.wholeMinutes }
  }
}

extension PlanSchedule {
  /// How long a visit is.
  public var duration: Duration? { minutes.map { .minutes(Int($0)) } }
}

extension Schedule {
  /// Visits on dates, by an RFC 5545 rule such as `FREQ=WEEKLY;BYDAY=SA`. The local time stays what it is when the
  /// zone's clocks change.
  public static func rule(_ rule: String, startsAt: WallTime, in timeZone: TimeZone) -> Self {
    .rule(rule: rule, startsAt: startsAt, zone: Zone(timeZone))
  }

  /// So many visits in each period, on no fixed dates.
  public static func quota(_ count: UInt32, per period: QuotaPeriod, in timeZone: TimeZone) -> Self {
    .quota(count: count, period: period, zone: Zone(timeZone))
  }
}

extension ContactTime {
  /// A contact that began at `start`, and whose end may not be known.
  public init(start: Date, end: Date? = nil, in timeZone: TimeZone) {
    self.init(day: Day(start, in: timeZone), start: start, end: end, zone: Zone(timeZone))
  }

  /// How long it was, if that is known.
  public var duration: Duration? {
    guard let start, let end else { return nil }
    return .milliseconds(end.caseplanMilliseconds - start.caseplanMilliseconds)
  }
}

extension DueVisit {
  /// The case.
  public var caseId: CaseId {
    switch self {
    case .occurrence(_, let caseId, _, _, _, _, _, _, _, _, _, _): caseId
    case .quota(_, let caseId, _, _, _, _, _, _): caseId
    }
  }

  /// Names of the clients to visit.
  public var toVisit: [String] {
    switch self {
    case .occurrence(_, _, _, _, _, _, _, let toVisit, _, _, _, _): toVisit
    case .quota(_, _, _, _, _, _, let toVisit, _): toVisit
    }
  }

  /// The planned visit; nil for a quota.
  public var occurrence: OccurrenceRef? {
    guard case .occurrence(let occurrence, _, _, _, _, _, _, _, _, _, _, _) = self else { return nil }
    return occurrence
  }

  /// What became of the planned visit; nil for a quota.
  public var state: DueState? {
    guard case .occurrence(_, _, _, _, _, _, _, _, _, let state, _, _) = self else { return nil }
    return state
  }

  /// When the planned visit starts by the clocks of its zone; nil for a quota.
  public var localStart: WallTime? {
    guard case .occurrence(_, _, _, let local, _, _, _, _, _, _, _, _) = self else { return nil }
    return local
  }
}
