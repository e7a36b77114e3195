// What the tests share: phones with real stores in real files, a clock that is set by hand, bytes between them.

import Caseplan
import Foundation
import Testing

func day(_ text: String) -> Day {
  Day(text)!
}

func at(_ text: String) -> Date {
  ISO8601DateFormatter().date(from: text)!
}

let paris = TimeZone(identifier: "Europe/Paris")!

/// A folder of a test's own. All of them go when the tests end: a store may outlive the test that opened it.
struct Folder: Sendable {
  private static let all: URL = {
    let all = FileManager.default.temporaryDirectory.appendingPathComponent("caseplan-\(UUID().uuidString)")
    atexit { try? FileManager.default.removeItem(at: Folder.all) }
    return all
  }()

  let url: URL

  init() throws {
    url = Self.all.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  func file(_ name: String) -> URL {
    url.appendingPathComponent(name)
  }
}

/// A phone with one worker's store in a file. Stories begin on Monday, 2 March 2026.
struct Phone: Sendable {
  let store: Store
  let folder: Folder
  let vault: any KeyVault
  let clock: FixedClock
  let worker: WorkerId

  init(worker: WorkerId = "w-117") async throws {
    try await self.init(
      folder: Folder(), vault: MemoryKeyVault(), clock: FixedClock(at("2026-03-02T08:00:00Z")), worker: worker)
  }

  init(folder: Folder, vault: any KeyVault, clock: FixedClock, worker: WorkerId) async throws {
    (self.folder, self.vault, self.clock, self.worker) = (folder, vault, clock, worker)
    let config = StoreConfig(file: folder.file("caseplan.db"), worker: worker, timeZone: paris)
    store = try await Store.open(config, keyVault: vault, clock: clock)
  }

  var file: URL {
    folder.file("caseplan.db")
  }

  /// A new phone of another worker in the same domain.
  func enrol(worker: WorkerId) async throws -> Phone {
    let other = try await Phone(worker: worker)
    let answer = try await store.identity.certify(other.store.identity.requestCertificate(), roles: [.caseworker])
    try await other.store.identity.adopt(answer)
    return other
  }

  /// The store as it is after the app was started again.
  func restarted() async throws -> Phone {
    await store.close()
    return try await Phone(folder: folder, vault: vault, clock: clock, worker: worker)
  }

  func now(_ text: String) {
    clock.set(at(text))
  }

  /// Grants the other's worker every case that this one may grant, once.
  func share(with other: Phone) async throws {
    guard try await store.identity.domain() == other.store.identity.domain(), worker != other.worker else { return }
    for found in try await store.cases.list(.init(worker: nil, closedToo: true)) {
      if try await store.grants.list(on: found.id).contains(where: { $0.worker == other.worker }) { continue }
      var grant = NewGrant.colleague(other.worker)
      grant.mayGrant = true
      do {
        try await store.grants.give(grant, on: found.id)
      } catch CaseplanError.NotGranted {
        continue  // not this one's to grant
      }
    }
  }

  /// Gives a case another team.
  func writes(_ team: String, in lea: Case) async throws {
    _ = try await store.cases.change(lea.id, .init(team: team))
  }

  /// The team that it shows.
  func team(of lea: Case) async throws -> String? {
    try await store.cases.get(lea.id)?.team
  }

  /// Hands everything that the other lacks to it, with the right to write.
  @discardableResult
  func hand(to other: Phone) async throws -> ImportReport {
    try await share(with: other)
    return try await other.store.exchange.import(from: store.exchange.export(for: other.store.exchange.vector()))
  }

  /// Both hand each other what the other lacks, until neither has anything new.
  func meet(_ other: Phone) async throws {
    for _ in 0..<8 {
      let moved = try await hand(to: other).accepted + other.hand(to: self).accepted
      if moved == 0 { return }
    }
    Testing.Issue.record("two phones that never come to rest")
  }
}

/// Léa's case and her mother, in a store.
struct Family: Sendable {
  let store: Store
  let lea: Case
  let ana: Participant

  init(_ store: Store, reference: String = "2026-0117") async throws {
    self.store = store
    lea = try await store.cases.create(
      .init(reference: reference, primaryClient: .init(name: "Léa Martin", born: day("2019-04-02"))))
    ana = try await store.cases.addParticipant(.init(person: .init(name: "Ana Martin"), role: .parent), to: lea.id)
  }

  /// Ana visits Léa on Saturdays at 14:00.
  func saturdays() async throws -> VisitationPlan {
    let plan = try await store.visitationPlans.create(
      .init(
        mandate: .mutuallyAgreed(on: nil), toVisit: [.participant(lea.primaryClient)], visitors: [.participant(ana.id)],
        schedule: .rule("FREQ=WEEKLY;BYDAY=SA", startsAt: WallTime("2026-03-07T14:00:00")!, in: paris),
        duration: .hours(2), methods: [.inPerson], place: "Maison de la famille, salle 2"),
      in: lea.id)
    return plan.plan
  }
}

extension Store {
  /// The planned visits of some days.
  func planned(_ days: ClosedRange<Day>) async throws -> [OccurrenceRef] {
    try await visitationPlans.due(in: days).compactMap(\.occurrence)
  }

  /// Records that a planned visit took place.
  @discardableResult
  func record(_ occurrence: OccurrenceRef, _ narrative: String) async throws -> Contact {
    var draft = try await contacts.startDraft(for: occurrence)
    draft.narrative = narrative
    draft.outcome = .init(code: .occurred)
    try await contacts.saveDraft(draft)
    return try await contacts.complete(draft.id)
  }

  /// Records a contact on no planned date.
  @discardableResult
  func recordCall(in caseId: CaseId, _ narrative: String, on day: String = "2026-03-01") async throws -> Contact {
    var draft = try await contacts.startDraft(in: caseId, kind: .collateral)
    draft.narrative = narrative
    draft.outcome = .init(code: .attempted, reason: .other)
    draft.time = .init(day: Day(day)!, zone: Zone(paris))
    try await contacts.saveDraft(draft)
    return try await contacts.complete(draft.id)
  }
}

/// Expects exactly this error.
func expect(
  _ expected: CaseplanError, from work: () async throws -> some Any,
  sourceLocation: SourceLocation = #_sourceLocation
) async {
  do {
    _ = try await work()
    Testing.Issue.record("nothing was thrown, not \(expected)", sourceLocation: sourceLocation)
  } catch let error as CaseplanError {
    #expect(error == expected, sourceLocation: sourceLocation)
  } catch {
    Testing.Issue.record("\(error) was thrown, not \(expected)", sourceLocation: sourceLocation)
  }
}
