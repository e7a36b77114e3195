import Foundation

extension Date {
  /// The moment that the core writes as this number of milliseconds since 1970.
  public init(caseplanMilliseconds milliseconds: Int64) {
    self.init(timeIntervalSince1970: Double(milliseconds) / 1000)
  }

  /// The moment as the core writes it, rounded to the millisecond. A moment out of range becomes the outermost one,
  /// which the core refuses; it does not end the app.
  public var caseplanMilliseconds: Int64 {
    let milliseconds = (timeIntervalSince1970 * 1000).rounded()
    return Int64(exactly: milliseconds) ?? (milliseconds < 0 ? .min : .max)
  }
}
