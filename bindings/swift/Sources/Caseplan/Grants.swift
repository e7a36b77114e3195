// Who may see and write which case, and what waits for a person.

import CaseplanCore
import CaseplanTypes
import Foundation

/// Grants on cases. The worker whose device opened a case needs none; administrators and hubs see every case without
/// one, and write none.
public struct Grants: Sendable {
  let engine: Engine

  /// Lets a worker see and write something of a case.
  @discardableResult
  public func give(_ grant: NewGrant, on caseId: CaseId) async throws -> GrantView {
    try await engine.command { try $0.grant(caseId: caseId, new: grant) }
  }

  /// Takes grants back. What this store holds of their workers' work stays; what they still have is let in for 14 days.
  public func takeBack(_ grants: [GrantId], on caseId: CaseId) async throws {
    try await engine.command { try $0.takeBack(caseId: caseId, grants: grants) }
  }

  /// Every grant on a case, those that were taken back too. Who may read it by a role, or opened it, is told by
  /// ``Sync/caseStatus(_:)``.
  public func list(on caseId: CaseId) async throws -> [GrantView] {
    try await engine.read { try $0.grants(caseId: caseId) }
  }

  /// Every grant on a case, watched.
  public func watchList(on caseId: CaseId) -> Watched<[GrantView]> {
    engine.watch([.identity, .today]) { try $0.grants(caseId: caseId) }
  }

  /// Cases that were taken back from this worker, or whose grants ran out, or parts of them, and that are still here:
  /// what was taken back can be read, its drafts completed or discarded, and nothing else be written.
  ///
  /// It goes by itself once it has no drafts and all of it is known elsewhere; after a week drafts are completed as they
  /// stand.
  public func takenBack() async throws -> [TakenBack] {
    try await engine.read { try $0.takenBack() }
  }

  /// The same, watched.
  public func watchTakenBack() -> Watched<[TakenBack]> {
    engine.watch(.everything, onlyHere: true) { try $0.takenBack() }
  }

  /// What ended devices and former colleagues still had, and what lost a fork, by case and device.
  public func waiting() async throws -> [WaitingWork] {
    try await engine.read { try $0.waitingWork() }
  }

  /// Lets in what a device still had of a case: a person's decision. Answers how many changes went in. What lost a fork
  /// stands in this device's name from then on, at the times when it was written.
  @discardableResult
  public func admit(_ device: DeviceId, of caseId: CaseId) async throws -> UInt64 {
    try await engine.command { try $0.admitWork(caseId: caseId, device: device) }
  }

  /// What ended devices wrote and others have accepted, though whoever ended the device did not have it then: what a
  /// thief wrote may be among it.
  ///
  /// It counts, and asks for a look. What is older than the end, by its writer's clock, is not found where whoever ended
  /// the device is no colleague on the case.
  public func toReview() async throws -> [WorkToReview] {
    try await engine.read { try $0.workToReview() }
  }

  /// Says that what a device wrote of a case was looked over and stands, for everybody on the case.
  ///
  /// What is wrong is corrected as any other entry is. Answers how many changes that vouches for; what comes later is
  /// listed again.
  @discardableResult
  public func confirm(_ device: DeviceId, of caseId: CaseId) async throws -> UInt64 {
    try await engine.command { try $0.confirmWork(caseId: caseId, device: device) }
  }
}

extension NewGrant {
  /// Everything up to a level: what a substitute or a colleague gets.
  public static func colleague(_ worker: WorkerId, level: UInt8 = 1) -> NewGrant {
    NewGrant(
      worker: worker, extent: .level(level), writes: [.case, .plan, .visitationPlan, .contactLog, .assessment],
      mayGrant: false, until: nil)
  }

  /// One visitation plan to read and its visits to record, and nothing else of its case: what whoever supervises visits
  /// gets.
  public static func visits(_ worker: WorkerId, of plan: VisitationPlanId) -> NewGrant {
    NewGrant(worker: worker, extent: .visits(plan), writes: [.contactLog], mayGrant: false, until: nil)
  }
}
