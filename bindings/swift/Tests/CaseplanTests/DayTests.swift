// Days, as a screen counts with them.

import Caseplan
import Foundation
import Testing

@Suite struct DayTests {
  @Test func daysCountOnOverMonthsYearsAndLeapDays() {
    #expect(day("2026-02-28").adding(days: 1) == day("2026-03-01"))
    #expect(day("2024-02-28").adding(days: 1) == day("2024-02-29"))
    #expect(day("1900-02-28").adding(days: 1) == day("1900-03-01"))
    #expect(day("2026-01-01").adding(days: -1) == day("2025-12-31"))
    #expect(day("0000-03-01").adding(days: -1) == day("0000-02-29"))
    #expect(day("2026-03-07").adding(days: 0) == day("2026-03-07"))
  }

  @Test func everyDayOfFourCenturiesFollowsTheOneBefore() {
    var current = day("1804-01-01")
    for _ in 0..<146_097 {
      let next = current.adding(days: 1)
      #expect(next > current && next.adding(days: -1) == current)
      current = next
    }
    #expect(current == day("2204-01-01"))
  }

  @Test func aWeekBeginsOnMonday() {
    #expect(day("2026-03-07").week == day("2026-03-02")...day("2026-03-08"))
    #expect(day("2026-03-02").week == day("2026-03-02")...day("2026-03-08"))
    #expect(day("2026-03-08").week == day("2026-03-02")...day("2026-03-08"))
    #expect(day("1969-12-31").week == day("1969-12-29")...day("1970-01-04"))
  }
}
