// The native store with its lanes: what every service calls.

import CaseplanCore
import CaseplanTypes
import Dispatch
import Foundation

/// Told how far long work is, on the thread that does it: do not wait there.
public typealias ProgressHandler = @Sendable (WorkProgress) -> Void

/// The native store, and the lanes on which it is called.
///
/// Commands queue on one lane, as they do in the core. Reads have lanes of their own and never wait for a command.
/// Opening, closing and suspending have one; each export, import, verification, backup and rebuild brings its own.
final class Engine: Sendable {
  private let core: CoreStore
  private let hub: ChangeHub
  private let commands = Lane("commands")
  private let reads = ReadLanes(count: 4)
  private let lifecycle: Lane

  private init(core: CoreStore, hub: ChangeHub, lifecycle: Lane) {
    self.core = core
    self.hub = hub
    self.lifecycle = lifecycle
  }

  static func open(_ open: @escaping @Sendable () throws -> CoreStore) async throws -> Engine {
    let lifecycle = Lane("lifecycle")
    return try await lifecycle.run {
      let core = try open()
      let hub = ChangeHub()
      _ = try core.watch(listener: hub)
      return Engine(core: core, hub: hub, lifecycle: lifecycle)
    }
  }

  /// One transaction. It runs to its commit even if the caller's task is cancelled meanwhile.
  func command<Value: Sendable>(_ work: @escaping @Sendable (CoreStore) throws -> Value) async throws -> Value {
    try await commands.run { [core] in try work(core) }
  }

  func read<Value: Sendable>(_ work: @escaping @Sendable (CoreStore) throws -> Value) async throws -> Value {
    do {
      return try await reads.run { [core] in try work(core) }
    } catch CaseplanError.Canceled {
      // Interrupted by a suspension that was over before the read could say so.
      return try await reads.run { [core] in try work(core) }
    }
  }

  /// Long work on a lane of its own. A cancelled task ends it early, and gets a `CancellationError`.
  func long<Value: Sendable>(
    _ name: String, _ work: @escaping @Sendable (CoreStore, CancelToken) throws -> Value
  ) async throws -> Value {
    let token = try CancelToken()
    let lane = Lane(name, qos: .utility)
    return try await withTaskCancellationHandler {
      do {
        return try await lane.run { [core] in try work(core, token) }
      } catch CaseplanError.Canceled where Task.isCancelled {
        throw CancellationError()
      }
    } onCancel: {
      try? token.cancel()
    }
  }

  func watch<Value: Sendable>(
    _ topics: Set<Topic>, in caseId: CaseId? = nil, onlyHere: Bool = false,
    _ work: @escaping @Sendable (CoreStore) throws -> Value
  ) -> Watched<Value> {
    let concerns = Concerns(topics: topics, caseId: caseId, onlyHere: onlyHere)
    return Watched(
      subscribe: { [hub] in hub.subscribe(concerns) },
      read: { try await self.read(work) }
    )
  }

  func export(for vector: Data?) -> ExportRun {
    ExportRun(core: core, vector: vector)
  }

  func `import`(progress: ProgressHandler?, total: UInt64 = 0) -> ImportRun {
    ImportRun(core: core, progress: progress, total: total) { [hub] in hub.markOnlyHere() }
  }

  func suspend() async throws {
    try await lifecycle.run { [core] in try core.suspend() }
  }

  func resume() async throws {
    try await lifecycle.run { [core] in try core.resume() }
    hub.markAll()
  }

  func close() async throws {
    try await lifecycle.run { [core, hub] in
      try core.shut()
      hub.end()
    }
  }

  /// Wakes what tells how much is only here.
  func markOnlyHere() {
    hub.markOnlyHere()
  }

  /// Wakes every stream, when everything was made anew.
  func markAll() {
    hub.markAll()
  }

  /// How many streams are being read.
  var watchers: Int {
    hub.count
  }

  /// Letting go of a store that was not closed closes it, off whatever thread this happens to be.
  deinit {
    DispatchQueue.global(qos: .utility).async { [core, hub] in
      try? core.shut()
      hub.end()
    }
  }
}

/// Hands progress on.
final class ProgressRelay: ProgressListener {
  private let handler: ProgressHandler

  init(_ handler: @escaping ProgressHandler) {
    self.handler = handler
  }

  func onProgress(progress: WorkProgress) throws {
    handler(progress)
  }
}

extension Set<Topic> {
  /// Everything that lists and screens are made of, names and the turn of the day included.
  static let everything: Self = [
    .cases, .visitationPlans, .contacts, .drafts, .conflicts, .issues, .identity, .today,
  ]
}
