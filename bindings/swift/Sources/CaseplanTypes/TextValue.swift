/// The core sent a text that is not what it should be: the package and its library are of different versions.
public struct LiftError: Error, Hashable, Sendable, CustomStringConvertible {
  public let type: String
  public let text: String

  public var description: String { "not a \(type): \(text)" }

  init(_ type: Any.Type, _ text: String) {
    self.type = String(describing: type)
    self.text = text
  }
}

/// A value with one written form, which is also how it crosses the boundary and how it is encoded.
public protocol TextValue: Hashable, Sendable, Codable, CustomStringConvertible {
  /// Reads the value as `description` writes it; nil when the text is none.
  init?(_ text: String)
}

extension TextValue {
  /// Reads what the core sent.
  public init(lifting text: String) throws {
    guard let value = Self(text) else { throw LiftError(Self.self, text) }
    self = value
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let value = Self(text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a \(Self.self)")
    }
    self = value
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
