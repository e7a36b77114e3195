// Cases and their participants.

import CaseplanCore
import CaseplanTypes

/// Cases and their participants.
public struct Cases: Sendable {
  let engine: Engine

  /// Opens a case with its primary client.
  public func create(_ new: NewCase) async throws -> Case {
    try await engine.command { try $0.createCase(new: new) }
  }

  /// Changes a case's own fields; what is nil stays as it is.
  public func change(_ caseId: CaseId, _ change: CaseChange) async throws -> Case {
    try await engine.command { try $0.changeCase(caseId: caseId, change: change) }
  }

  /// Closes a case. It can be read, corrected and reopened.
  public func close(_ caseId: CaseId, on day: Day, reason: String) async throws -> Case {
    try await engine.command { try $0.closeCase(caseId: caseId, on: day, reason: reason) }
  }

  /// Reopens a closed case; reopening an open one changes nothing.
  public func reopen(_ caseId: CaseId) async throws -> Case {
    try await engine.command { try $0.reopenCase(caseId: caseId) }
  }

  /// Adds somebody to an open case.
  public func addParticipant(_ new: NewParticipant, to caseId: CaseId) async throws -> Participant {
    try await engine.command { try $0.addParticipant(caseId: caseId, new: new) }
  }

  /// Corrects a participant's name or date of birth; what was there before stays in the history.
  public func correctParticipant(
    _ participant: ParticipantId, of caseId: CaseId, _ correction: PersonCorrection
  ) async throws -> Participant {
    try await engine.command {
      try $0.correctParticipant(caseId: caseId, participant: participant, correction: correction)
    }
  }

  /// Records that somebody left the case; they stay in it with an end date.
  public func endParticipant(
    _ participant: ParticipantId, of caseId: CaseId, on day: Day, reason: String
  ) async throws -> Participant {
    try await engine.command {
      try $0.endParticipant(caseId: caseId, participant: participant, on: day, reason: reason)
    }
  }

  /// The caseload, by reference.
  public func list(_ filter: CaseFilter = .init()) async throws -> [CaseSummary] {
    try await engine.read { try $0.listCases(filter: filter) }
  }

  /// The caseload, watched.
  public func watchList(_ filter: CaseFilter = .init()) -> Watched<[CaseSummary]> {
    engine.watch([.cases, .visitationPlans, .contacts, .drafts, .conflicts, .issues]) {
      try $0.listCases(filter: filter)
    }
  }

  /// A case as it stands; nil if it is not here.
  public func get(_ caseId: CaseId) async throws -> Case? {
    try await engine.read { try $0.getCase(caseId: caseId) }
  }

  /// A case, watched.
  public func watch(_ caseId: CaseId) -> Watched<Case?> {
    engine.watch([.cases], in: caseId) { try $0.getCase(caseId: caseId) }
  }

  /// A case with its plans, contacts, drafts, conflicts and issues: one call for one screen.
  public func overview(_ caseId: CaseId) async throws -> CaseOverview {
    try await engine.read { try $0.caseOverview(caseId: caseId) }
  }

  /// A case with all that, watched.
  public func watchOverview(_ caseId: CaseId) -> Watched<CaseOverview> {
    engine.watch(.everything, in: caseId) { try $0.caseOverview(caseId: caseId) }
  }
}
