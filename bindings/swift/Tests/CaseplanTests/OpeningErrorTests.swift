// What can be wrong with a file, a vault or a clock, and that nothing is lost by it.

import Caseplan
import Foundation
import Testing

@Suite struct OpeningErrorTests {
  @Test func aFolderThatIsNotThereCannotBeOpened() async throws {
    let folder = try Folder()
    let config = StoreConfig(file: folder.file("no/such/a.db"), worker: "w-117", timeZone: paris)
    await expect(.CannotOpen) { try await Store.open(config, keyVault: MemoryKeyVault()) }
  }

  @Test(.enabled(if: geteuid() != 0, "root may write anywhere"))
  func aFolderThatMayNotBeWrittenIsNotWritable() async throws {
    let folder = try Folder()
    try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder.url.path)
    let config = StoreConfig(file: folder.file("a.db"), worker: "w-117", timeZone: paris)
    await expect(.NotWritable) { try await Store.open(config, keyVault: MemoryKeyVault()) }
  }

  @Test func somethingElseIsNotADatabaseAndIsLeftAlone() async throws {
    let folder = try Folder()
    let file = folder.file("a.db")
    let text = Data(String(repeating: "dear diary ", count: 500).utf8)
    try text.write(to: file)
    let config = StoreConfig(file: file, worker: "w-117", timeZone: paris)
    await expect(.NotADatabase) { try await Store.open(config, keyVault: MemoryKeyVault()) }
    #expect(try Data(contentsOf: file) == text)
  }

  @Test func aSecondOpeningIsRefused() async throws {
    let phone = try await Phone()
    await expect(.InUse) {
      try await Phone(folder: phone.folder, vault: phone.vault, clock: phone.clock, worker: phone.worker)
    }
  }

  @Test func aNewerFileIsRefused() async throws {
    let phone = try await Phone()
    await phone.store.close()
    // The version of the file stands in its header, at offset 60.
    try overwrite(phone.file, at: 60, with: Data([0, 0, 0, 9]))
    await expect(.NewerSchema(found: 9, known: 2)) { try await phone.restarted() }
  }

  @Test func aDamagedFileSaysSo() async throws {
    let phone = try await Phone()
    let family = try await Family(phone.store)
    for _ in 0..<20 { try await phone.store.recordCall(in: family.lea.id, "Called the school.") }
    await phone.store.close()
    let size = try Data(contentsOf: phone.file).count
    try overwrite(phone.file, at: 4096, with: Data(repeating: 0xa5, count: size - 4096))
    do {
      let again = try await phone.restarted()
      _ = try await again.store.verify()
      Testing.Issue.record("the damage went unnoticed")
    } catch CaseplanError.Damaged(let what) {
      #expect(!what.isEmpty)
    }
  }

  @Test func anotherWorkerIsRefused() async throws {
    let phone = try await Phone()
    await phone.store.close()
    await expect(.WrongWorker) {
      try await Phone(folder: phone.folder, vault: phone.vault, clock: phone.clock, worker: "w-204")
    }
  }

  @Test func anotherStoresVaultIsRefused() async throws {
    let phone = try await Phone()
    let other = try await Phone()
    await phone.store.close()
    await expect(.WrongVault) {
      try await Phone(folder: phone.folder, vault: other.vault, clock: phone.clock, worker: phone.worker)
    }
  }

  @Test func aLostVaultLeavesReadingAndDrafts() async throws {
    let phone = try await Phone()
    let family = try await Family(phone.store)
    await phone.store.close()
    let lost = try await Phone(
      folder: phone.folder, vault: MemoryKeyVault(), clock: phone.clock, worker: phone.worker)
    #expect(try await lost.store.info().keysLost)
    #expect(try await lost.store.cases.get(family.lea.id) != nil)
    var draft = try await lost.store.contacts.startDraft(in: family.lea.id, kind: .other)
    draft.narrative = "typed without keys"
    try await lost.store.contacts.saveDraft(draft)
    await expect(.KeysLost) { try await lost.store.cases.reopen(family.lea.id) }
    await expect(.KeysLost) { try await lost.store.exchange.import(Data([1])) }
  }

  @Test func aVaultThatThrowsFailsTheOpeningAndNothingElse() async throws {
    let folder = try Folder()
    let vault = FlakyVault()
    let clock = FixedClock(at("2026-03-02T08:00:00Z"))
    vault.fails = true
    await expect(.Vault(reason: "keychain -25308")) {
      try await Phone(folder: folder, vault: vault, clock: clock, worker: "w-117")
    }
    vault.fails = false
    let phone = try await Phone(folder: folder, vault: vault, clock: clock, worker: "w-117")
    let family = try await Family(phone.store)
    await phone.store.close()
    vault.failsAs = NotAboutSecrets(text: "Léa Martin")
    // What an app throws without meaning to is known by its class; its text may hold anything.
    await expect(.Vault(reason: "NotAboutSecrets")) { try await phone.restarted() }
    vault.failsAs = nil
    #expect(try await phone.restarted().store.cases.get(family.lea.id) != nil)
  }

  @Test func aVaultThatFailsWhileResumingLeavesTheStoreSuspended() async throws {
    let vault = FlakyVault()
    let phone = try await Phone(
      folder: Folder(), vault: vault, clock: FixedClock(at("2026-03-02T08:00:00Z")), worker: "w-117")
    try await phone.store.suspend()
    vault.fails = true
    await expect(.Vault(reason: "keychain -25308")) { try await phone.store.resume() }
    await expect(.Suspended) { try await phone.store.today() }
    vault.fails = false
    // Suspended means that the file is free.
    let other = try await Phone(folder: phone.folder, vault: vault, clock: phone.clock, worker: "w-117")
    await other.store.close()
    try await phone.store.resume()
    #expect(try await phone.store.today().due.isEmpty)
  }

  @Test func aClockThatThrowsLeavesTheCommandUndone() async throws {
    let clock = FlakyClock()
    let folder = try Folder()
    let config = StoreConfig(file: folder.file("a.db"), worker: "w-117", timeZone: paris)
    let store = try await Store.open(config, keyVault: MemoryKeyVault(), clock: clock)
    let family = try await Family(store)
    clock.fails = true
    await expect(.Unexpected(reason: "clock")) { try await store.contacts.startDraft(in: family.lea.id, kind: .other) }
    await expect(.Unexpected(reason: "clock")) { try await store.today() }
    #expect(try await store.contacts.drafts().isEmpty)
    clock.fails = false
    _ = try await store.contacts.startDraft(in: family.lea.id, kind: .other)
  }
}

