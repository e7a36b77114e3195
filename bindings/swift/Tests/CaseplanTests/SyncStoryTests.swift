// What happens to people and their phones, told over real sessions: the stories of `tests/sync`, as an app meets them.

import Caseplan
import Foundation
import Testing

extension Phone {
  fileprivate func shares(_ lea: Case, with other: Phone) async throws {
    var grant = NewGrant.colleague(other.worker)
    grant.mayGrant = true
    try await store.grants.give(grant, on: lea.id)
  }

  /// Whoever finds two values of a field chooses one.
  fileprivate func settles() async throws {
    for conflict in try await store.conflicts.list() {
      try await store.conflicts.settle(conflict.id, choice: conflict.values[0].id)
    }
  }

  /// As ``syncs(with:)``; whoever missed an end is reached after some attempts.
  fileprivate func findsAndSyncs(with other: Phone) async throws {
    for _ in 0..<6 {
      if try await sync(self, with: other).0.equal { return }
    }
    Testing.Issue.record("two phones that never reach each other")
  }
}

struct SyncStoryTests {
  @Test func whoeverSupervisesVisitsHasOnePlanRecordsItsVisitsAndNothingElseOfTheCase() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone(worker: "w-204"))
    try await takeIn(tablet, by: phone)
    let family = try await Family(phone.store)
    let plan = try await family.saturdays()
    try await phone.store.grants.give(.visits(tablet.worker, of: plan.id), on: family.lea.id)
    try await phone.syncs(with: tablet)
    #expect(try await tablet.store.cases.list().isEmpty)
    for device in [phone, tablet] { device.now("2026-03-07T18:00:00Z") }
    let visit = try #require(try await tablet.store.planned(day("2026-03-07")...day("2026-03-07")).first)
    let contact = try await tablet.store.record(visit, "Léa ran to her mother.")
    _ = try await tablet.store.contacts.amend(contact.id, .init(text: "They left at five.", corrections: []))
    await expect(.NotFound(kind: "case", id: family.lea.id.description)) {
      try await tablet.store.contacts.startDraft(in: family.lea.id, kind: .collateral)
    }
    try await tablet.syncs(with: phone)
    let there = try #require(try await phone.store.contacts.get(contact.id))
    #expect(there.recordedBy == tablet.worker && there.addenda.map(\.text) == ["They left at five."])
  }

  @Test func aSupervisorIsTakenInReadsWhatSheWasGrantedAndWritesNothingOfIt() async throws {
    let (phone, desk) = (try await Phone(), try await Phone(worker: "w-300"))
    try await takeIn(desk, by: phone, roles: [.supervisor])
    for device in [phone, desk] {
      let certified = try await device.store.identity.devices().filter { $0.worker == desk.worker }
      #expect(certified.map(\.roles) == [[.supervisor]])
    }
    let family = try await Family(phone.store)
    _ = try await family.saturdays()
    _ = try await Family(phone.store, reference: "2026-0118")
    var grant = NewGrant.colleague(desk.worker)
    grant.writes = []
    try await phone.store.grants.give(grant, on: family.lea.id)
    phone.now("2026-03-07T18:00:00Z")
    let visit = try #require(try await phone.store.planned(day("2026-03-07")...day("2026-03-07")).first)
    let contact = try await phone.store.record(visit, "Léa ran to her mother.")
    try await phone.syncs(with: desk)

    #expect(try await desk.store.cases.list().map(\.id) == [family.lea.id], "the other case is not hers")
    #expect(try await desk.store.contacts.get(contact.id)?.recordedBy == phone.worker)
    await expect(.NotGranted(caseId: family.lea.id)) {
      try await desk.writes("north", in: family.lea)
    }
    await expect(.NotGranted(caseId: family.lea.id)) {
      try await desk.store.contacts.amend(contact.id, .init(text: "Seen.", corrections: []))
    }
    let status = try #require(try await phone.store.sync.caseStatus(family.lea.id))
    #expect(status.peers.map(\.worker) == [desk.worker] && status.peers.map(\.toSend) == [0])
  }

  @Test func aPhoneUsedAloneWhoseKeysAreLostIsWrittenInAgainByItsWords() async throws {
    let before = try await Phone()
    let words = try #require(try await before.store.identity.recoveryWords())
    let lea = try await Family(before.store).lea
    let device = try await before.store.identity.device()
    await before.store.close()
    let phone = try await Phone(
      folder: before.folder, vault: MemoryKeyVault(), clock: before.clock, worker: before.worker)
    await expect(.KeysLost) { try await phone.writes("north", in: lea) }
    try await phone.store.identity.recoverRoot(words: words)
    try await phone.writes("north", in: lea)
    #expect(try await phone.store.identity.device() != device)
    // It takes others in as before.
    let tablet = try await Phone(worker: phone.worker)
    try await takeIn(tablet, by: phone)
    try await phone.syncs(with: tablet)
    #expect(try await tablet.team(of: lea) == "north")
  }

  @Test func aSubstituteFinishesHerDraftsOfACaseThatIsTakenBackAndThenItIsGone() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone(worker: "w-204"))
    try await takeIn(tablet, by: phone)
    let family = try await Family(phone.store)
    let lea = family.lea.id
    _ = try await family.saturdays()
    let grant = try await phone.store.grants.give(.colleague(tablet.worker), on: lea)
    try await phone.syncs(with: tablet)
    for device in [phone, tablet] { device.now("2026-03-14T18:00:00Z") }
    let planned = try await tablet.store.planned(day("2026-03-02")...day("2026-03-14"))
    try await tablet.store.record(planned[0], "Léa ran to her mother.")
    var kept = try await tablet.store.contacts.startDraft(for: planned[1])
    let doubled = try await tablet.store.contacts.startDraft(for: planned[1])
    kept.narrative = "They built a tower."
    kept = try await tablet.store.contacts.saveDraft(kept)
    try await phone.store.grants.takeBack([grant.id], on: lea)
    try await phone.syncs(with: tablet)

    // She sees what is left to do, in the case that she can only read.
    for try await left in tablet.store.grants.watchTakenBack() where !left.isEmpty {
      #expect(left.map(\.case) == [lea] && left[0].drafts == 2)
      #expect(left[0].draftsUntil.timeIntervalSince(left[0].since) == 7 * 86_400)
      break
    }
    #expect(Set(try await tablet.store.contacts.drafts(in: lea).map(\.id)) == [kept.id, doubled.id])
    await expect(.NotGranted(caseId: lea)) { try await tablet.writes("north", in: family.lea) }
    await expect(.NotGranted(caseId: lea)) { try await tablet.store.contacts.startDraft(for: planned[1]) }

    // A draft that lacks something can still be completed, and the other one be discarded.
    let id = kept.id
    await expect(.Incomplete(draft: id, missing: ["outcome"])) { try await tablet.store.contacts.complete(id) }
    kept.outcome = .init(code: .occurred)
    try await tablet.store.contacts.saveDraft(kept)
    let contact = try await tablet.store.contacts.complete(kept.id)
    try await tablet.store.contacts.discardDraft(doubled.id)
    let waiting = try await tablet.store.grants.takenBack()
    #expect(waiting.map(\.drafts) == [0])
    #expect(waiting[0].changes > 0, "nobody else has it yet")
    #expect(try await tablet.store.cases.get(lea) != nil)

    try await tablet.syncs(with: phone)
    for try await left in tablet.store.grants.watchTakenBack() where left.isEmpty { break }
    #expect(try await tablet.store.cases.get(lea) == nil)
    #expect(try await tablet.store.contacts.search("tower").isEmpty)
    let there = try #require(try await phone.store.contacts.get(contact.id))
    #expect(there.narrative == "They built a tower." && there.recordedBy == tablet.worker)
    #expect(try await tablet.store.verify().isSound)
  }

  @Test func aRootThatWentDownWithAPhoneIsRecoveredByItsWordsAndTheOthersFollow() async throws {
    let phone = try await Phone()
    let (tablet, desk) = (try await Phone(worker: "w-204"), try await Phone(worker: "w-300"))
    let words = try #require(try await phone.store.identity.recoveryWords())
    try await phone.store.identity.confirmRecoveryShown()
    let lea = try await Family(phone.store).lea
    for other in [tablet, desk] {
      try await takeIn(other, by: phone)
      try await phone.shares(lea, with: other)
    }
    // Both hear of each other: what the old root said counts as far as whoever recovers it knows.
    for other in [tablet, desk] { try await phone.syncs(with: other) }
    try await phone.writes("never seen again", in: lea)

    // Nobody who is left can certify anybody; whoever has the words can.
    let newcomer = try await Phone(worker: "w-9")
    await expect(.NotCertified(reason: "not_an_issuer")) {
      try await tablet.store.identity.certify(newcomer.store.identity.requestCertificate(), roles: [])
    }
    try await tablet.store.identity.recoverRoot(words: words)
    let lost = try await phone.store.identity.device()
    try await tablet.store.identity.endDevice(lost, why: .lost)
    let newWords = try #require(try await tablet.store.identity.recoveryWords())
    #expect(newWords != words)

    // The desk missed a new root and an end, and follows both.
    try await tablet.findsAndSyncs(with: desk)
    #expect(try await desk.store.identity.standing() == .current)
    #expect(try await desk.store.identity.devices().filter { $0.ended == .lost }.map(\.device) == [lost])
    try await takeIn(newcomer, by: tablet)
    try await tablet.shares(lea, with: newcomer)
    try await newcomer.syncs(with: tablet)
    try await newcomer.findsAndSyncs(with: desk)
    try await newcomer.writes("north", in: lea)
    try await newcomer.syncs(with: desk)
    #expect(try await desk.team(of: lea) == "north")

    // The phone is dredged up: it is told, and what it had waits for a person.
    for _ in 0..<6 where try await phone.store.identity.standing() != .ended { _ = try await sync(phone, with: desk) }
    #expect(try await phone.store.identity.standing() == .ended)
    #expect(try await desk.store.grants.waiting().map(\.case) == [lea.id])
    #expect(try await desk.team(of: lea) == "north")
    #expect(try await phone.team(of: lea) == "never seen again")
  }

  @Test func aPhoneIsEndedWhileTwoOthersAreOfflineAndBuildOnEachOthersWork() async throws {
    let desk = try await Phone()
    let gone = try await Phone(worker: "w-2")
    let (one, two) = (try await Phone(worker: "w-3"), try await Phone(worker: "w-4"))
    let lea = try await Family(desk.store).lea
    for other in [gone, one, two] {
      try await takeIn(other, by: desk)
      try await desk.shares(lea, with: other)
    }
    for other in [gone, one, two] { try await desk.syncs(with: other) }

    try await gone.writes("north", in: lea)
    try await gone.syncs(with: one)
    try await one.writes("north-east", in: lea)
    try await one.syncs(with: two)
    try await two.writes("east", in: lea)
    try await desk.store.identity.endDevice(gone.store.identity.device(), why: .stolen)
    try await gone.writes("by a thief", in: lea)

    for other in [two, one, two] { try await desk.findsAndSyncs(with: other) }
    for device in [desk, one, two] {
      #expect(try await device.team(of: lea) == "east")
      #expect(try await device.store.exchange.quarantine().isEmpty)
      #expect(try await device.store.exchange.digest() == desk.store.exchange.digest())
    }
    // What the thief adds waits, and a person says no by leaving it there.
    for _ in 0..<6 where try await one.store.grants.waiting().isEmpty { _ = try await sync(gone, with: one) }
    #expect(try await one.store.sync.status().quarantine.map(\.reason) == [.authorEnded])
    #expect(try await one.team(of: lea) == "east")

    // What was built upon is not what the desk had when it ended the phone: somebody looks it over, for all of them.
    let ended = try await gone.store.identity.device()
    for device in [desk, one, two] {
      let work = try await device.store.grants.toReview()
      #expect(work.map(\.case) == [lea.id] && work.map(\.device) == [ended])
      #expect(work.map(\.worker) == ["w-2"] && work.map(\.changes) == [1] && work.map(\.why) == [.stolen])
    }
    #expect(try await two.store.grants.confirm(ended, of: lea.id) == 1)
    #expect(try await two.store.grants.confirm(ended, of: lea.id) == 0)
    for other in [one, desk] { try await two.findsAndSyncs(with: other) }
    for device in [desk, one, two] { #expect(try await device.store.grants.toReview().isEmpty) }
    #expect(try await one.store.grants.waiting().count == 1, "what waits is another matter")
  }

  @Test func aStoreThatWasUsedAloneJoinsAnAgencyAndItsWorkCountsThere() async throws {
    let (agency, colleague) = (try await Phone(worker: "w-1"), try await Phone())
    try await takeIn(colleague, by: agency)
    let alone = try await Phone(worker: "w-204")
    let lea = try await Family(alone.store).lea
    let contact = try await alone.store.recordCall(in: lea.id, "Before anybody else was there.")
    let domain = try await agency.store.identity.domain()
    #expect(try await alone.store.identity.domain() != domain)

    try await takeIn(alone, by: agency)
    #expect(try await alone.store.identity.domain() == domain)
    #expect(try await alone.store.identity.recoveryWords() == nil, "its own root is of no use any more")
    try await alone.syncs(with: agency)
    #expect(try await agency.store.cases.get(lea.id) == nil, "it is the worker's to share")
    try await alone.shares(lea, with: colleague)
    try await alone.syncs(with: agency)
    try await alone.syncs(with: colleague)
    #expect(try await colleague.store.contacts.get(contact.id) == contact)
    try await colleague.writes("north", in: lea)
    try await colleague.syncs(with: alone)
    #expect(try await alone.team(of: lea) == "north")
    #expect(try await alone.store.sync.status().onlyHere.isEmpty)
  }

  @Test func threePhonesWithoutAHubShareACaseForAMonth() async throws {
    let phones = [try await Phone(worker: "w-1"), try await Phone(worker: "w-2"), try await Phone(worker: "w-3")]
    let family = try await Family(phones[0].store)
    _ = try await family.saturdays()
    for other in phones.dropFirst() {
      try await takeIn(other, by: phones[0])
      try await phones[0].shares(family.lea, with: other)
      try await phones[0].syncs(with: other)
    }
    let saturdays = try await phones[0].store.planned(day("2026-03-02")...day("2026-03-31"))
    #expect(saturdays.count == 4)
    for (week, saturday) in saturdays.enumerated() {
      for phone in phones { phone.now("\(saturday.day)T18:00:00Z") }
      let (duty, other, away) = (phones[week % 3], phones[(week + 1) % 3], phones[(week + 2) % 3])
      try await duty.store.record(saturday, "The visit of week \(week).")
      // Two of them write the same field apart; whoever sees both values settles it.
      for phone in [away, duty] {
        try await phone.settles()
        try await phone.writes("as week \(week) was for \(phone.worker)", in: family.lea)
      }
      try await duty.syncs(with: other)
      if week % 2 == 1 { try await other.syncs(with: away) }
    }
    let everybody = [(0, 1), (1, 2), (2, 0), (0, 1)]
    for (one, other) in everybody { try await phones[one].syncs(with: phones[other]) }
    try await phones[0].settles()
    for (one, other) in everybody { try await phones[one].syncs(with: phones[other]) }
    for phone in phones {
      #expect(try await phone.store.exchange.digest() == phones[0].store.exchange.digest())
      #expect(try await phone.store.contacts.page().contacts.count == 4)
      #expect(try await phone.team(of: family.lea) == phones[0].team(of: family.lea))
      #expect(try await phone.store.sync.status().onlyHere.isEmpty)
      #expect(try await phone.store.conflicts.list().isEmpty)
      #expect(try await phone.store.exchange.quarantine().isEmpty)
      #expect(try await phone.store.verify().isSound)
    }
  }
}
