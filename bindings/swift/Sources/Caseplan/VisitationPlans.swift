// Visitation plans and due visits.

import CaseplanCore
import CaseplanTypes

/// Visitation plans and due visits.
public struct VisitationPlans: Sendable {
  let engine: Engine

  /// Makes a visitation plan, active at once unless it is asked for as a draft.
  public func create(_ new: NewVisitationPlan, in caseId: CaseId) async throws -> VisitationPlanView {
    try await engine.command { try $0.createVisitationPlan(caseId: caseId, new: new) }
  }

  /// Activates a plan that was kept as a draft; an active one stays as it is.
  public func activate(_ plan: VisitationPlanId) async throws -> VisitationPlanView {
    try await engine.command { try $0.activateVisitationPlan(plan: plan) }
  }

  /// Changes a plan, what is nil stays as it is; a court-ordered one by a new order only, as VP-03 says.
  public func change(_ plan: VisitationPlanId, _ change: PlanChange) async throws -> VisitationPlanView {
    try await engine.command { try $0.changeVisitationPlan(plan: plan, change: change) }
  }

  /// Ends a plan with this day as its last. A court-ordered plan needs the order that says so (VP-03).
  public func end(
    _ plan: VisitationPlanId, on day: Day, order: CourtOrder? = nil
  ) async throws -> VisitationPlanView {
    try await engine.command { try $0.endVisitationPlan(plan: plan, on: day, order: order) }
  }

  /// Withdraws a plan: it has no visits any more, what was recorded under it stays.
  public func cancel(_ plan: VisitationPlanId, why: String) async throws -> VisitationPlanView {
    try await engine.command { try $0.cancelVisitationPlan(plan: plan, why: why) }
  }

  /// A plan as it stands today; nil if it is not here.
  public func get(_ plan: VisitationPlanId) async throws -> VisitationPlanView? {
    try await engine.read { try $0.getVisitationPlan(plan: plan) }
  }

  /// A plan, watched.
  public func watch(_ plan: VisitationPlanId) -> Watched<VisitationPlanView?> {
    engine.watch([.visitationPlans, .cases, .today]) { try $0.getVisitationPlan(plan: plan) }
  }

  /// The plans of a case, or all, earliest first.
  public func list(in caseId: CaseId? = nil) async throws -> [VisitationPlanView] {
    try await engine.read { try $0.listVisitationPlans(caseId: caseId) }
  }

  /// The plans of a case, or all, watched.
  public func watchList(in caseId: CaseId? = nil) -> Watched<[VisitationPlanView]> {
    engine.watch([.visitationPlans, .cases, .today], in: caseId) { try $0.listVisitationPlans(caseId: caseId) }
  }

  /// Visits due on these days, the last one included, in the store's zone; of one case or all.
  public func due(in days: ClosedRange<Day>, of caseId: CaseId? = nil) async throws -> [DueVisit] {
    try await engine.read { try $0.dueVisits(from: days.lowerBound, to: days.upperBound, caseId: caseId) }
  }

  /// Visits due on these days, watched.
  public func watchDue(in days: ClosedRange<Day>, of caseId: CaseId? = nil) -> Watched<[DueVisit]> {
    engine.watch([.visitationPlans, .cases, .contacts, .drafts, .issues, .today], in: caseId) {
      try $0.dueVisits(from: days.lowerBound, to: days.upperBound, caseId: caseId)
    }
  }
}
