// Keeping a store well: figures, verification, backup and restoring.

import CaseplanCore
import CaseplanTypes
import Foundation

extension Store {
  /// The version of the native core, as in `1.2.3`.
  public static func coreVersion() throws -> String {
    try CaseplanCore.coreVersion()
  }

  /// What this store is: schema, size, documents, changes, quarantined ones, encrypted or not, keys lost or not.
  public func info() async throws -> Info {
    try await engine.read { try $0.info() }
  }

  /// What this store did since it was opened.
  public func stats() async throws -> Stats {
    try await engine.read { try $0.stats() }
  }

  /// Checks every page, every change's bytes and signature, and every list against its document.
  ///
  /// Cancelling the task ends it with a `CancellationError`.
  public func verify(progress: ProgressHandler? = nil) async throws -> VerifyReport {
    try await engine.long("verify") { core, token in
      let report = try core.verify(progress: progress.map(ProgressRelay.init), cancel: token)
      if report.canceled { throw CaseplanError.Canceled }
      return report
    }
  }

  /// Copies the store, consistently and while it is in use, into a new file. Drafts go with it, keys do not.
  ///
  /// A file that is there already is never overwritten (``CaseplanError/CannotOpen``). Cancelling the task ends it with
  /// a `CancellationError`, and no file is left.
  public func backUp(to file: URL, progress: ProgressHandler? = nil) async throws {
    try await engine.long("backup") { core, token in
      try core.backUp(file: file.path, progress: progress.map(ProgressRelay.init), cancel: token)
    }
  }

  /// Puts a backup in the place of a store that is not open. Opened with its vault, the store notices that it was
  /// restored and writes as somebody new from then on.
  public static func restore(_ backup: URL, to file: URL) async throws {
    try await Lane("restore", qos: .utility).run { try restoreStore(backup: backup.path, file: file.path) }
  }

  /// Drops every list and index and makes it again from the documents, in one transaction: commands wait for it.
  /// Cancelling the task ends it with a `CancellationError`, and all of it is as it was.
  public func rebuild(progress: ProgressHandler? = nil) async throws {
    try await engine.long("rebuild") { core, token in
      try core.rebuild(progress: progress.map(ProgressRelay.init), cancel: token)
    }
    engine.markAll()
  }
}

extension VerifyReport {
  /// Whether everything is as it was written.
  public var isSound: Bool {
    damaged.isEmpty && forged.isEmpty && staleRows == 0 && !canceled
  }
}
