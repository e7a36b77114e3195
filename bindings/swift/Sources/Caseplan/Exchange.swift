// What others lack, and what they brought: as bytes, over any channel or in a file.

import CaseplanCore
import CaseplanTypes
import Foundation

/// What others lack, and what they brought.
///
/// Two stores of one domain meet by handing each other what the other lacks:
///
/// ```swift
/// let vector = try await tablet.exchange.vector()
/// let report = try await tablet.exchange.import(from: phone.exchange.export(for: vector))
/// ```
public struct Exchange: Sendable {
  let engine: Engine

  /// What this store holds, to be given to whoever exports for it.
  public func vector() async throws -> Data {
    try await engine.read { try $0.vector() }
  }

  /// One figure for everything held: equal figures, equal holdings.
  public func digest() async throws -> String {
    try await engine.read { try $0.digest() }
  }

  /// Everything that the owner of a vector lacks, in portions, made as they are asked for; everything there is if no
  /// vector is given.
  public func export(for vector: Data? = nil) -> ExportedBytes {
    ExportedBytes { [engine] in engine.export(for: vector) }
  }

  /// Exports into a file, which is there whole or not at all; one of the same name is replaced.
  ///
  /// Cancelling the task ends it with a `CancellationError`.
  public func export(to file: URL, for vector: Data? = nil, progress: ProgressHandler? = nil) async throws {
    let run = engine.export(for: vector)
    try await run.write(to: file, progress: progress)
  }

  /// Takes in what somebody exported, in any portions. What was committed stays, whatever happens later; a later import
  /// goes on from there.
  ///
  /// Cancelling the task ends it with a `CancellationError` after the batch that is under way. An export that was cut
  /// short is no error: ``ImportReport/complete`` tells.
  @discardableResult
  public func `import`<Portions: AsyncSequence & Sendable>(
    from portions: Portions, progress: ProgressHandler? = nil
  ) async throws -> ImportReport where Portions.Element == Data {
    try await engine.import(progress: progress).run { feed in
      for try await portion in portions { try await feed(portion) }
    }
  }

  /// Takes in bytes that somebody exported.
  @discardableResult
  public func `import`(_ bytes: Data, progress: ProgressHandler? = nil) async throws -> ImportReport {
    try await engine.import(progress: progress, total: UInt64(bytes.count)).run { feed in
      var rest = bytes[...]
      while !rest.isEmpty {
        try await feed(Data(rest.prefix(portionSize)))
        rest = rest.dropFirst(portionSize)
      }
    }
  }

  /// Takes in a file that somebody exported.
  @discardableResult
  public func `import`(from file: URL, progress: ProgressHandler? = nil) async throws -> ImportReport {
    let source = try await FileSource.open(file)
    return try await engine.import(progress: progress, total: source.size).run { feed in
      while let portion = try await source.next() { try await feed(portion) }
    }
  }

  /// Changes that are held and not part of their documents, and what was refused outright, with the reason.
  public func quarantine() async throws -> [HeldChange] {
    try await engine.read { try $0.quarantine() }
  }
}

/// How many bytes go over the boundary at once.
let portionSize = 256 * 1024
