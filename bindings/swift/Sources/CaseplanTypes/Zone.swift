import Foundation

/// A time zone by its name in the IANA database.
///
/// It keeps the name and not a `TimeZone`: a colleague's newer device may send a zone that this one has not heard of,
/// and such a plan must stay readable and keep its zone.
public struct Zone: TextIdentifier {
  public let name: String

  public init(_ name: String) { self.name = name }

  public init(_ timeZone: TimeZone) { self.name = timeZone.identifier }

  public var value: String { name }

  /// This zone's rules; nil when this device has none under the name.
  public var timeZone: TimeZone? { TimeZone(identifier: name) }
}
