// How devices join, what stands in their way, and how a new phone takes the place of a lost one.

import Caseplan
import Foundation
import Testing

struct EnrolmentTests {
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
}
