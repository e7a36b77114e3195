// What waits for what: nothing for a slow reader, reads for no command, drafts for no import. Order, never time.

import Caseplan
import Foundation
import Testing

@Suite(.timeLimit(.minutes(5))) struct LaneTests {
  @Test func aReaderThatIsStuckHoldsUpNoCommand() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    let (stuck, release) = (Gate(), Gate())
    let journal = Journal()
    let reader = Task {
      for try await _ in store.watchToday() {
        await stuck.open()
        await release.wait()
        journal.write("released")
        break
      }
    }
    await stuck.wait()
    for number in 1...3 { try await store.recordCall(in: family.lea.id, "Call \(number).") }
    #expect(try await store.contacts.page(in: family.lea.id).contacts.count == 3)
    journal.write("recorded")
    await release.open()
    try await reader.value
    #expect(journal.all == ["recorded", "released"])
  }

  @Test func aLogThatBlocksOrThrowsHoldsUpNoCommand() async throws {
    let phone = try await Phone()
    _ = try await Family(phone.store)
    let backup = phone.folder.file("backup.db")
    try await phone.store.backUp(to: backup)
    await phone.store.close()
    // Two openings later, the backup is an older copy of what this device was: that is worth a warning.
    await (try phone.restarted()).store.close()
    try FileManager.default.removeItem(at: phone.file)
    try await Store.restore(backup, to: phone.file)

    let log = StuckLog()
    let config = StoreConfig(file: phone.file, worker: phone.worker, timeZone: paris)
    let store = try await Store.open(config, keyVault: phone.vault, clock: phone.clock, log: log)
    await log.entered.wait()
    _ = try await Family(store, reference: "2026-0118")
    #expect(try await store.cases.list().count == 2)
    log.journal.write("recorded")
    log.release.signal()
    var lists = store.cases.watchList().makeAsyncIterator()
    _ = try await lists.next()
    _ = try await Family(store, reference: "2026-0119")
    // The listener is called again: the log that threw took nobody with it.
    while let list = try await lists.next(), list.count < 3 {}
    #expect(log.journal.all == ["store.restored", "recorded", "released"])
  }

  @Test func aDraftIsSavedWhileALargeImportIsUnderWay() async throws {
    let (phone, tablet, caseId) = try await two(contacts: 150)
    var draft = try await tablet.store.contacts.startDraft(in: caseId, kind: .other)
    draft.narrative = "typed meanwhile"
    let portions = Portions(try await phone.exported(for: tablet, portion: 4096))
    let journal = Journal()
    let half = Gate()
    let saved = Gate()
    let importing = Task {
      let report = try await tablet.store.exchange.import(
        from: portions.map { portion in
          if portion.number == portions.count / 2 {
            await half.open()
            await saved.wait()
          }
          return portion.bytes
        })
      journal.write("imported")
      return report
    }
    await half.wait()
    try await tablet.store.contacts.saveDraft(draft)
    #expect(try await tablet.store.contacts.drafts().map(\.narrative) == ["typed meanwhile"])
    journal.write("saved")
    await saved.open()
    let report = try await importing.value
    #expect(report.complete && report.accepted >= 150)
    #expect(journal.all == ["saved", "imported"])
  }

  @Test func aDraftIsSavedBetweenTheBatchesOfAnImportThatNeverPauses() async throws {
    let (phone, tablet, caseId) = try await two(contacts: 300)
    let draft = try await tablet.store.contacts.startDraft(in: caseId, kind: .other)
    let bytes = try await phone.exported(for: tablet, portion: 1 << 20).reduce(Data(), +)
    let journal = Journal()
    let importing = Task {
      let report = try await tablet.store.exchange.import(bytes)
      journal.write("imported")
      return report
    }
    // The first batch is in: the import is under way.
    while try await tablet.store.contacts.page(limit: 1).contacts.isEmpty {}
    try await tablet.store.contacts.saveDraft(draft)
    journal.write("saved")
    #expect(try await importing.value.complete)
    #expect(journal.all == ["saved", "imported"])
  }

  @Test func longWorkEndsWhenItsTaskIsCancelledAndLeavesEverythingAsItWas() async throws {
    let phone = try await Phone()
    let family = try await Family(phone.store)
    try await phone.store.recordCall(in: family.lea.id, "Call 1.")
    let file = phone.folder.file("backup.db")
    let long: [@Sendable (@escaping ProgressHandler) async throws -> Void] = [
      { _ = try await phone.store.verify(progress: $0) },
      { try await phone.store.rebuild(progress: $0) },
      { try await phone.store.backUp(to: file, progress: $0) },
    ]
    for work in long {
      let (under, release) = (Gate(), DispatchSemaphore(value: 0))
      let working = Task {
        try await work { _ in
          Task { await under.open() }
          release.wait()
        }
      }
      await under.wait()
      working.cancel()
      for _ in 0..<100 { release.signal() }
      await #expect(throws: CancellationError.self) { try await working.value }
    }
    #expect(!FileManager.default.fileExists(atPath: file.path))
    #expect(try await phone.store.verify().isSound)
  }

  @Test func eightTasksAtOnceLoseNothing() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    let ids = try await withThrowingTaskGroup(of: [ContactId].self) { group in
      for task in 0..<8 {
        group.addTask {
          var ids: [ContactId] = []
          for number in 0..<5 {
            ids.append(try await store.recordCall(in: family.lea.id, "Task \(task), call \(number).").id)
            _ = try await store.today()
            _ = try await store.contacts.search("call", limit: 5)
          }
          return ids
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    #expect(Set(ids).count == 40)
    #expect(Set(try await store.contacts.page(limit: 100).contacts.map(\.id)) == Set(ids))
    #expect(try await store.verify().isSound)
  }

  @Test func closingWhileReadingEndsReadsAndStreams() async throws {
    let store = try await Phone().store
    let family = try await Family(store)
    for number in 1...10 { try await store.recordCall(in: family.lea.id, "Call \(number).") }
    let begun = Gate()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          do {
            while true {
              _ = try await store.cases.overview(family.lea.id)
              await begun.open()
            }
          } catch CaseplanError.Closed {}
        }
        group.addTask { for try await _ in store.watchToday() {} }
      }
      await begun.wait()
      await store.close()
      try await group.waitForAll()
    }
  }

  @Test func aStoreMayBeClosedFromAStream() async throws {
    let store = try await Phone().store
    var emitted = 0
    for try await _ in store.watchToday() {
      emitted += 1
      await store.close()
    }
    #expect(emitted == 1)
    for try await _ in store.watchToday() { Testing.Issue.record("a closed store emitted") }
  }
}

