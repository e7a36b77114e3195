import Foundation

/// An id that is a UUID.
public protocol UUIDIdentifier: TextValue {
  var value: UUID { get }
  init(value: UUID)
}

extension UUIDIdentifier {
  public init?(_ text: String) {
    guard let value = UUID(uuidString: text) else { return nil }
    self.init(value: value)
  }

  public var description: String { value.uuidString.lowercased() }
}

/// An id that is the agency's own text; any text will do.
public protocol TextIdentifier: TextValue, ExpressibleByStringLiteral {
  var value: String { get }
  init(_ value: String)
}

extension TextIdentifier {
  public init(stringLiteral value: String) { self.init(value) }

  public var description: String { value }
}

/// Names a case.
public struct CaseId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names a worker as the agency does.
public struct WorkerId: TextIdentifier {
  public let value: String

  public init(_ value: String) { self.value = value }
}
