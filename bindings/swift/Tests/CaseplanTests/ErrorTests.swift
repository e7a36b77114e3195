// Every error that an app can meet in what it asks for. Errors of opening are in OpeningErrorTests.swift, those of
// merging in StoryTests.swift.

import Caseplan
import Foundation
import Testing

@Suite struct ErrorTests {
  @Test func whatIsNotHereIsNotFound() async throws {
    let store = try await Phone().store
    let unknown = CaseId(value: UUID())
    #expect(try await store.cases.get(unknown) == nil)
    await expect(.NotFound(kind: "case", id: unknown.description)) { try await store.cases.overview(unknown) }
    let draft = DraftId(value: UUID())
    await expect(.NotFound(kind: "draft", id: draft.description)) { try await store.contacts.complete(draft) }
  }

  @Test func whatHasNotArrivedYetIsNotYetHere() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    let plan = VisitationPlanId(value: UUID())
    var draft = try await store.contacts.startDraft(in: family.lea.id, kind: .familyVisit)
    draft.planned = [.init(plan: plan)]
    draft.outcome = .init(code: .attempted, reason: .illness)
    draft = try await store.contacts.saveDraft(draft)
    await expect(.NotYetHere(kind: "visitation plan", id: plan.description)) { [draft] in
      try await store.contacts.complete(draft.id)
    }
  }

  @Test func aBrokenRuleSaysWhichAndAboutWhat() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    var draft = try await store.contacts.startDraft(in: family.lea.id, kind: .collateral)
    draft.outcome = .init(code: .noShow)
    draft = try await store.contacts.saveDraft(draft)
    await expect(.RuleBroken(rule: "CT-04", subject: [draft.id.description], data: ["outcome": "no_show"])) {
      [draft] in try await store.contacts.complete(draft.id)
    }
    draft.outcome?.reason = .illness
    draft.time = .init(start: at("2026-03-03T10:00:00Z"), in: paris)
    draft = try await store.contacts.saveDraft(draft)
    await expect(.RuleBroken(rule: "CT-01", subject: [draft.id.description], data: [:])) { [draft] in
      try await store.contacts.complete(draft.id)
    }
  }

  @Test func aValueWithoutMeaningSaysWhichField() async throws {
    let store = try await Phone().store
    await expect(.Invalid(field: "reference", reason: "empty")) {
      try await store.cases.create(.init(reference: " ", primaryClient: .init(name: "Léa Martin")))
    }
    await expect(.Invalid(field: "zone", reason: "format")) {
      try await Store.inMemory(timeZone: TimeZone(secondsFromGMT: 4711)!)
    }
    await expect(.Invalid(field: "worker id", reason: "format")) { try await Store.inMemory(worker: "") }
  }

  @Test func anIncompleteDraftSaysWhatIsMissingAndStays() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    var draft = try await store.contacts.startDraft(in: family.lea.id, kind: .familyVisit)
    draft.time = nil
    draft = try await store.contacts.saveDraft(draft)
    await expect(.Incomplete(draft: draft.id, missing: ["outcome", "time"])) { [draft] in
      try await store.contacts.complete(draft.id)
    }
    #expect(try await store.contacts.draft(draft.id) == draft)
  }

  @Test func aStaleSaveKeepsBothTexts() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    var draft = try await store.contacts.startDraft(in: family.lea.id, kind: .familyVisit)
    draft.narrative = "one"
    try await store.contacts.saveDraft(draft)
    draft.narrative = "two"
    do {
      try await store.contacts.saveDraft(draft)
      Testing.Issue.record("a stale save went through")
    } catch CaseplanError.DraftChanged(let changed, let revision, let keptAs) {
      #expect(changed == draft.id && revision == 2)
      #expect(try await store.contacts.draft(changed)?.narrative == "one")
      #expect(try await store.contacts.draft(keptAs)?.narrative == "two")
    }
  }

  @Test func aClosedCaseAndATakenReferenceAreRefused() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    await expect(.ReferenceTaken(caseId: family.lea.id)) { try await Family(store) }
    _ = try await store.cases.close(family.lea.id, on: day("2026-03-02"), reason: "moved")
    await expect(.CaseClosed) {
      try await store.cases.addParticipant(.init(person: .init(name: "Tom"), role: .sibling), to: family.lea.id)
    }
    #expect(try await store.cases.reopen(family.lea.id).status == .open)
  }

  @Test func aDeviceIsCertifiedOnceAndByItsOwnAnswer() async throws {
    let phone = try await Phone()
    let tablet = try await Phone(worker: "w-204")
    let third = try await Phone(worker: "w-300")
    await expect(.NotCertified(reason: "malformed")) {
      try await phone.store.identity.certify(Data([1, 2, 3]), roles: [.caseworker])
    }
    let request = try await tablet.store.identity.requestCertificate()
    let answer = try await phone.store.identity.certify(request, roles: [.caseworker])
    await expect(.NotCertified(reason: "not_for_this_device")) { try await third.store.identity.adopt(answer) }
    await expect(.NotCertified(reason: "already_certified")) {
      try await phone.store.identity.certify(request, roles: [.caseworker])
    }
    // Work that was done while the tablet was alone goes along.
    let family = try await Family(tablet.store)
    try await tablet.store.identity.adopt(answer)
    #expect(try await tablet.hand(to: phone).quarantined.isEmpty)
    #expect(try await phone.store.cases.get(family.lea.id)?.reference == "2026-0117")
  }

  @Test func aFileOfSomethingElseIsNoExport() async throws {
    let phone = try await Phone()
    let stranger = try await Phone(worker: "w-9")
    let bytes = Data(repeating: 0xff, count: 4096)
    await expect(.NotAnExport(reason: "format")) { try await phone.store.exchange.import(bytes) }
    await expect(.NotAnExport(reason: "domain")) {
      try await phone.store.exchange.import(from: stranger.store.exchange.export())
    }
    await expect(.NotAnExport(reason: "domain")) {
      let vector = try await stranger.store.exchange.vector()
      for try await _ in phone.store.exchange.export(for: vector) {}
    }
    await expect(.CannotOpen) { try await phone.store.exchange.import(from: phone.folder.file("nothing")) }
  }

  @Test func errorsAreReadableAndCarryIdsOnly() {
    let id = UUID(uuidString: "6f1c1f0a-0b5e-4a43-9c3a-0d7a3f1e2b4c")!
    let texts: [(CaseplanError, String)] = [
      (.NotFound(kind: "case", id: "\(CaseId(value: id))"), "no case 6f1c1f0a-0b5e-4a43-9c3a-0d7a3f1e2b4c"),
      (
        .RuleBroken(rule: "VP-03", subject: ["p-1"], data: ["until": "2026-04-01", "from": "2026-03-01"]),
        "rule VP-03 forbids it: p-1, from=2026-03-01, until=2026-04-01"
      ),
      (.RuleBroken(rule: "CT-01", subject: [], data: [:]), "rule CT-01 forbids it"),
      (.Invalid(field: "reference", reason: "empty"), "reference is invalid: empty"),
      (
        .Incomplete(draft: DraftId(value: id), missing: ["outcome", "time"]),
        "draft 6f1c1f0a-0b5e-4a43-9c3a-0d7a3f1e2b4c lacks outcome, time"
      ),
      (
        .DocumentFull(document: DocumentId(value: id)), "document 6f1c1f0a-0b5e-4a43-9c3a-0d7a3f1e2b4c is full"
      ),
      (.NewerSchema(found: 3, known: 1), "the database has version 3, and this version knows 1"),
      (.DiskFull, "the disk is full"),
      (.NotWritable, "the database cannot be written"),
      (.KeysLost, "the store is read-only: its keys are lost"),
    ]
    for (error, text) in texts {
      #expect(error.description == text)
      #expect(error.localizedDescription == text)
      #expect("\(error)" == text)
    }
  }
}