/// A phone with contacts that a tablet has not seen yet.
private func two(contacts: Int) async throws -> (Phone, Phone, CaseId) {
  let phone = try await Phone()
  let tablet = try await phone.enrol(worker: "w-204")
  let family = try await Family(phone.store)
  try await phone.meet(tablet)
  for number in 0..<contacts { try await phone.store.recordCall(in: family.lea.id, "Call \(number).") }
  return (phone, tablet, family.lea.id)
}

extension Phone {
  /// What another lacks, in portions of this size.
  func exported(for other: Phone, portion: Int) async throws -> [Data] {
    var all = Data()
    for try await bytes in try await store.exchange.export(for: other.store.exchange.vector()) { all += bytes }
    return stride(from: 0, to: all.count, by: portion).map { Data(all[$0..<min($0 + portion, all.count)]) }
  }
}

/// Bytes in portions that know their number.
struct Portions: Sendable {
  let all: [Data]

  init(_ all: [Data]) {
    self.all = all
  }

  var count: Int { all.count }

  func map(_ change: @escaping @Sendable ((number: Int, bytes: Data)) async -> Data) -> Mapped {
    Mapped(all: all, change: change)
  }

  struct Mapped: AsyncSequence, Sendable {
    typealias Element = Data
    let all: [Data]
    let change: @Sendable ((number: Int, bytes: Data)) async -> Data

    func makeAsyncIterator() -> Iterator {
      Iterator(portions: self)
    }

    struct Iterator: AsyncIteratorProtocol {
      let portions: Mapped
      var number = 0

      mutating func next() async -> Data? {
        guard number < portions.all.count else { return nil }
        defer { number += 1 }
        return await portions.change((number, portions.all[number]))
      }
    }
  }
}

/// A log that blocks on its first entry until it is released, and then throws.
private final class StuckLog: LogSink, @unchecked Sendable {
  let journal = Journal()
  let entered = Gate()
  let release = DispatchSemaphore(value: 0)

  func log(level: LogLevel, code: String, ids: [String]) throws {
    guard journal.all.isEmpty else { return }
    journal.write(code)
    Task { await entered.open() }
    release.wait()
    journal.write("released")
    throw NotAboutSecrets(text: "Léa Martin")
  }
}
