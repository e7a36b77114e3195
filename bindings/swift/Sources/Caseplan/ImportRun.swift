// An import that is under way, and the file that it may read from.

import CaseplanCore
import Foundation

/// One import, on a lane of its own.
actor ImportRun {
  private let executor = BlockingExecutor(label: "org.caseplan.import", qos: .utility)
  private let core: CoreStore
  private let progress: ProgressHandler?
  private let total: UInt64
  private let ended: @Sendable () -> Void
  private var done: UInt64 = 0

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// `ended` is called when the import is over, in whatever way.
  init(core: CoreStore, progress: ProgressHandler?, total: UInt64, ended: @escaping @Sendable () -> Void) {
    self.core = core
    self.progress = progress
    self.total = total
    self.ended = ended
  }

  /// Feeds whatever `source` brings. What was committed stays, whatever it throws.
  nonisolated func run(
    _ source: @Sendable (@escaping @Sendable (Data) async throws -> Void) async throws -> Void
  ) async throws -> ImportReport {
    try Task.checkCancellation()
    let started = try await start()
    defer { ended() }
    return try await withTaskCancellationHandler {
      do {
        try await source { portion in try await self.feed(portion, to: started) }
        try Task.checkCancellation()
      } catch CaseplanError.Canceled where Task.isCancelled {
        throw CancellationError()
      }
      return try await finish(started)
    } onCancel: {
      try? started.cancel()
    }
  }

  private func start() throws -> CoreImport {
    try callingCore { try core.startImport() }
  }

  private func feed(_ portion: Data, to started: CoreImport) throws {
    try callingCore { try started.feed(bytes: portion) }
    done += UInt64(portion.count)
    progress?(WorkProgress(done: done, total: total))
  }

  private func finish(_ started: CoreImport) throws -> ImportReport {
    try callingCore { try started.finish() }
  }
}

/// A file, read in portions on a lane of its own.
actor FileSource {
  private let executor = BlockingExecutor(label: "org.caseplan.file", qos: .utility)
  private let file: URL
  private var handle: FileHandle?
  private var bytes: UInt64 = 0

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private init(_ file: URL) {
    self.file = file
  }

  static func open(_ file: URL) async throws -> FileSource {
    let source = FileSource(file)
    try await source.open()
    return source
  }

  var size: UInt64 {
    bytes
  }

  private func open() throws {
    do {
      let handle = try FileHandle(forReadingFrom: file)
      bytes = try handle.seekToEnd()
      try handle.seek(toOffset: 0)
      self.handle = handle
    } catch {
      throw CaseplanError.ofFile(error)
    }
  }

  /// The next portion; nil at the end.
  func next() throws -> Data? {
    do {
      let portion = try handle?.read(upToCount: portionSize)
      return portion.flatMap { $0.isEmpty ? nil : $0 }
    } catch {
      throw CaseplanError.ofFile(error)
    }
  }
}
