// Sessions with other devices, taking devices in, and the truth about what is where.

import CaseplanCore
import CaseplanTypes
import Foundation

/// Told how far a session is, on the thread that carries it: do not wait there.
public typealias SyncProgressHandler = @Sendable (SyncProgress) -> Void

/// A connection to one peer: a socket's, a Bluetooth channel's, Multipeer's. It is read and written at the same time, by
/// one task each.
public protocol PeerStream: Sendable {
  /// The next bytes; nil at the end.
  func read() async throws -> Data?
  /// Sends bytes.
  func write(_ bytes: Data) async throws
  /// Says that nothing more is sent, where a connection can: what was sent still arrives.
  func finish() async
  /// Ends the connection, and a read or a write that waits; it may have ended already.
  func close() async
}

extension PeerStream {
  public func finish() async {}
}

/// Sessions with other devices. A session may be cut at any byte: what was committed stays, and the next one goes on
/// from there.
public struct Sync: Sendable {
  let engine: Engine

  /// Whom this device met, what exists only here, what is kept apart and why.
  public func status() async throws -> SyncStatus {
    try await engine.read { try $0.syncStatus() }
  }

  /// The same, watched.
  public func watchStatus() -> Watched<SyncStatus> {
    engine.watch(.everything, onlyHere: true) { try $0.syncStatus() }
  }

  /// The same of one case: which devices may read it and when each was last seen to hold the same, what exists only
  /// here, what is kept apart and why; nil for a case that is not here.
  public func caseStatus(_ caseId: CaseId) async throws -> CaseSyncStatus? {
    try await engine.read { try $0.caseSyncStatus(caseId: caseId) }
  }

  /// The same, watched.
  public func watchCaseStatus(_ caseId: CaseId) -> Watched<CaseSyncStatus?> {
    engine.watch(.everything, onlyHere: true) { try $0.caseSyncStatus(caseId: caseId) }
  }

  /// Syncs with a peer that this device connected to, until both hold the same of what both may read. With `stay` the
  /// session stays open and what either side commits is sent at once, until the task is cancelled or the peer leaves.
  /// The stream is closed in the end.
  ///
  /// A session that ends early is no error: ``SyncReport/failed`` says why, and what was committed stays.
  ///
  /// A peer that missed the end of a device knows only an older secret of the network, and takes this device for a
  /// `stranger`: it says nothing and closes, which here is `cut`, with no ``SyncReport/peer``. Each call tries another
  /// secret, so connect anew and call this again, up to 14 times in all. ``connect(host:port:stay:progress:)`` does so
  /// by itself.
  public func connect(
    _ stream: any PeerStream, stay: Bool = false, progress: SyncProgressHandler? = nil
  ) async throws -> SyncReport {
    try await engine.sync(progress) { core, listener, token in
      try core.connect(connection: Relay(stream), stay: stay, listener: listener, cancel: token)
    }
  }

  /// Syncs with a peer that connected to this device, until it leaves. The stream is closed in the end.
  ///
  /// `stranger` in ``SyncReport/failed`` may be a colleague, where this device missed the end of another one: let the
  /// peer connect again, each time it tries another secret of the network.
  public func accept(_ stream: any PeerStream, progress: SyncProgressHandler? = nil) async throws -> SyncReport {
    try await engine.sync(progress) { core, listener, token in
      try core.accept(connection: Relay(stream), listener: listener, cancel: token)
    }
  }

  /// Syncs with the peer that listens at a host and port, as over a stream. A peer that missed the end of a device is
  /// connected to again by itself. Throws ``CaseplanError/NetworkFailed(reason:)``.
  public func connect(
    host: String, port: UInt16, stay: Bool = false, progress: SyncProgressHandler? = nil
  ) async throws -> SyncReport {
    try await engine.sync(progress) { core, listener, token in
      try core.syncWith(host: host, port: port, stay: stay, listener: listener, cancel: token)
    }
  }

  /// Syncs with everybody nearby: whom it sees, and how each session stands.
  ///
  /// ```swift
  /// for try await peers in store.sync.nearby() {
  ///   self.peers = peers
  /// }
  /// ```
  ///
  /// An app needs its platform's permissions for the local network: `docs/sync.md` names them. With the platform's own
  /// discovery, hand what it finds to ``connect(_:stay:progress:)`` and ``accept(_:progress:)`` instead.
  public func nearby() -> Nearby {
    Nearby(engine: engine)
  }

  /// Writes a file that only `device` can read, with what it is not known to hold of what it may read today.
  ///
  /// The file is there whole or not at all; one of the same name is replaced. It is good for 72 hours. Until the device
  /// has been met, its content still counts as only here. Cancelling the task ends it with a `CancellationError`, and no
  /// file is left. Throws ``CaseplanError/NotHandedOver(reason:)``.
  @discardableResult
  public func handOver(
    to device: DeviceId, file: URL, progress: ProgressHandler? = nil
  ) async throws -> HandedOver {
    try await engine.long("hand-over") { core, token in
      try core.handOver(
        device: device, file: file.path, progress: progress.map(ProgressRelay.init), cancel: token)
    }
  }