func overwrite(_ file: URL, at offset: UInt64, with bytes: Data) throws {
  let handle = try FileHandle(forWritingTo: file)
  try handle.seek(toOffset: offset)
  try handle.write(contentsOf: bytes)
  try handle.close()
}

struct NotAboutSecrets: Error {
  let text: String
}

/// A vault that fails when it is told to.
final class FlakyVault: KeyVault, @unchecked Sendable {
  private let kept = MemoryKeyVault()
  var failsAs: (any Error)?
  var fails: Bool {
    get { failsAs != nil }
    set { failsAs = newValue ? CallbackError.Failed(reason: "keychain -25308") : nil }
  }

  func load(name: String) throws -> Data? {
    if let failsAs { throw failsAs }
    return try kept.load(name: name)
  }

  func store(name: String, secret: Data) throws {
    if let failsAs { throw failsAs }
    try kept.store(name: name, secret: secret)
  }

  func delete(name: String) throws {
    if let failsAs { throw failsAs }
    try kept.delete(name: name)
  }
}

/// A clock that fails when it is told to.
final class FlakyClock: StoreClock, @unchecked Sendable {
  var fails = false

  func now() throws -> Date {
    if fails { throw CancellationError() }
    return at("2026-03-02T08:00:00Z")
  }
}
