// Opening, reopening, suspending, closing; stores in memory and vaults in folders.

import Caseplan
import Foundation
import Testing

@Suite struct OpeningTests {
  @Test func theCoreSaysItsVersion() throws {
    #expect(try Store.coreVersion().split(separator: ".").count == 3)
  }

  @Test func whatWasRecordedIsThereAfterARestart() async throws {
    let phone = try await Phone()
    let family = try await Family(phone.store)
    let contact = try await phone.store.recordCall(in: family.lea.id, "Called the school.")
    let draft = try await phone.store.contacts.startDraft(in: family.lea.id, kind: .other)
    let device = try await phone.store.identity.device()

    let again = try await phone.restarted()
    #expect(try await again.store.contacts.get(contact.id) == contact)
    #expect(try await again.store.contacts.drafts() == [draft])
    #expect(try await again.store.identity.device() == device)
    let info = try await again.store.info()
    #expect(info.schema == 2 && info.documents == 2 && !info.keysLost && info.quarantined == 0)
  }

  @Test func aVaultInAFolderServesADesktop() async throws {
    let folder = try Folder()
    let config = StoreConfig(file: folder.file("a.db"), worker: "w-117", timeZone: paris)
    let first = try await Store.open(config, vaultFolder: folder.file("keys"))
    let device = try await first.identity.device()
    await first.close()
    let second = try await Store.open(config, vaultFolder: folder.file("keys"))
    #expect(try await second.identity.device() == device)
  }

  @Test func aStoreInMemoryWorksAndIsGoneWhenItCloses() async throws {
    let clock = FixedClock(at("2026-03-02T08:00:00Z"))
    let store = try await Store.inMemory(timeZone: paris, clock: clock)
    let family = try await Family(store)
    try await store.suspend()
    await expect(.Suspended) { try await store.cases.list() }
    try await store.resume()
    #expect(try await store.cases.list().map(\.id) == [family.lea.id])
    #expect(try await store.today().day == day("2026-03-02"))
    let another = try await Store.inMemory(timeZone: paris, clock: clock)
    #expect(try await another.cases.list().isEmpty)
    await store.close()
  }

  @Test func aSuspendedStoreLetsGoOfItsFileAndTakesItBack() async throws {
    let phone = try await Phone()
    let family = try await Family(phone.store)
    try await phone.store.suspend()
    try await phone.store.suspend()
    await expect(.Suspended) { try await phone.store.cases.reopen(family.lea.id) }
    await expect(.Suspended) { try await phone.store.today() }

    let other = try await Phone(folder: phone.folder, vault: phone.vault, clock: phone.clock, worker: phone.worker)
    await expect(.InUse) { try await phone.store.resume() }
    await other.store.close()

    try await phone.store.resume()
    try await phone.store.resume()
    #expect(try await phone.store.cases.get(family.lea.id)?.reference == "2026-0117")
  }

  @Test func aClosedStoreSaysSoAndCanBeClosedAgain() async throws {
    let phone = try await Phone()
    await phone.store.close()
    await phone.store.close()
    await expect(.Closed) { try await phone.store.today() }
    await expect(.Closed) { try await phone.store.resume() }
    await expect(.Closed) { try await phone.store.exchange.import(Data([1])) }
    await expect(.Closed) { try await phone.store.backUp(to: phone.folder.file("b.db")) }
  }

  @Test func aStoreThatIsLetGoOfReleasesItsFile() async throws {
    let folder = try Folder()
    let vault = MemoryKeyVault()
    let config = StoreConfig(file: folder.file("a.db"), worker: "w-117", timeZone: paris)
    do {
      _ = try await Store.open(config, keyVault: vault).today()
    }
    // It closes off this thread; nothing here waits for a time, so it is asked until it has.
    while true {
      do {
        try await Store.open(config, keyVault: vault).close()
        return
      } catch CaseplanError.InUse {
        await Task.yield()
      }
    }
  }

  @Test func aBackupIsAWholeStoreAndNeverOverwrites() async throws {
    let phone = try await Phone()
    let family = try await Family(phone.store)
    let backup = phone.folder.file("backup.db")
    let journal = Journal()
    try await phone.store.backUp(to: backup) { progress in journal.write("\(progress.done)/\(progress.total)") }
    #expect(!journal.all.isEmpty)
    await expect(.CannotOpen) { try await phone.store.backUp(to: backup) }
    await expect(.CannotOpen) { try await Store.restore(backup, to: phone.file) }

    await phone.store.close()
    try FileManager.default.removeItem(at: phone.file)
    try await Store.restore(backup, to: phone.file)
    let again = try await Phone(folder: phone.folder, vault: phone.vault, clock: phone.clock, worker: phone.worker)
    #expect(try await again.store.cases.get(family.lea.id) != nil)
    #expect(try await again.store.verify().isSound)
    try await again.store.rebuild()
    #expect(try await again.store.cases.list().count == 1)
    #expect(try await again.store.stats().documentsLoaded > 0)
  }
}
