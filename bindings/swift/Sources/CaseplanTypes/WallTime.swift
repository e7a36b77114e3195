import Foundation

/// A day and a time as read on a wall clock, without a zone.
public struct WallTime: TextValue, Comparable {
  public let day: Day
  public let hour: Int
  public let minute: Int
  public let second: Int
  public let nanosecond: Int

  /// This time on `day`; nil when the clock never shows it.
  public init?(_ day: Day, hour: Int, minute: Int, second: Int = 0, nanosecond: Int = 0) {
    guard (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second),
      (0...999_999_999).contains(nanosecond)
    else { return nil }
    self.day = day
    self.hour = hour
    self.minute = minute
    self.second = second
    self.nanosecond = nanosecond
  }

  /// Reads `2026-03-07T14:00:00`, with up to nine decimals of a second.
  public init?(_ text: String) {
    let halves = text.split(separator: "T", omittingEmptySubsequences: false)
    guard halves.count == 2, let day = Day(String(halves[0])) else { return nil }
    let parts = halves[1].split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 3, let hour = Day.number(parts[0]), let minute = Day.number(parts[1]) else { return nil }
    let seconds = parts[2].split(separator: ".", omittingEmptySubsequences: false)
    let fraction = seconds.count == 2 ? seconds[1] : ""
    guard seconds.count <= 2, fraction.count <= 9, let second = Day.number(seconds[0]),
      let nanosecond = Day.number(fraction + String(repeating: "0", count: 9 - fraction.count))
    else { return nil }
    self.init(day, hour: hour, minute: minute, second: second, nanosecond: nanosecond)
  }

  /// Year to nanosecond, for Foundation's calendars.
  public var dateComponents: DateComponents {
    var parts = day.dateComponents
    (parts.hour, parts.minute, parts.second, parts.nanosecond) = (hour, minute, second, nanosecond)
    return parts
  }

  public var description: String {
    let time = [hour, minute, second].map { Day.padded($0) }.joined(separator: ":")
    return "\(day)T\(time)" + (nanosecond == 0 ? "" : "." + Day.padded(nanosecond, to: 9))
  }

  public static func < (left: WallTime, right: WallTime) -> Bool {
    (left.day, left.hour, left.minute, left.second, left.nanosecond)
      < (right.day, right.hour, right.minute, right.second, right.nanosecond)
  }
}
