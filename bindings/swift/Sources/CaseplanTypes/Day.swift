// A day of the calendar, as plans and contacts name it.

import Foundation

/// A day of the calendar, without a time or a zone.
public struct Day: TextValue, Comparable {
  public let year: Int
  public let month: Int
  public let day: Int

  /// The day with these numbers in the Gregorian calendar; nil when there is none, as on 30 February.
  public init?(year: Int, month: Int, day: Int) {
    guard (1...12).contains(month), day >= 1, day <= Self.days(inMonth: month, ofYear: year) else { return nil }
    self.year = year
    self.month = month
    self.day = day
  }

  /// Reads `2026-03-07`; years beyond four digits carry a sign.
  public init?(_ text: String) {
    let sign = text.first.map { "+-".contains($0) } ?? false
    let parts = text.dropFirst(sign ? 1 : 0).split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0].count >= 4, parts[1].count == 2, parts[2].count == 2,
      let year = Self.number(parts[0]), let month = Self.number(parts[1]), let day = Self.number(parts[2])
    else { return nil }
    self.init(year: text.first == "-" ? -year : year, month: month, day: day)
  }

  /// The day that `date` falls on in `timeZone`.
  public init(_ date: Date, in timeZone: TimeZone) {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = timeZone
    let parts = calendar.dateComponents([.era, .year, .month, .day], from: date)
    let year = parts.year ?? 1
    // Foundation counts years before Christ backwards, from 1; the core counts on from 0.
    self.year = parts.era == 0 ? 1 - year : year
    self.month = parts.month ?? 1
    self.day = parts.day ?? 1
  }

  /// The day that these components name; nil when year, month or day is missing or there is no such day.
  public init?(_ components: DateComponents) {
    guard let year = components.year, let month = components.month, let day = components.day else { return nil }
    self.init(year: year, month: month, day: day)
  }

  /// Year, month and day, for Foundation's calendars.
  public var dateComponents: DateComponents {
    DateComponents(year: year, month: month, day: day)
  }

  public var description: String {
    "\(Self.written(year))-\(Self.padded(month))-\(Self.padded(day))"
  }

  public static func < (left: Day, right: Day) -> Bool {
    (left.year, left.month, left.day) < (right.year, right.month, right.day)
  }

  /// The day so many days later, or earlier.
  public func adding(days: Int) -> Day {
    Self(epochDay: epochDay + days)
  }

  /// The seven days from Monday on that this day lies in.
  public var week: ClosedRange<Day> {
    let monday = adding(days: -((epochDay % 7 + 10) % 7))
    return monday...monday.adding(days: 6)
  }

  /// Days since 1970-01-01, in the Gregorian calendar for all times. Years are counted from March, so that a leap day is
  /// the last of its year.
  private var epochDay: Int {
    let shifted = month > 2 ? year : year - 1
    let era = Int((Double(shifted) / 400).rounded(.down))
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private init(epochDay: Int) {
    let shifted = epochDay + 719_468
    let era = Int((Double(shifted) / 146_097).rounded(.down))
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let fromMarch = (5 * dayOfYear + 2) / 153
    month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
    day = dayOfYear - (153 * fromMarch + 2) / 5 + 1
    year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  }

  /// Reads digits, and unlike `Int` no sign.
  static func number(_ digits: Substring) -> Int? {
    digits.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(digits) : nil
  }

  static func padded(_ number: Int, to width: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }

  private static func written(_ year: Int) -> String {
    (year < 0 ? "-" : year > 9999 ? "+" : "") + padded(abs(year), to: 4)
  }

  private static func days(inMonth month: Int, ofYear year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }
}
