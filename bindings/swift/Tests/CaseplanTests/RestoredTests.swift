// Phones that come back as older copies, with their keys: what they wrote before and after stays.

import Caseplan
import Foundation
import Testing

struct RestoredTests {
  @Test func aPhoneThatComesBackAsACopyOfLastMondayKeepsWhatItWroteBeforeAndAfter() async throws {
    let (bought, tablet) = (try await Phone(), try await Phone())
    try await takeIn(tablet, by: bought)
    let lea = try await Family(bought.store).lea
    try await bought.syncs(with: tablet)
    await bought.store.close()
    let monday = try Image(of: bought)
    let phone = try await bought.restarted()
    try await phone.writes("north", in: lea)
    try await phone.syncs(with: tablet)
    await phone.store.close()

    let back = try await monday.opened(for: phone, in: phone.folder)
    #expect(try await back.team(of: lea) == nil)
    back.now("2026-03-09T08:00:00Z")
    _ = try await back.store.cases.change(lea.id, .init(caseType: "foster"))
    try await back.syncs(with: tablet)
    for device in [back, tablet] {
      let seen = try #require(try await device.store.cases.get(lea.id))
      #expect(seen.team == "north" && seen.caseType == "foster")
      // The one change that lost, which its author wrote again.
      #expect(try await device.store.exchange.quarantine().map(\.reason) == [.forked])
      #expect(try await device.store.info().otherCopyWroteAt == nil)
      #expect(try await device.store.verify().isSound)
    }
  }

  @Test func twoCopiesOfOnePhoneThatAreBothInUseAreTold() async throws {
    let (bought, tablet) = (try await Phone(), try await Phone())
    try await takeIn(tablet, by: bought)
    let lea = try await Family(bought.store).lea
    try await bought.syncs(with: tablet)
    await bought.store.close()
    let image = try Image(of: bought)
    let phone = try await bought.restarted()
    let twin = try await image.opened(for: phone, in: Folder())
    for week in 2...4 {
      phone.now("2026-03-\(week * 7)T08:00:00Z")
      try await phone.writes("week \(week)", in: lea)
      _ = try await twin.store.cases.change(lea.id, .init(caseType: "week \(week)"))
      for copy in [phone, twin] { try await copy.syncs(with: tablet) }
    }
    try await phone.syncs(with: tablet)
    for copy in [phone, twin] { #expect(try await copy.store.info().otherCopyWroteAt != nil) }
    #expect(try await tablet.store.info().otherCopyWroteAt == nil)
    #expect(try await phone.team(of: lea) == "week 4")
  }

  @Test func aForkIsSeenByTwoGroupsThatHaveNotMetAndWhatEitherWroteUponItStays() async throws {
    let (bought, tablet, noor) = (try await Phone(), try await Phone(), try await Phone(worker: "w-204"))
    for other in [tablet, noor] { try await takeIn(other, by: bought) }
    let lea = try await Family(bought.store).lea
    try await bought.store.grants.give(.colleague(noor.worker), on: lea.id)
    for other in [tablet, noor] { try await bought.syncs(with: other) }
    await bought.store.close()
    let monday = try Image(of: bought)

    // One group has what the phone wrote before, the other what it wrote after it came back.
    let phone = try await bought.restarted()
    try await phone.writes("north", in: lea)
    try await phone.syncs(with: tablet)
    await phone.store.close()
    let back = try await monday.opened(for: phone, in: phone.folder)
    _ = try await back.store.cases.change(lea.id, .init(caseType: "foster"))
    try await back.syncs(with: noor)
    let calls = [
      try await tablet.store.recordCall(in: lea.id, "Ana called about north."),
      try await noor.store.recordCall(in: lea.id, "The foster mother called."),
    ]

    // They meet while the phone is away: both see the fork, and each keeps what it has.
    try await tablet.syncs(with: noor)
    for device in [tablet, noor] {
      for call in calls { #expect(try await device.store.contacts.get(call.id) != nil) }
      #expect(try await device.store.verify().isSound)
    }
    for _ in 1...3 {
      for other in [tablet, noor] { try await back.syncs(with: other) }
      try await tablet.syncs(with: noor)
    }
    for device in [back, tablet, noor] {
      let seen = try #require(try await device.store.cases.get(lea.id))
      #expect(seen.team == "north" && seen.caseType == "foster")
      for call in calls { #expect(try await device.store.contacts.get(call.id) != nil) }
      #expect(try await device.store.conflicts.list().isEmpty)
      let apart = try await device.store.sync.status().quarantine
      #expect(apart.map(\.reason) == [.forked] && apart.map(\.case) == [lea.id])
      #expect(apart.first?.reason.words.hasPrefix("Written on a copy of a device") == true)
      #expect(try await device.store.verify().isSound)
    }
    let held = (try await back.store.exchange.digest(), try await tablet.store.exchange.digest())
    #expect(held.0 == held.1, "two devices of one worker hold the same")
  }
}

/// A copy of a whole phone: its file and its vault.
private struct Image {
  private let bytes: Data
  private var secrets: [(String, Data)] = []

  init(of phone: Phone) throws {
    bytes = try Data(contentsOf: phone.file)
    for name in ["device", "root", "recovery", "session-next", "session-current"] {
      if let secret = try phone.vault.load(name: name) { secrets.append((name, secret)) }
    }
  }

  /// The phone as it was, in its folder or in another one.
  func opened(for phone: Phone, in folder: Folder) async throws -> Phone {
    for ending in ["-wal", "-shm"] {
      try? FileManager.default.removeItem(at: folder.file("caseplan.db\(ending)"))
    }
    try bytes.write(to: folder.file("caseplan.db"))
    let vault = MemoryKeyVault()
    for (name, secret) in secrets { try vault.store(name: name, secret: secret) }
    return try await Phone(folder: folder, vault: vault, clock: phone.clock, worker: phone.worker)
  }
}
