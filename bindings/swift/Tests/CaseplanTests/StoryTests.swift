// A visit recorded offline on two phones, merged: the story that the Rust tests tell, told in Swift.

import Caseplan
import Testing

@Suite struct StoryTests {
  @Test func twoPhonesRecordOfflineAndMerge() async throws {
    let phone = try await Phone()
    let tablet = try await phone.enrol(worker: "w-204")
    let family = try await Family(phone.store)
    let plan = try await family.saturdays()
    try await phone.meet(tablet)
    #expect(try await phone.store.exchange.digest() == tablet.store.exchange.digest())

    // Saturday, no network: both record the visit, and both move the next ones elsewhere.
    phone.now("2026-03-07T16:30:00Z")
    tablet.now("2026-03-07T16:30:00Z")
    let saturday = day("2026-03-07")
    let planned = try #require(try await phone.store.planned(saturday...saturday).first)
    let here = try await phone.store.record(planned, "Léa ran to her mother.")
    let there = try await tablet.store.record(planned, "They built a tower.")
    phone.now("2026-03-09T09:00:00Z")
    tablet.now("2026-03-09T09:05:00Z")
    _ = try await phone.store.visitationPlans.change(plan.id, .init(place: "Parc Monceau"))
    _ = try await tablet.store.visitationPlans.change(plan.id, .init(place: "Bibliothèque"))
    try await phone.meet(tablet)

    // The same field twice: both values, with who and when; an ordinary edit is refused.
    let conflict = try #require(try await phone.store.conflicts.list(in: family.lea.id).first)
    #expect(conflict.field == "place")
    #expect(Set(conflict.values.map(\.by)) == ["w-117", "w-204"])
    await expect(.FieldInConflict(conflict: conflict.id)) {
      try await phone.store.visitationPlans.change(plan.id, .init(place: "Gare"))
    }
    try await phone.store.conflicts.settle(conflict.id, choice: conflict.values[1].id)
    await expect(.ConflictChanged(conflict: conflict.id)) {
      try await phone.store.conflicts.settle(conflict.id, choice: conflict.values[0].id)
    }

    // The same visit twice: counted once, and a person says that it is one.
    let issue = try #require(try await tablet.store.issues.list().first)
    #expect(issue.code == "I-10")
    guard case .possibleDuplicateContacts(let first, let second) = issue.subject else {
      Testing.Issue.record("another subject")
      return
    }
    #expect(Set([first, second]) == [here.id, there.id])
    try await tablet.store.issues.settle(issue.id, .same(keeping: first), why: "one visit")
    try await phone.meet(tablet)
    #expect(try await phone.store.conflicts.list().isEmpty)
    #expect(try await phone.store.issues.list().isEmpty)
    #expect(try await phone.store.issues.list(settledToo: true).first?.decision?.why == "one visit")
    let due = try await phone.store.visitationPlans.due(in: saturday...saturday.adding(days: 7))
    #expect(due.map(\.state) == [.done, .planned])

    // The plan as the court saw it on the 8th.
    let then = try await phone.store.history.get(plan.id, asOf: .instant(at: at("2026-03-08T00:00:00Z")))
    #expect(then?.place == "Maison de la famille, salle 2")

    for each in [phone, tablet] {
      #expect(try await each.store.verify().isSound)
    }
    #expect(try await phone.store.exchange.digest() == tablet.store.exchange.digest())
  }
}
