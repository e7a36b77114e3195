// Sync over a pair of streams: two phones meet, one is taken in, and both tell the truth.

import Caseplan
import Foundation
import Testing

struct SyncTests {
  @Test func twoPhonesOfOneWorkerMeetAndEachHasWhatTheOtherHad() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    #expect(try await takeIn(tablet, by: phone))
    let family = try await Family(phone.store)
    #expect(try await phone.store.sync.status().onlyHere.count == 1)
    let (sent, received) = try await sync(phone, with: tablet)
    #expect(sent.failed == nil && sent.equal && received.equal)
    #expect(sent.sent == received.received && sent.sent > 0)
    #expect(try await tablet.store.cases.get(family.lea.id) != nil)
    let status = try await phone.store.sync.status()
    #expect(status.onlyHere.isEmpty)
    let device = try await tablet.store.identity.device()
    #expect(status.peers.map(\.device) == [device])
  }

  @Test func aCaseSaysWhoElseHasItSinceWhenAndWhatIsOnItsWay() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    try await takeIn(tablet, by: phone)
    let lea = try await Family(phone.store).lea
    try await phone.syncs(with: tablet)
    phone.now("2026-03-02T09:00:00Z")
    _ = try await phone.store.recordCall(in: lea.id, "Ana called.")
    let before = try #require(try await phone.store.sync.caseStatus(lea.id))
    #expect(before.onlyHere.changes == 1 && before.onlyHere.contacts == 1)
    let there = try #require(before.peers.first)
    let device = try await tablet.store.identity.device()
    #expect(there.device == device && there.worker == tablet.worker)
    #expect(there.equalAt == at("2026-03-02T08:00:00Z") && there.toSend == 1)
    #expect(try await phone.store.sync.status().peers.map(\.toSend) == [1])
    try await phone.syncs(with: tablet)
    for try await after in phone.store.sync.watchCaseStatus(lea.id) where after?.onlyHere.changes == 0 {
      #expect(after?.peers.map(\.equalAt) == [at("2026-03-02T09:00:00Z")])
      #expect(after?.peers.map(\.toSend) == [0])
      break
    }
    #expect(try await phone.store.sync.caseStatus(CaseId(value: UUID())) == nil)
  }

  @Test func aPhoneIsTakenInByACodeThatIsSpokenAlsoAfterAWrongOne() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    let invitation = try await phone.store.sync.inviteByCode(
      .init(worker: tablet.worker, roles: [.caseworker]))
    #expect(try await invitation.qr() == nil)
    let code = try #require(try await invitation.code())
    for (said, isRight) in [("0000-0000", false), (code, true)] {
      let (near, far) = Wire.pair()
      let taking = Task { try await invitation.takeIn(over: far) { _ in true } }
      let joining = Task { try await tablet.store.sync.join(said, deviceName: "Ana's tablet", over: near) }
      let joined: Bool
      if case .success = await joining.result { joined = true } else { joined = false }
      #expect(joined == isRight)
      #expect(((try? await taking.value) ?? false) == isRight)
    }
    try await phone.syncs(with: tablet)
  }

  @Test func twoPhonesSyncWithAThirdOneAtOnce() async throws {
    let (hub, first, second) = (try await Phone(), try await Phone(), try await Phone())
    for phone in [first, second] { #expect(try await takeIn(phone, by: hub)) }
    _ = try await Family(first.store, reference: "2026-0001")
    _ = try await Family(second.store, reference: "2026-0002")
    let (near, far) = Wire.pair()
    let accepting = Task { try await hub.store.sync.accept(far) }
    // The first one stays, and the second is done with meanwhile.
    let staying = Task { try await first.store.sync.connect(near, stay: true) }
    for try await seen in hub.store.cases.watchList() where seen.count == 1 { break }
    try await second.syncs(with: hub)
    for try await seen in first.store.cases.watchList() where seen.count == 2 { break }
    staying.cancel()
    _ = try await staying.value
    _ = try await accepting.value
  }

  @Test func whatIsRecordedWhileASessionStaysOpenIsSentAtOnce() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    #expect(try await takeIn(tablet, by: phone))
    let (near, far) = Wire.pair()
    let accepting = Task { try await tablet.store.sync.accept(far) }
    let staying = Task { try await phone.store.sync.connect(near, stay: true) }
    let family = try await Family(phone.store)
    for try await seen in tablet.store.cases.watch(family.lea.id) where seen != nil { break }
    staying.cancel()
    #expect(try await staying.value.failed == "canceled")
    _ = try await accepting.value
  }

  @Test func aFileBringsToOneDeviceWhatItLacksAndToNoOther() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    #expect(try await takeIn(tablet, by: phone))
    let family = try await Family(phone.store)
    let file = tablet.folder.file("for the tablet")
    let device = try await tablet.store.identity.device()
    let written = try await phone.store.sync.handOver(to: device, file: file)
    let report = try await tablet.store.sync.takeOver(file)
    let sender = try await phone.store.identity.device()
    #expect(report.sender == sender)
    #expect(report.taken.received == written.changes && written.changes > 0)
    #expect(try await tablet.store.cases.get(family.lea.id) != nil)
    #expect(try await phone.store.sync.status().onlyHere.count == 1)

    await expect(.NotHandedOver(reason: "not_for_this_device")) { try await phone.store.sync.takeOver(file) }
    try Data(try Data(contentsOf: file).dropLast()).write(to: file)
    await expect(.NotHandedOver(reason: "cut")) { try await tablet.store.sync.takeOver(file) }
    await expect(.NotHandedOver(reason: "to_itself")) {
      try await phone.store.sync.handOver(to: sender, file: file)
    }
  }

  @Test func whoIsDeclinedStaysOutsideAndAStrangerLearnsNothing() async throws {
    let phone = try await Phone()
    let stranger = try await Phone(worker: "w-9")
    #expect(try await takeIn(stranger, by: phone, confirmed: false) == false)
    let (sent, received) = try await sync(stranger, with: phone)
    #expect(received.failed == "stranger")
    #expect(!sent.equal && !received.equal)
    await expect(.NotEnrolled(reason: "malformed", triesLeft: nil)) {
      try await stranger.store.sync.join("CASEPLAN1:nonsense", deviceName: "a phone", over: Wire.pair().0)
    }
  }
}
