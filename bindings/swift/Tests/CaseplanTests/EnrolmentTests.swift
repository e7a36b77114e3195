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
}
