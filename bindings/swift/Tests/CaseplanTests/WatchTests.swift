// Streams: a value at once, another after each commit that could change it, and the newest only.

import Foundation
import Testing

@testable import Caseplan

@Suite(.timeLimit(.minutes(5))) struct WatchTests {
  @Test func aStreamEmitsAtOnceAndAfterALocalCommit() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    var pages = store.contacts.watchPage(in: family.lea.id).makeAsyncIterator()
    #expect(try await pages.next()?.contacts.isEmpty == true)
    let contact = try await store.recordCall(in: family.lea.id, "Called the school.")
    #expect(try await pages.next { $0.contacts.map(\.id) == [contact.id] } != nil)
  }

  @Test func aStreamEmitsAfterAnImport() async throws {
    let phone = try await Phone()
    let tablet = try await phone.enrol(worker: "w-204")
    let family = try await Family(phone.store)
    try await phone.meet(tablet)
    var pages = tablet.store.contacts.watchPage(in: family.lea.id).makeAsyncIterator()
    var today = tablet.store.watchToday().makeAsyncIterator()
    #expect(try await pages.next()?.contacts.isEmpty == true)
    #expect(try await today.next()?.drafts.isEmpty == true)
    let contact = try await phone.store.recordCall(in: family.lea.id, "Called the school.")
    try await phone.hand(to: tablet)
    #expect(try await pages.next { $0.contacts.map(\.id) == [contact.id] } != nil)
  }

  @Test func whatIsOnlyHereIsToldAnewWhenSomebodyElseHasIt() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    try await takeIn(tablet, by: phone)
    _ = try await Family(phone.store)
    var today = phone.store.watchToday().makeAsyncIterator()
    #expect(try await today.next()?.onlyHere.changes ?? 0 > 0)
    try await phone.syncs(with: tablet)
    #expect(try await today.next { $0.onlyHere.changes == 0 } != nil)
  }

  @Test func aStreamOfOneCaseSleepsThroughCommitsInAnother() async throws {
    let store = try await Phone().store
    let (one, other) = try await (Family(store), Family(store, reference: "2026-0118"))
    var pages = store.contacts.watchPage(in: one.lea.id).makeAsyncIterator()
    try await store.passListeners(other.lea.id)
    while try await pages.next()?.contacts.isEmpty != true {}

    try await store.recordCall(in: other.lea.id, "Called the school.")
    try await store.passListeners(other.lea.id)
    // A stream that had been woken for the other case would answer before the next commit, and without it.
    let journal = Journal()
    let watching = Task { [pages] in
      var pages = pages
      let page = try await pages.next()
      journal.write("emitted")
      return page
    }
    journal.write("committing")
    let contact = try await store.recordCall(in: one.lea.id, "Called the nurse.")
    #expect(try await watching.value?.contacts.map(\.id) == [contact.id])
    #expect(journal.all == ["committing", "emitted"])
  }

  @Test func aSlowReaderGetsTheNewestOnly() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    try await store.passListeners(family.lea.id)
    var pages = store.contacts.watchPage(in: family.lea.id).makeAsyncIterator()
    _ = try await pages.next()
    for number in 1...5 { try await store.recordCall(in: family.lea.id, "Call \(number).") }
    try await store.passListeners(family.lea.id)
    #expect(try await pages.next()?.contacts.count == 5)
    let sixth = Task { [pages] in
      var pages = pages
      return try await pages.next()?.contacts.count
    }
    try await store.recordCall(in: family.lea.id, "Call 6.")
    #expect(try await sixth.value == 6)
  }

  @Test func eachLoopWatchesOnItsOwn() async throws {
    let store = try await Phone().store
    let watched = store.cases.watchList()
    for _ in 0..<2 {
      for try await list in watched {
        #expect(list.isEmpty)
        break
      }
    }
    #expect(store.engine.watchers == 0)
  }

  @Test func aReaderThatThrowsLeavesNothingBehind() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    do {
      for try await _ in store.cases.watchList() { throw NotAboutSecrets(text: "Léa Martin") }
    } catch is NotAboutSecrets {}
    #expect(store.engine.watchers == 0)
    try await store.recordCall(in: family.lea.id, "Called the school.")
  }

  @Test func aStreamThatFailsThrowsOnceAndEnds() async throws {
    let store = try await Phone().store
    let unknown = CaseId(value: UUID())
    var overviews = store.cases.watchOverview(unknown).makeAsyncIterator()
    do {
      _ = try await overviews.next()
      Testing.Issue.record("an unknown case was shown")
    } catch CaseplanError.NotFound(let kind, _) {
      #expect(kind == "case")
    }
    #expect(try await overviews.next() == nil)
  }

  @Test func aCancelledTaskEndsItsStream() async throws {
    let store = try await Phone().store
    let first = Gate()
    let watching = Task {
      for try await _ in store.watchToday() { await first.open() }
      return "ended"
    }
    await first.wait()
    watching.cancel()
    #expect(try await watching.value == "ended")
  }

  @Test func aStreamWaitsWhileTheStoreIsSuspendedAndGoesOn() async throws {
    let phone = try await Phone()
    let family = try await Family(phone.store)
    var lists = phone.store.cases.watchList().makeAsyncIterator()
    #expect(try await lists.next()?.count == 1)
    try await phone.store.suspend()
    let journal = Journal()
    let watching = Task { [lists] in
      var lists = lists
      let list = try await lists.next { $0.count == 2 }
      journal.write("emitted")
      return list?.map(\.reference)
    }
    journal.write("resuming")
    try await phone.store.resume()
    _ = try await Family(phone.store, reference: "2026-0118")
    #expect(try await watching.value == [family.lea.reference, "2026-0118"])
    #expect(journal.all == ["resuming", "emitted"])
  }

  @Test func everyTopicWithoutACaseConcernsEveryCase() {
    let (mine, other) = (CaseId(value: UUID()), CaseId(value: UUID()))
    let concerns = Concerns(topics: [.contacts, .today], caseId: mine)
    #expect(concerns.match(ChangeSet(topics: [.contacts], cases: [mine])))
    #expect(!concerns.match(ChangeSet(topics: [.contacts], cases: [other])))
    #expect(!concerns.match(ChangeSet(topics: [.drafts], cases: [mine])))
    #expect(concerns.match(ChangeSet(topics: [.today], cases: [])))
    // The turn of the day and a commit elsewhere, told together.
    #expect(concerns.match(ChangeSet(topics: [.today, .contacts], cases: [other])))
    #expect(Concerns(topics: [.contacts]).match(ChangeSet(topics: [.contacts], cases: [other])))
  }
}

extension Watched.Iterator {
  /// Goes on to the first value that fits; a commit may wake a stream more than once.
  mutating func next(where fits: (Value) -> Bool) async throws -> Value? {
    while let value = try await next() {
      if fits(value) { return value }
    }
    return nil
  }
}

extension Store {
  /// Returns when the core has told of everything committed so far. It tells in the order of commits.
  func passListeners(_ caseId: CaseId) async throws {
    var cases = cases.watch(caseId).makeAsyncIterator()
    let team = UUID().uuidString
    _ = try await self.cases.change(caseId, .init(team: team))
    // The first value is there at once; the mark of the change comes after it, or it is the change's own.
    while let found = try await cases.next(), found?.team != team {}
    _ = try await self.cases.change(caseId, .init(team: team + "."))
    while let found = try await cases.next(), found?.team != team + "." {}
  }
}
