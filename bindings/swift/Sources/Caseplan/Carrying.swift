// Connections that the app brings: the core carries them, on threads of its own, which may wait.

import CaseplanCore
import CaseplanTypes
import Dispatch
import Foundation

extension Engine {
  /// A session, which `work` carries. What it tells wakes whoever watches how much is only here.
  func sync(
    _ progress: SyncProgressHandler?,
    _ work: @escaping @Sendable (CoreStore, SyncRelay, CancelToken) throws -> SyncReport
  ) async throws -> SyncReport {
    defer { markOnlyHere() }
    let relay = SyncRelay { [self] soFar in
      if soFar.state == .upToDate { markOnlyHere() }
      progress?(soFar)
    }
    return try await long("sync") { core, token in try work(core, relay, token) }
  }
}

/// Hands on how far a session is.
final class SyncRelay: SyncListener {
  private let handler: SyncProgressHandler

  init(_ handler: @escaping SyncProgressHandler) {
    self.handler = handler
  }

  func onProgress(progress: SyncProgress) throws {
    handler(progress)
  }
}

/// Hands on what the newcomer's screen is to show.
final class FingerprintRelay: CoreFingerprintListener {
  private let handler: @Sendable (String) -> Void

  init(_ handler: @escaping @Sendable (String) -> Void) {
    self.handler = handler
  }

  func onFingerprint(fingerprint: String) throws {
    handler(fingerprint)
  }
}

/// A stream as the core reads and writes it.
final class Relay: CoreConnection {
  private let stream: any PeerStream

  init(_ stream: any PeerStream) {
    self.stream = stream
  }

  func read() throws -> Data {
    while let bytes = try Waiting({ [stream] in try await stream.read() }).value() {
      if !bytes.isEmpty { return bytes }
    }
    return Data()
  }

  func write(bytes: Data) throws {
    try Waiting { [stream] in try await stream.write(bytes) }.value()
  }

  func finish() throws {
    try Waiting { [stream] in await stream.finish() }.value()
  }

  func shut() throws {
    try Waiting { [stream] in await stream.close() }.value()
  }
}

/// Asks the app; a task that was cancelled waits for no answer.
final class Confirmation: CoreJoinDecision, @unchecked Sendable {
  private let confirm: @Sendable (JoinRequest) async -> Bool
  private let lock = NSLock()
  private var asked: Waiting<Bool>?
  private var isCanceled = false

  init(_ confirm: @escaping @Sendable (JoinRequest) async -> Bool) {
    self.confirm = confirm
  }

  func decide(request: JoinRequest) throws -> Bool {
    let asking = lock.withLock { () -> Waiting<Bool>? in
      if !isCanceled { asked = Waiting { [confirm] in await confirm(request) } }
      return asked
    }
    return try asking?.value() ?? false
  }

  func cancel() {
    let asked = lock.withLock {
      isCanceled = true
      return self.asked
    }
    asked?.cancel()
  }
}

/// What is asynchronous, for a thread that may wait for it: never one of Swift's own.
private final class Waiting<Value: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private let done = DispatchSemaphore(value: 0)
  private var result: Result<Value, any Error>?
  private var task: Task<Void, Never>?

  init(_ work: @escaping @Sendable () async throws -> Value) {
    task = Task { [weak self] in
      let result: Result<Value, any Error>
      do { result = .success(try await work()) } catch { result = .failure(error) }
      self?.end(result)
    }
  }

  /// Waits for the outcome, or for being given up.
  func value() throws -> Value {
    done.wait()
    return try lock.withLock { result ?? .failure(CancellationError()) }.get()
  }

  func cancel() {
    task?.cancel()
    end(.failure(CancellationError()))
  }

  private func end(_ result: Result<Value, any Error>) {
    lock.withLock {
      if self.result == nil { self.result = result }
    }
    done.signal()
  }
}
