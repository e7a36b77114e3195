// What an app opens. Each concept is a small service that hangs off it.

import CaseplanCore
import CaseplanTypes
import Foundation

/// One worker's store on one device.
///
/// ```swift
/// let store = try await Store.open(.init(file: url, worker: "w-117", timeZone: .current), keyVault: KeychainVault())
/// let today = try await store.today()
/// ```
///
/// Every call is off the main thread and off Swift's own threads. A command is on disk when it returns, and it runs to
/// that point even if the task that called it is cancelled. Calls throw a ``CaseplanError``; long work (verification,
/// rebuild, backup, export, import) throws a `CancellationError` when its task is cancelled.
public final class Store: Sendable {
  /// Cases and their participants.
  public var cases: Cases { Cases(engine: engine) }
  /// Visitation plans and due visits.
  public var visitationPlans: VisitationPlans { VisitationPlans(engine: engine) }
  /// Drafts, contacts and their addenda.
  public var contacts: Contacts { Contacts(engine: engine) }
  /// Fields that hold several values.
  public var conflicts: Conflicts { Conflicts(engine: engine) }
  /// Two things that may be one.
  public var issues: Issues { Issues(engine: engine) }
  /// The event log, and everything as it stood.
  public var history: History { History(engine: engine) }
  /// This device and the domain that it belongs to.
  public var identity: Identity { Identity(engine: engine) }
  /// Who may see and write which case.
  public var grants: Grants { Grants(engine: engine) }
  /// What others lack, and what they brought.
  public var exchange: Exchange { Exchange(engine: engine) }
  /// Sessions with other devices, and the truth about what is where.
  public var sync: Sync { Sync(engine: engine) }

  let engine: Engine

  private init(engine: Engine) {
    self.engine = engine
  }

  /// Opens a store, or makes it, with the app's vault.
  ///
  /// A lost vault is no error: the store opens read-only and keeps drafts, see ``Info/keysLost``.
  /// - Parameters:
  ///   - config: Where it lives and whose it is.
  ///   - keyVault: Where its secrets live; one vault belongs to one store.
  ///   - clock: Where the time comes from; the device's own clock if none is given.
  ///   - log: Takes log entries: codes and ids, never content.
  public static func open(
    _ config: StoreConfig, keyVault: any KeyVault, clock: (any StoreClock)? = nil, log: (any LogSink)? = nil
  ) async throws -> Store {
    let config = config.core
    return Store(
      engine: try await Engine.open {
        try CoreStore.open(config: config, vault: keyVault, clock: clock, log: log)
      })
  }

  /// Opens a store with a vault of files in a folder, which only their owner can read: for desktops and tests.
  public static func open(
    _ config: StoreConfig, vaultFolder: URL, clock: (any StoreClock)? = nil, log: (any LogSink)? = nil
  ) async throws -> Store {
    let config = config.core
    return Store(
      engine: try await Engine.open {
        try CoreStore.openWithVaultFolder(config: config, folder: vaultFolder.path, clock: clock, log: log)
      })
  }

  /// Opens a store in memory, gone when it closes: for an app's own tests and previews.
  public static func inMemory(
    worker: WorkerId = "w-1", timeZone: TimeZone = .current, clock: (any StoreClock)? = nil,
    log: (any LogSink)? = nil
  ) async throws -> Store {
    let config = CoreStoreConfig(file: nil, worker: worker, zone: Zone(timeZone))
    return Store(
      engine: try await Engine.open {
        try CoreStore.openWithMemoryVault(config: config, clock: clock, log: log)
      })
  }

  /// A first screen in one call: due, overdue, drafts, conflicts, issues, and what only this device has.
  public func today() async throws -> Today {
    try await engine.read { try $0.today() }
  }

  /// The first screen, watched; it turns with the day.
  public func watchToday() -> Watched<Today> {
    engine.watch(.everything, onlyHere: true) { try $0.today() }
  }

  /// Lets go of every file and lock, after the command that is under way; until ``resume()``, calls throw
  /// ``CaseplanError/Suspended`` and streams wait. iOS ends an app that holds a lock while it is frozen: call it when
  /// the app goes to the background, within a background task.
  public func suspend() async throws {
    try await engine.suspend()
  }

  /// Takes the files back; streams go on with what stands now.
  public func resume() async throws {
    try await engine.resume()
  }

  /// Closes the store: later calls throw ``CaseplanError/Closed``, reads that are under way are interrupted, the
  /// command that is under way is finished, streams end. May be called from anywhere and again.
  public func close() async {
    // Closing cannot fail in the core; a call that could not be made has nothing to close.
    try? await engine.close()
  }
}
