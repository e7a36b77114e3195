// Grants, ended devices and a lost root, as an app meets them.

import Caseplan
import Foundation
import Testing

struct GrantTests {
  @Test func aColleagueWritesOnceGrantedAndNoMoreOnceTakenBack() async throws {
    let phone = try await Phone()
    let tablet = try await phone.enrol(worker: "w-204")
    let family = try await Family(phone.store)
    let grant = try await phone.store.grants.give(.colleague("w-204"), on: family.lea.id)
    try await phone.hand(to: tablet)
    _ = try await tablet.store.cases.addParticipant(
      .init(person: .init(name: "Tom"), role: .sibling), to: family.lea.id)
    #expect(try await tablet.hand(to: phone).quarantined.isEmpty)
    try await phone.store.grants.takeBack([grant.id], on: family.lea.id)
    try await phone.hand(to: tablet)
    await expect(.NotGranted(caseId: family.lea.id)) {
      try await tablet.store.cases.addParticipant(.init(person: .init(name: "Zoe"), role: .sibling), to: family.lea.id)
    }
    let takenBack = try await tablet.store.grants.takenBack()
    #expect(takenBack.map(\.case) == [family.lea.id])
    #expect(takenBack.first?.drafts == 0)
    #expect(try await phone.store.grants.takenBack().isEmpty)
    let listed = try await phone.store.grants.list(on: family.lea.id)
    #expect(listed.map(\.id) == [grant.id])
    if case .live? = listed.first?.state { Testing.Issue.record("a grant that was taken back is live") }
  }

  @Test func whatAnEndedDeviceStillHadWaitsForAPerson() async throws {
    let phone = try await Phone()
    let tablet = try await phone.enrol(worker: "w-204")
    let family = try await Family(phone.store)
    try await phone.meet(tablet)
    _ = try await tablet.store.cases.addParticipant(
      .init(person: .init(name: "Tom"), role: .sibling), to: family.lea.id)
    let device = try await tablet.store.identity.device()
    try await phone.store.identity.endDevice(device, why: .lost)
    #expect(try await tablet.hand(to: phone).quarantined.map(\.reason) == [.authorEnded])
    let waiting = try await phone.store.grants.waiting()
    #expect(waiting.map(\.device) == [device])
    #expect(waiting.first?.canBeAdmitted == true)
    #expect(waiting.first?.awaited == false)
    #expect(try await phone.store.grants.admit(device, of: family.lea.id) == 1)
    #expect(try await phone.store.grants.waiting().isEmpty)
    #expect(try await phone.store.identity.devices().first { $0.device == device }?.ended == .lost)
  }

  @Test func aLostRootComesBackByItsWords() async throws {
    let phone = try await Phone()
    let tablet = try await phone.enrol(worker: "w-204")
    let words = try #require(try await phone.store.identity.recoveryWords())
    #expect(words.split(separator: " ").count == 24)
    #expect(try await phone.store.identity.recoveryBytes()?.count == 32)
    try await phone.store.identity.confirmRecoveryShown()
    #expect(try await phone.store.identity.recoveryWords() == nil)
    await expect(.Invalid(field: "words", reason: "format")) {
      try await tablet.store.identity.recoverRoot(words: "no such words")
    }
    try await tablet.store.identity.recoverRoot(words: words)
    let newcomer = try await tablet.enrol(worker: "w-300")
    #expect(try await newcomer.store.identity.standing() == .current)
    #expect(try await tablet.store.identity.recoveryWords() != words)
  }
}
