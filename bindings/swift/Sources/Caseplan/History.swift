// What was done, and everything as it stood.

import CaseplanCore
import CaseplanTypes
import Foundation

/// The event log, and everything as it stood.
public struct History: Sendable {
  let engine: Engine

  /// The event log of a case, last received first.
  /// - Parameter after: ``EventPage/next`` of the page before.
  public func events(of caseId: CaseId, after: Int64? = nil, limit: UInt32 = 50) async throws -> EventPage {
    try await engine.read { try $0.events(caseId: caseId, after: after, limit: limit) }
  }

  /// The event log of a case, watched.
  public func watchEvents(of caseId: CaseId, after: Int64? = nil, limit: UInt32 = 50) -> Watched<EventPage> {
    engine.watch([.cases, .visitationPlans, .contacts, .conflicts, .issues, .identity], in: caseId) {
      try $0.events(caseId: caseId, after: after, limit: limit)
    }
  }

  /// The version of a case's own document now, for ``AsOf/version(heads:)``.
  public func version(of caseId: CaseId) async throws -> [ChangeHash] {
    try await engine.read { try $0.caseVersion(caseId: caseId) }
  }

  /// The version of a plan's document now, for ``AsOf/version(heads:)``.
  public func version(of plan: VisitationPlanId) async throws -> [ChangeHash] {
    try await engine.read { try $0.visitationPlanVersion(plan: plan) }
  }

  /// A case as it stood; nil if there was none yet.
  public func get(_ caseId: CaseId, asOf: AsOf) async throws -> Case? {
    try await engine.read { try $0.caseAsOf(caseId: caseId, asOf: asOf) }
  }

  /// A plan as it stood; nil if there was none yet.
  public func get(_ plan: VisitationPlanId, asOf: AsOf) async throws -> VisitationPlan? {
    try await engine.read { try $0.visitationPlanAsOf(plan: plan, asOf: asOf) }
  }

  /// A contact as it stood; nil if it was not recorded yet.
  public func get(_ contact: ContactId, asOf: AsOf) async throws -> Contact? {
    try await engine.read { try $0.contactAsOf(contact: contact, asOf: asOf) }
  }

  /// Every state of a participant, oldest first.
  public func versions(of participant: ParticipantId, in caseId: CaseId) async throws -> [ParticipantVersion] {
    try await engine.read { try $0.participantVersions(caseId: caseId, participant: participant) }
  }
}
