// Errors as text, for a log and for whoever looks at it. Ids and codes, never case content.

import CaseplanCore
import CaseplanTypes

/// What an app shows is the app's own, in its user's language; this is what it logs. `localizedDescription` says the
/// same.
extension CaseplanError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .NotFound(let kind, let id): "no \(kind) \(id)"
    case .NotYetHere(let kind, let id): "\(kind) \(id) is not here yet"
    case .RuleBroken(let rule, let subject, let data): "rule \(rule) forbids it\(Self.about(subject, data))"
    case .Invalid(let field, let reason): "\(field) is invalid: \(reason)"
    case .Incomplete(let draft, let missing): "draft \(draft) lacks \(missing.joined(separator: ", "))"
    case .FieldInConflict(let conflict): "the field is in conflict \(conflict)"
    case .ConflictChanged(let conflict): "the conflict has changed: \(conflict)"
    case .DraftChanged(let draft, let revision, let keptAs):
      "draft \(draft) has changed: it is at revision \(revision), and the stale text is kept as \(keptAs)"
    case .CaseClosed: "the case is closed"
    case .ReferenceTaken(let caseId): "another case has this reference: \(caseId)"
    case .DocumentFull(let document): "document \(document) is full"
    case .Closed: "the store is closed"
    case .Suspended: "the store is suspended"
    case .KeysLost: "the store is read-only: its keys are lost"
    case .WrongWorker: "the store belongs to another worker"
    case .WrongVault: "the vault belongs to another store"
    case .Vault(let reason): "the key vault failed: \(reason)"
    case .DiskFull: "the disk is full"
    case .NotWritable: "the database cannot be written"
    case .CannotOpen: "the file cannot be opened"
    case .NotADatabase: "not a caseplan database"
    case .NewerSchema(let found, let known): "the database has version \(found), and this version knows \(known)"
    case .Damaged(let what): "the database is damaged: \(what)"
    case .InUse: "another process has the store open"
    case .NotCertified(let reason): "not certified: \(reason)"
    case .NotGranted(let caseId): "no grant for this in case \(caseId)"
    case .NotAnExport(let reason): "not an export for this store: \(reason)"
    case .NotEnrolled(let reason, let triesLeft):
      "not enrolled: \(reason)" + (triesLeft.map { ", \($0) tries left" } ?? "")
    case .SyncFailed(let reason): "sync ended early: \(reason)"
    case .NotHandedOver(let reason): "not handed over: \(reason)"
    case .NetworkFailed(let reason): "no network: \(reason)"
    case .Canceled: "canceled"
    case .Unexpected(let reason): "unexpected: \(reason)"
    }
  }

  private static func about(_ subject: [String], _ data: [String: String]) -> String {
    let figures = data.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let all = subject + figures
    return all.isEmpty ? "" : ": " + all.joined(separator: ", ")
  }
}

extension CallbackError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .Failed(let reason): "failed: \(reason)"
    }
  }
}
