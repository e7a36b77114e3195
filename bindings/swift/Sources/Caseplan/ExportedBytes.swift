// An export that is being read: portions of bytes, made when they are asked for.

import CaseplanCore
import Foundation

/// What one store holds that another lacks, as portions of bytes.
///
/// Nothing is made before it is asked for, so a slow channel costs no memory. Cancelling the task ends a loop over it
/// with a `CancellationError`, not silently: what has come until then is no whole export.
public struct ExportedBytes: AsyncSequence, Sendable {
  public typealias Element = Data

  let start: @Sendable () -> ExportRun

  public func makeAsyncIterator() -> Iterator {
    Iterator(run: start())
  }

  /// Makes one portion after the other.
  public struct Iterator: AsyncIteratorProtocol, Sendable {
    let run: ExportRun

    /// The next portion; nil at the end.
    public mutating func next() async throws -> Data? {
      try await run.next()
    }
  }
}

/// One export, on a lane of its own.
actor ExportRun {
  private let executor = BlockingExecutor(label: "org.caseplan.export", qos: .utility)
  private let core: CoreStore
  private let vector: Data?
  private var export: CoreExport?

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(core: CoreStore, vector: Data?) {
    self.core = core
    self.vector = vector
  }

  func next() throws -> Data? {
    try Task.checkCancellation()
    return try callingCore {
      let portion = try started().next(maxBytes: UInt32(portionSize))
      return portion.isEmpty ? nil : portion
    }
  }

  /// Writes everything into a file beside `file`, and puts that in its place.
  func write(to file: URL, progress: ProgressHandler?) throws {
    let beside = file.appendingPathExtension("partial")
    do {
      try Data().write(to: beside)
      let handle = try FileHandle(forWritingTo: beside)
      while let portion = try next() {
        try handle.write(contentsOf: portion)
        try progress?(started().progress())
      }
      try handle.synchronize()
      try handle.close()
      guard rename(beside.path, file.path) == 0 else { throw CaseplanError.NotWritable }
    } catch {
      try? FileManager.default.removeItem(at: beside)
      throw CaseplanError.ofFile(error)
    }
  }

  private func started() throws -> CoreExport {
    if let export { return export }
    let started = try core.startExport(theirs: vector)
    export = started
    return started
  }
}

extension CaseplanError {
  /// What a failure of Foundation's file calls is to an app.
  static func ofFile(_ error: any Error) -> any Error {
    guard let error = error as? CocoaError else { return error }
    return switch error.code {
    case .fileWriteOutOfSpace: CaseplanError.DiskFull
    case .fileWriteNoPermission, .fileWriteVolumeReadOnly: CaseplanError.NotWritable
    default: CaseplanError.CannotOpen
    }
  }
}