  /// Reads a file that another device handed over to this one, by the certificates, ends and grants of today.
  ///
  /// Reading it again does no harm. What was whole in a file that is cut or that fails later is kept. Throws
  /// ``CaseplanError/NotHandedOver(reason:)``.
  @discardableResult
  public func takeOver(_ file: URL, progress: ProgressHandler? = nil) async throws -> HandOverReport {
    defer { engine.markOnlyHere() }
    return try await engine.long("take-over") { core, token in
      try core.takeOver(file: file.path, progress: progress.map(ProgressRelay.init), cancel: token)
    }
  }

  /// Invites a device by a QR code, for 300 seconds. Worker, roles and level are fixed here; the newcomer cannot ask for
  /// others. Its certificate is good for connections until `notAfter`, for ever if nothing is said.
  ///
  /// Only a device that may certify invites: who began the domain, and whom it made an issuer. Throws
  /// ``CaseplanError/NotCertified(reason:)``.
  public func invite(_ terms: Terms, notAfter: Date? = nil) async throws -> Invitation {
    Invitation(engine: engine, core: try await engine.command { try $0.inviteByQr(terms: terms, notAfter: notAfter) })
  }

  /// Invites a device by a short code that is spoken, and may be tried three times; else the same.
  public func inviteByCode(_ terms: Terms, notAfter: Date? = nil) async throws -> Invitation {
    Invitation(engine: engine, core: try await engine.command { try $0.inviteByCode(terms: terms, notAfter: notAfter) })
  }

  /// Joins the domain of whoever shows this QR code, or speaks this code: this device connected to it. It is a member
  /// when this returns. The stream is closed in the end; a session has a connection of its own. Without an
  /// answer it gives up after 300 seconds (`closed`). Throws ``CaseplanError/NotEnrolled(reason:triesLeft:)``, and
  /// ``CaseplanError/NotCertified(reason:)`` where the answer cannot be adopted.
  /// - Parameters:
  ///   - deviceName: What the inviter is shown, with the fingerprint.
  ///   - fingerprint: Told what both screens show, on the thread that carries it.
  public func join(
    _ text: String, deviceName: String, over stream: any PeerStream,
    fingerprint: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws {
    try await engine.long("join") { core, token in
      try core.join(
        text: text, deviceName: deviceName, connection: Relay(stream), listener: FingerprintRelay(fingerprint),
        cancel: token)
    }
  }
}

extension SyncProgress {
  /// The part of what is known to be there that has been done, 0 to 1. It is 1 only when both sides hold the same, and
  /// stays 1 when the session is over after that.
  public var fraction: Double {
    (try? fractionOf(progress: self)) ?? 0  // it cannot fail; a package and a library of different versions could
  }
}

extension Refusal {
  /// What an app may show of it, in English; an app of another language has words of its own for each.
  public var words: String {
    (try? wordsOf(reason: self)) ?? ""  // it cannot fail; a package and a library of different versions could
  }
}

/// An invitation: its text is drawn as a QR code, or its code spoken.
public struct Invitation: Sendable {
  let engine: Engine
  let core: CoreInvitation

  /// The text to draw as a QR code; nil where a code is spoken.
  public func qr() async throws -> String? {
    try await engine.read { _ in try core.qr() }
  }

  /// The code to speak; nil where a QR code is shown.
  public func code() async throws -> String? {
    try await engine.read { _ in try core.code() }
  }

  /// When it is over.
  public func expiresAt() async throws -> Date {
    try await engine.read { _ in try core.expiresAt() }
  }

  /// Takes in the device that connected. `confirm` is asked once, with the name and the fingerprint that both screens
  /// show; true takes it in. The stream is closed in the end. Without a request it gives up after 30 seconds
  /// (`closed`). Throws ``CaseplanError/NotEnrolled(reason:triesLeft:)``, and ``CaseplanError/NotCertified(reason:)``
  /// where the device cannot be certified: the newcomer hears `declined` then.
  /// - Returns: Whether it was taken in.
  public func takeIn(
    over stream: any PeerStream, confirm: @escaping @Sendable (JoinRequest) async -> Bool
  ) async throws -> Bool {
    let confirmation = Confirmation(confirm)
    return try await withTaskCancellationHandler {
      try await engine.long("invite") { [core] _, token in
        try core.takeIn(connection: Relay(stream), decision: confirmation, cancel: token)
      }
    } onCancel: {
      confirmation.cancel()
    }
  }
}
