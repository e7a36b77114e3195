// For an app's own tests: a clock that stands still and a vault in memory.

import CaseplanCore
import Foundation

/// A clock that stands still until it is set.
public final class FixedClock: StoreClock, @unchecked Sendable {
  private let lock = NSLock()
  private var time: Date

  /// A clock that stands at `time`.
  public init(_ time: Date) {
    self.time = time
  }

  /// Moves the clock, forwards or backwards.
  public func set(_ time: Date) {
    lock.withLock { self.time = time }
  }

  /// The time it stands at.
  public func now() throws -> Date {
    lock.withLock { time }
  }
}

/// A vault in memory, gone with the object: the store that it belongs to then opens read-only.
public final class MemoryKeyVault: KeyVault, @unchecked Sendable {
  private let lock = NSLock()
  private var secrets: [String: Data] = [:]

  /// An empty vault.
  public init() {}

  public func load(name: String) throws -> Data? {
    lock.withLock { secrets[name] }
  }

  public func store(name: String, secret: Data) throws {
    lock.withLock { secrets[name] = secret }
  }

  public func delete(name: String) throws {
    lock.withLock { secrets[name] = nil }
  }
}
