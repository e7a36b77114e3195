// How devices join, what stands in their way, and how a new phone takes the place of a lost one.

import Caseplan
import Foundation
import Testing

struct EnrolmentTests {
  @Test func aDeviceThatWasCertifiedByHandExchangesBytesAndHasSessionsOnceItWasInvited() async throws {
    let phone = try await Phone()
    let tablet = try await phone.enrol(worker: "w-204")
    let lea = try await Family(phone.store).lea
    try await phone.hand(to: tablet)
    #expect(try await tablet.store.cases.get(lea.id) != nil)

    // It has no network secret: it can begin no session, and knows nobody who begins one.
    await expect(.Unexpected(reason: "network_secret")) { try await tablet.store.sync.connect(Wire.pair().0) }
    let (sent, received) = try await sync(phone, with: tablet)
    #expect(sent.failed == "cut" && received.failed == "stranger")

    // A file needs no session.
    try await phone.writes("north", in: lea)
    let file = tablet.folder.file("for the tablet")
    try await phone.store.sync.handOver(to: tablet.store.identity.device(), file: file)
    try await tablet.store.sync.takeOver(file)
    #expect(try await tablet.team(of: lea) == "north")

    #expect(try await takeIn(tablet, by: phone))
    try await tablet.writes("south", in: lea)
    try await tablet.syncs(with: phone)
    #expect(try await phone.team(of: lea) == "south")
  }

  @Test func aWrongCodeSaysHowManyTriesAreLeftByTheCountOfEachSide() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    let invitation = try await phone.store.sync.inviteByCode(.init(worker: tablet.worker, roles: [.caseworker]))
    let code = try #require(try await invitation.code())
    let wrong = ("0000-0000", "1111-1111")
    // The newcomer counts the code, the inviter its invitation; for the right code no try is left then.
    for (said, inviter, newcomer) in [
      (wrong.0, triesLeft(2), triesLeft(2)), (wrong.0, triesLeft(1), triesLeft(1)),
      (wrong.1, triesLeft(0), triesLeft(2)),
      (code, .NotEnrolled(reason: "no_tries_left", triesLeft: nil), triesLeft(2)),
    ] {
      let (near, far) = Wire.pair()
      let taking = Task { try await invitation.takeIn(over: far) { _ in true } }
      await expect(newcomer) { try await tablet.store.sync.join(said, deviceName: "Ana's tablet", over: near) }
      await expect(inviter) { try await taking.value }
    }
    #expect(triesLeft(2).description == "not enrolled: wrong_code, 2 tries left")
  }

  private func triesLeft(_ left: UInt32) -> CaseplanError {
    .NotEnrolled(reason: "wrong_code", triesLeft: left)
  }

  @Test func whoCannotBeCertifiedHearsThatItWasDeclinedAndTheInviterWhy() async throws {
    let (phone, stranger) = (try await Phone(), try await Phone(worker: "w-9"))
    let invitation = try await phone.store.sync.invite(.init(worker: "w-204", roles: [.caseworker]))
    let text = try #require(try await invitation.qr())
    let (near, far) = Wire.pair()
    let taking = Task { try await invitation.takeIn(over: far) { _ in true } }
    await expect(.NotEnrolled(reason: "declined", triesLeft: nil)) {
      try await stranger.store.sync.join(text, deviceName: "a phone", over: near)
    }
    await expect(.NotCertified(reason: "other_worker")) { try await taking.value }
    let tablet = try await phone.enrol(worker: "w-204")
    await expect(.NotCertified(reason: "not_an_issuer")) {
      try await tablet.store.sync.invite(.init(worker: "w-300", roles: [.caseworker]))
    }
  }

  @Test func aLostPhoneIsEndedAndItsWorkerGoesOnWithANewOne() async throws {
    let (desk, lost) = (try await Phone(), try await Phone(worker: "w-204"))
    try await takeIn(lost, by: desk)
    let lea = try await Family(desk.store).lea
    let grant = try await desk.store.grants.give(.colleague(lost.worker), on: lea.id)
    try await desk.syncs(with: lost)
    try await lost.writes("north", in: lea)
    try await lost.syncs(with: desk)
    try await lost.writes("never seen again", in: lea)
    let device = try await lost.store.identity.device()
    try await desk.store.identity.endDevice(device, why: .lost)

    // The case was granted to the worker, not to the phone.
    let found = try await Phone(worker: "w-204")
    try await takeIn(found, by: desk)
    try await desk.syncs(with: found)
    #expect(try await found.team(of: lea) == "north")
    let grants = try await found.store.grants.list(on: lea.id)
    #expect(grants.map(\.id) == [grant.id] && grants.map(\.worker) == [found.worker])
    try await found.writes("west", in: lea)
    try await found.syncs(with: desk)
    #expect(try await desk.team(of: lea) == "west")
    #expect(try await desk.store.exchange.quarantine().isEmpty)
    let ended = try await desk.store.identity.devices().filter { $0.ended != nil }
    #expect(ended.map(\.device) == [device] && ended.map(\.ended) == [.lost])

    // The lost one turns up: it is told, and its last work waits for a person.
    for _ in 0..<6 where try await lost.store.identity.standing() != .ended { _ = try await sync(lost, with: desk) }
    #expect(try await lost.store.identity.standing() == .ended)
    let waiting = try await desk.store.grants.waiting()
    #expect(waiting.map(\.case) == [lea.id] && waiting.map(\.device) == [device])
    #expect(waiting.map(\.changes) == [1] && waiting.map(\.canBeAdmitted) == [true])
    #expect(try await desk.team(of: lea) == "west")

    #expect(try await desk.store.grants.admit(device, of: lea.id) == 1)
    try await desk.syncs(with: found)
    let held = (try await desk.store.exchange.digest(), try await found.store.exchange.digest())
    #expect(held.0 == held.1)
    for phone in [desk, found] {
      #expect(try await phone.store.grants.waiting().isEmpty)
      let conflicts = try await phone.store.conflicts.list()
      let values = conflicts.flatMap(\.values).compactMap { $0.value.map { "\($0)" } }
      #expect(values.contains { $0.contains("west") } && values.contains { $0.contains("never seen again") })
      #expect(conflicts.count == 1)
      #expect(try await phone.store.verify().isSound)
    }
  }
}
