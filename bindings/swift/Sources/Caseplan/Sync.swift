// Sessions with other devices, taking devices in, and the truth about what is where.

import CaseplanCore
import CaseplanTypes
import Foundation

/// Told how far a session is, on the thread that carries it: do not wait there.
public typealias SyncProgressHandler = @Sendable (SyncProgress) -> Void

/// A connection to one peer: a socket's, a Bluetooth channel's, Multipeer's.
public protocol PeerStream: Sendable {
  /// The next bytes, at least one; nil at the end.
  func read() async throws -> Data?
  /// Sends bytes.
  func write(_ bytes: Data) async throws
  /// Ends the connection, and a read that waits.
  func close() async
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

  /// Syncs with a peer that this device connected to, until both hold the same of what both may read. With `stay` the
  /// session stays open and what either side commits is sent at once, until the task is cancelled or the peer leaves.
  /// The stream is closed in the end.
  ///
  /// A session that ends early is no error: ``SyncReport/failed`` says why, and what was committed stays.
  public func connect(
    _ stream: any PeerStream, stay: Bool = false, progress: SyncProgressHandler? = nil
  ) async throws -> SyncReport {
    let session = try await engine.command { try $0.connectSession() }
    return try await engine.carry(session, over: stream, leave: !stay, progress: progress)
  }

  /// Syncs with a peer that connected to this device, until it leaves.
  public func accept(_ stream: any PeerStream, progress: SyncProgressHandler? = nil) async throws -> SyncReport {
    let session = try await engine.command { try $0.acceptSession() }
    return try await engine.carry(session, over: stream, leave: false, progress: progress)
  }

