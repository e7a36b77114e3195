// The tour in README.md, word for word: `tests/packages.rs` compares the two.

import Caseplan
import Foundation
import Testing

@Suite struct TourTests {
  @Test func theTourOfTheReadmeRuns() async throws {
    let (url, vault) = (try Folder().file("caseplan.db"), MemoryKeyVault())
    let (born, ordered) = (day("2019-04-02"), day("2026-03-02"))
    let (saturdayAt14, week) = (WallTime("2026-03-07T14:00:00")!, day("2026-03-02").week)
    let (text, isEnough) = ("They built a tower.", true)
    var due: [DueVisit] = []

    // The tour begins.
    let store = try await Store.open(.init(file: url, worker: "w-117", timeZone: .current), keyVault: vault)

    let lea = try await store.cases.create(
      .init(reference: "2026-0117", primaryClient: .init(name: "Léa Martin", born: born)))
    let ana = try await store.cases.addParticipant(.init(person: .init(name: "Ana Martin"), role: .parent), to: lea.id)

    let plan = try await store.visitationPlans.create(
      .init(
        mandate: .courtOrdered(order: .init(reference: "TE 24/118", on: ordered)),
        toVisit: [.participant(lea.primaryClient)], visitors: [.participant(ana.id)],
        schedule: .rule("FREQ=WEEKLY;BYDAY=SA", startsAt: saturdayAt14, in: paris),
        duration: .hours(2), methods: [.inPerson]),
      in: lea.id)

    for try await visits in store.visitationPlans.watchDue(in: week) {  // again after every change, local or synced
      due = visits
      if isEnough { break }
    }

    var draft = try await store.contacts.startDraft(for: due[0])  // prefilled from the plan, already on disk
    draft.narrative = text
    draft.outcome = .init(code: .occurred)
    try await store.contacts.saveDraft(draft)  // survives an empty battery
    let contact = try await store.contacts.complete(draft.id)  // durable when this returns
    // The tour ends.
    #expect(contact.narrative == text)
    #expect(contact.planned.map(\.plan) == [plan.plan.id])
    await store.close()
  }
}
