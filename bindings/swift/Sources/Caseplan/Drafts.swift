// Drafts of contacts: begun with one call, on disk after each save, never lost. This device's only.

import CaseplanCore
import CaseplanTypes

extension Contacts {
  /// Begins a draft for a planned visit, filled in from its plan; it is on disk when this returns.
  public func startDraft(for occurrence: OccurrenceRef) async throws -> ContactDraft {
    try await startDraft(for: [occurrence])
  }

  /// Begins one draft for several planned visits at once: siblings with a plan each.
  public func startDraft(for occurrences: [OccurrenceRef]) async throws -> ContactDraft {
    try await startDraft(.occurrences(occurrences: occurrences))
  }

  /// Begins a draft for a due visit: for its date, or under its plan if that has a quota.
  public func startDraft(for visit: DueVisit) async throws -> ContactDraft {
    switch visit {
    case .occurrence(let occurrence, _, _, _, _, _, _, _, _, _, _, _): try await startDraft(for: occurrence)
    case .quota(let plan, _, _, _, _, _, _, _): try await startDraft(under: plan)
    }
  }

  /// Begins a draft for a visit under a plan, on no planned date.
  public func startDraft(under plan: VisitationPlanId) async throws -> ContactDraft {
    try await startDraft(.plan(plan: plan))
  }

  /// Begins a draft for any other contact in a case.
  public func startDraft(in caseId: CaseId, kind: ContactKind) async throws -> ContactDraft {
    try await startDraft(.inCase(caseId: caseId, kind: kind))
  }

  /// Begins a draft.
  public func startDraft(_ start: DraftStart) async throws -> ContactDraft {
    try await engine.command { try $0.startDraft(start: start) }
  }

  /// Saves a draft; it is on disk when this returns. Answers it with its next revision: go on with that one.
  ///
  /// ``CaseplanError/DraftChanged(draft:revision:keptAs:)`` says that it was saved elsewhere since it was read; both
  /// texts are kept.
  @discardableResult
  public func saveDraft(_ draft: ContactDraft) async throws -> ContactDraft {
    try await engine.command { try $0.saveDraft(draft: draft) }
  }

  /// Discards a draft, for ever.
  public func discardDraft(_ draft: DraftId) async throws {
    try await engine.command { try $0.discardDraft(draft: draft) }
  }

  /// One draft; nil if it was completed or discarded.
  public func draft(_ draft: DraftId) async throws -> ContactDraft? {
    try await engine.read { try $0.getDraft(draft: draft) }
  }

  /// One draft, watched.
  public func watchDraft(_ draft: DraftId) -> Watched<ContactDraft?> {
    engine.watch([.drafts]) { try $0.getDraft(draft: draft) }
  }

  /// Drafts of a case, or all, last saved first.
  public func drafts(in caseId: CaseId? = nil) async throws -> [ContactDraft] {
    try await engine.read { try $0.listDrafts(caseId: caseId) }
  }

  /// Drafts of a case, or all, watched.
  public func watchDrafts(in caseId: CaseId? = nil) -> Watched<[ContactDraft]> {
    engine.watch([.drafts], in: caseId) { try $0.listDrafts(caseId: caseId) }
  }
}
