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

/// Names a person taking part in a case.
public struct ParticipantId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names a visitation plan.
public struct VisitationPlanId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names somebody's place in a visitation plan.
public struct PartyId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names one schedule of a visitation plan.
public struct ScheduleId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names a recorded contact.
public struct ContactId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names an addendum to a contact.
public struct AddendumId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names a draft of a contact on this device.
public struct DraftId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names a device.
public struct DeviceId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names the domain that devices belong to.
public struct DomainId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names a document of the store.
public struct DocumentId: UUIDIdentifier {
  public let value: UUID

  public init(value: UUID) { self.value = value }
}

/// Names a worker as the agency does.
public struct WorkerId: TextIdentifier {
  public let value: String

  public init(_ value: String) { self.value = value }
}

/// Names a field in conflict together with the values that were seen.
public struct ConflictId: TextIdentifier {
  public let value: String

  public init(_ value: String) { self.value = value }
}

/// Names one value of a field in conflict.
public struct ConflictValueId: TextIdentifier {
  public let value: String

  public init(_ value: String) { self.value = value }
}

/// Names an issue; the same on every device.
public struct IssueId: TextIdentifier {
  public let value: String

  public init(_ value: String) { self.value = value }
}

/// Names a change, and with others a version.
public struct ChangeHash: TextIdentifier {
  public let value: String

  public init(_ value: String) { self.value = value }
}

/// Names a grant.
public struct GrantId: TextIdentifier {
  public let value: String

  public init(_ value: String) { self.value = value }
}

extension UUID {
  /// Reads what the core sent.
  public init(caseplanLifting text: String) throws {
    guard let value = UUID(uuidString: text) else { throw LiftError(UUID.self, text) }
    self = value
  }
}