  /// Syncs with the peer that listens at a host and port, as over a stream.
  public func connect(
    host: String, port: UInt16, stay: Bool = false, progress: SyncProgressHandler? = nil
  ) async throws -> SyncReport {
    defer { engine.markOnlyHere() }
    return try await engine.long("sync") { core, token in
      try core.syncWith(
        host: host, port: port, stay: stay, listener: progress.map(SyncRelay.init), cancel: token)
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
    try await engine.long("take-over") { core, token in
      try core.takeOver(file: file.path, progress: progress.map(ProgressRelay.init), cancel: token)
    }
  }

  /// Invites a device by a QR code. Worker, roles and level are fixed here; the newcomer cannot ask for others.
  public func invite(_ terms: Terms, notAfter: Date? = nil) async throws -> Invitation {
    Invitation(engine: engine, core: try await engine.command { try $0.inviteByQr(terms: terms, notAfter: notAfter) })
  }

  /// Invites a device by a short code that is spoken.
  public func inviteByCode(_ terms: Terms, notAfter: Date? = nil) async throws -> Invitation {
    Invitation(engine: engine, core: try await engine.command { try $0.inviteByCode(terms: terms, notAfter: notAfter) })
  }

  /// Joins the domain of whoever shows this QR code, or speaks this code: this device connected to it. It is a member
  /// when this returns. The stream stays open, for a session.
  /// - Parameters:
  ///   - deviceName: What the inviter is shown, with the fingerprint.
  ///   - fingerprint: Told what both screens show.
  public func join(
    _ text: String, deviceName: String, over stream: any PeerStream,
    fingerprint: @Sendable (String) -> Void = { _ in }
  ) async throws {
    let joining = try await engine.command { core in
      text.hasPrefix("CASEPLAN")
        ? try core.joinByQr(text: text, deviceName: deviceName)
        : try core.joinByCode(code: text, deviceName: deviceName)
    }
    fingerprint(try await engine.read { _ in try joining.fingerprint() })
    while true {
      try await stream.write(try await engine.read { _ in try joining.take(most: portionSize32) })
      guard let bytes = try await stream.read() else {
        try await engine.command { _ in try joining.closed() }
        continue
      }
      if try await engine.command({ _ in try joining.feed(bytes: bytes) }) { return }
    }
  }
}

extension SyncProgress {
  /// The part of what is known to be there that has been done: 1 only when both sides hold the same.
  public var fraction: Double {
    (try? fractionOf(progress: self)) ?? 0  // it cannot fail; a package and a library of different versions could
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
  /// show; true takes it in.
  /// - Returns: Whether it was taken in.
  public func takeIn(
    over stream: any PeerStream, confirm: @Sendable (JoinRequest) async -> Bool
  ) async throws -> Bool {
    let attempt = try await engine.command { _ in try core.takeIn() }
    var request: JoinRequest?
    while request == nil {
      try await send(attempt, over: stream)
      guard let bytes = try await stream.read() else {
        try await engine.command { _ in try attempt.closed() }
        continue
      }
      request = try await engine.command { _ in try attempt.feed(bytes: bytes) }
    }
    guard let request else { return false }
    let taken = await confirm(request)
    try await engine.command { _ in taken ? try attempt.accept() : try attempt.decline() }
    try await send(attempt, over: stream)
    return taken
  }

  private func send(_ attempt: CoreTakingIn, over stream: any PeerStream) async throws {
    let bytes = try await engine.read { _ in try attempt.take(most: portionSize32) }
    if !bytes.isEmpty { try await stream.write(bytes) }
  }
}

let portionSize32: UInt32 = 64 * 1024

/// What wakes a session that waits.
private enum Woken: Sendable {
  case bytes(Data)
  case ended
  case committed
  case clock
}

extension Engine {
  /// Carries a session over a stream until it is over.
  func carry(
    _ session: CoreSession, over stream: any PeerStream, leave: Bool, progress: SyncProgressHandler?
  ) async throws -> SyncReport {
    let lane = Lane("sync", qos: .utility)
    let (woken, wake) = AsyncStream.makeStream(of: Woken.self)
    let reading = Task {
      while let bytes = try? await stream.read() { wake.yield(.bytes(bytes)) }
      wake.yield(.ended)
    }
    let watching = Task { [self] in
      let marks = commits()
      while await marks.marked() { wake.yield(.committed) }
    }
    let ticking = Task {
      while (try? await Task.sleep(for: .seconds(1))) != nil { wake.yield(.clock) }
    }
    let begun = ContinuousClock.now
    defer {
      reading.cancel()
      watching.cancel()
      ticking.cancel()
      markOnlyHere()
    }
    return try await withTaskCancellationHandler {
      do {
        var waiting = woken.makeAsyncIterator()
        while try await send(session, on: lane, over: stream, progress) {
          if leave, try await lane.run({ try session.isAtRest() }) {
            try await lane.run { try session.leave() }
            continue
          }
          guard let woken = await waiting.next() else { break }
          switch woken {
          case .bytes(let bytes): try await lane.run { try session.feed(bytes: bytes) }
          case .committed: try await lane.run { try session.catchUp() }
          case .clock:
            let elapsed = (ContinuousClock.now - begun) / .milliseconds(1)
            try await lane.run { try session.tick(elapsedMillis: UInt64(max(0, elapsed))) }
          case .ended: throw CancellationError()
          }
        }
      } catch is CancellationError {
        // The peer is gone, or nobody waits: the report says what was done.
      } catch CaseplanError.SyncFailed {
        _ = try? await send(session, on: lane, over: stream, nil)  // what tells the peer why
      }
      await stream.close()
      return try await lane.run { try session.report() }
    } onCancel: {
      wake.yield(.ended)
    }
  }

  /// Sends what the session has to say; false when it is over.
  private func send(
    _ session: CoreSession, on lane: Lane, over stream: any PeerStream, _ progress: SyncProgressHandler?
  ) async throws -> Bool {
    while true {
      let bytes = try await lane.run { try session.take(most: portionSize32) }
      if bytes.isEmpty { break }
      do { try await stream.write(bytes) } catch { throw CancellationError() }
    }
    if let progress { progress(try await lane.run { try session.progress() }) }
    return try await lane.run { !(try session.isOver()) }
  }
}
