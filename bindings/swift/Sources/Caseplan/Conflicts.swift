// What merging brings up for a person to decide: fields with several values, and two things that may be one.

import CaseplanCore
import CaseplanTypes
import Foundation

/// Fields that hold several values, each with who wrote it, on which device and when.
public struct Conflicts: Sendable {
  let engine: Engine

  /// Fields in conflict, of one case or all.
  public func list(in caseId: CaseId? = nil) async throws -> [Conflict] {
    try await engine.read { try $0.listConflicts(caseId: caseId) }
  }

  /// Fields in conflict, watched.
  public func watchList(in caseId: CaseId? = nil) -> Watched<[Conflict]> {
    engine.watch([.conflicts, .cases, .identity], in: caseId) { try $0.listConflicts(caseId: caseId) }
  }

  /// One conflict as it stands; nil if it is settled or has changed.
  public func get(_ conflict: ConflictId) async throws -> Conflict? {
    try await engine.read { try $0.getConflict(conflict: conflict) }
  }

  /// Ends a conflict with one of its values.
  ///
  /// The id holds the values that were seen: ``CaseplanError/ConflictChanged(conflict:)`` says that it moved on, and
  /// that it must be read again.
  public func settle(_ conflict: ConflictId, choice: ConflictValueId) async throws {
    try await engine.command { try $0.settleConflict(conflict: conflict, choice: choice) }
  }
}

/// Two things that may be one: contacts of one visit, cases of one reference.
public struct Issues: Sendable {
  let engine: Engine

  /// Issues of a case, or all; open ones only, or settled ones too.
  public func list(in caseId: CaseId? = nil, settledToo: Bool = false) async throws -> [Issue] {
    try await engine.read { try $0.listIssues(caseId: caseId, settledToo: settledToo) }
  }

  /// Issues, watched.
  public func watchList(in caseId: CaseId? = nil, settledToo: Bool = false) -> Watched<[Issue]> {
    engine.watch([.issues], in: caseId) { try $0.listIssues(caseId: caseId, settledToo: settledToo) }
  }

  /// Decides an issue, or decides it anew.
  @discardableResult
  public func settle(_ issue: IssueId, _ choice: IssueChoice, why: String? = nil) async throws -> Issue {
    try await engine.command { try $0.settleIssue(issue: issue, choice: choice, why: why) }
  }
}

extension IssueChoice {
  /// They are the same; this is the contact to read.
  public static func same(keeping contact: ContactId) -> Self {
    .same(keep: contact.value)
  }

  /// They are the same; this is the case to read.
  public static func same(keeping caseId: CaseId) -> Self {
    .same(keep: caseId.value)
  }
}
