// What a session tells while it goes on, and whom it reaches: at a host and port, and after an end that was missed.

import Caseplan
import Foundation
import Testing

struct SessionTests {
  private func two() async throws -> (Phone, Phone) {
    let (phone, tablet) = (try await Phone(), try await Phone())
    #expect(try await takeIn(tablet, by: phone))
    return (phone, tablet)
  }

  /// A session by host and port, and what the one that listened there made of each connection until both were equal.
  private func reached(by phone: Phone, listening: Phone) async throws -> (SyncReport, [SyncReport]) {
    let listener = try Listener()
    defer { listener.stop() }
    let accepting = Task {
      var reports: [SyncReport] = []
      while reports.last?.equal != true {
        reports.append(try await listening.store.sync.accept(listener.next()))
      }
      return reports
    }
    let report = try await phone.store.sync.connect(host: "127.0.0.1", port: listener.port)
    return (report, try await accepting.value)
  }

  @Test(.timeLimit(.minutes(2))) func aPeerAtAHostAndPortIsSyncedWith() async throws {
    let (phone, tablet) = try await two()
    let lea = try await Family(phone.store).lea
    _ = try await tablet.store.cases.create(
      .init(reference: "2026-0118", primaryClient: .init(name: "Hugo Petit")))
    let (report, accepted) = try await reached(by: phone, listening: tablet)
    let there = try #require(accepted.first)
    #expect(accepted.count == 1 && report.equal && there.equal)
    #expect(report.failed == nil)
    let device = try await tablet.store.identity.device()
    #expect(report.peer == device && report.worker == tablet.worker)
    #expect(report.sent == 2 && report.received == 1)
    #expect(there.sent == 1 && there.received == 2)
    #expect(report.bytes == there.bytes)
    #expect(report.onlyHere == 0 && report.quarantined == 0)
    #expect(try await tablet.store.cases.get(lea.id)?.reference == lea.reference)
    #expect(try await phone.store.cases.list().count == 2)
  }

  /// Two phones of which the second has not heard that a third one was ended.
  private func missedAnEnd() async throws -> (Phone, Phone) {
    let (phone, tablet) = try await two()
    let gone = try await Phone(worker: "w-9")
    try await takeIn(gone, by: phone)
    try await phone.syncs(with: tablet)
    try await phone.store.identity.endDevice(gone.store.identity.device(), why: .lost)
    return (phone, tablet)
  }

  @Test func aPeerThatMissedAnEndTakesAColleagueForAStrangerAndTheNextAttemptReachesIt() async throws {
    let (phone, tablet) = try await missedAnEnd()
    let (sent, received) = try await sync(phone, with: tablet)
    #expect(sent.failed == "cut" && received.failed == "stranger")
    #expect(sent.peer == nil)
    try await phone.syncs(with: tablet)
    #expect(try await tablet.store.identity.devices().filter { $0.ended == .lost }.count == 1)
  }

  @Test(.timeLimit(.minutes(2))) func aPeerAtAHostAndPortThatMissedAnEndIsReachedByOneCall() async throws {
    let (phone, tablet) = try await missedAnEnd()
    let (report, accepted) = try await reached(by: phone, listening: tablet)
    #expect(report.failed == nil && report.equal)
    #expect(accepted.map(\.failed) == ["stranger", nil])
    #expect(try await tablet.store.identity.devices().filter { $0.ended == .lost }.count == 1)
  }

  @Test func aSessionTellsHowFarItIsFromNothingToAllOfIt() async throws {
    let (phone, tablet) = try await two()
    for reference in ["2026-0117", "2026-0118"] {
      let lea = try await Family(phone.store, reference: reference).lea
      try await phone.store.recordCall(in: lea.id, "Ana called.")
    }
    let (here, there) = (Collected<SyncProgress>(), Collected<SyncProgress>())
    let (near, far) = Wire.pair()
    async let accepted = tablet.store.sync.accept(far) { there.write($0) }
    let report = try await phone.store.sync.connect(near) { here.write($0) }
    let reports = [report, try await accepted]
    for (side, ended) in zip([here.all, there.all], reports) {
      let (first, last) = (try #require(side.first), try #require(side.last))
      #expect(ended.equal)
      #expect(first.state == .connecting && last.state == .over)
      #expect(first.fraction == 0)
      #expect(side.contains { $0.state == .syncing && $0.fraction < 1 })
      #expect(last.equal && last.fraction == 1, "both held the same when it was over")
      #expect(side.allSatisfy { (0...1).contains($0.fraction) })
      #expect(first.sent == 0 && first.received == 0 && first.documents == 0)
      // Two cases, and what was recorded of each.
      #expect(last.documents == 4)
      #expect(last.sent == ended.sent && last.received == ended.received && last.bytes == ended.bytes)
      for count in [\SyncProgress.sent, \.received, \.documents, \.bytes] {
        let counts = side.map { $0[keyPath: count] }
        #expect(counts == counts.sorted(), "it never goes back")
      }
    }
    #expect(report.sent == 6 && report.received == 0)
    #expect(report.bytes > 1_000)
  }
}
