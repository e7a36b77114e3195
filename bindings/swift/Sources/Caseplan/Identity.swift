// Who this device is, and how it joins the domain of another.

import CaseplanCore
import CaseplanTypes
import Foundation

/// This device and the domain that it belongs to. Devices of two domains do not accept each other's work.
///
/// A new device joins another one's domain; a store that was used alone brings its work along. It joins over a
/// connection, to a device that may certify: who began the domain, and whom it made an issuer (``makeIssuer(_:power:)``
/// with `.all`). Where no connection can be had there is ``requestCertificate()``.
///
/// ```swift
/// // On the device that may certify: a QR code to draw, and a person who looks at both screens.
/// let invitation = try await phone.sync.invite(.init(worker: "w-204", roles: [.caseworker]))
/// draw(try await invitation.qr())
/// let isTakenIn = try await invitation.takeIn(over: stream) { request in await isTheSame(request.fingerprint) }
///
/// // On the new device, which scanned the code and connected. It may sync then, over a connection of its own.
/// try await tablet.sync.join(scanned, deviceName: "Ana's tablet", over: stream) { fingerprint in show(fingerprint) }
/// ```
public struct Identity: Sendable {
  let engine: Engine

  /// This device.
  public func device() async throws -> DeviceId {
    try await engine.read { try $0.device() }
  }

  /// The domain.
  public func domain() async throws -> DomainId {
    try await engine.read { try $0.domain() }
  }

  /// How this device stands, for connections.
  public func standing() async throws -> Standing {
    try await engine.read { try $0.standing() }
  }

  /// Every device whose certificate counts, ended ones too.
  public func devices() async throws -> [CertifiedDevice] {
    try await engine.read { try $0.devices() }
  }

  /// Every device whose certificate counts, watched.
  public func watchDevices() -> Watched<[CertifiedDevice]> {
    engine.watch([.identity]) { try $0.devices() }
  }

  /// This device's wish to be certified by another store, as bytes:
  ///
  /// ```swift
  /// let request = try await tablet.identity.requestCertificate()
  /// let answer = try await phone.identity.certify(request, roles: [.caseworker])
  /// try await tablet.identity.adopt(answer)
  /// ```
  ///
  /// This is for exchange by bytes only: ``Exchange``, ``Sync/handOver(to:file:progress:)`` and
  /// ``Sync/takeOver(_:progress:)``. A device that joined so has no network secret, which goes through a channel only, so
  /// it has no sessions: ``Sync/connect(_:stay:progress:)`` throws ``CaseplanError/Unexpected(reason:)`` with the reason
  /// `network_secret`, ``Sync/nearby()`` does once it finds somebody, and ``Sync/accept(_:progress:)`` knows everybody as
  /// a `stranger`. ``Sync/invite(_:notAfter:)`` and ``Sync/join(_:deviceName:over:fingerprint:)`` bring the secret, also
  /// to a device that was certified so before.
  public func requestCertificate() async throws -> Data {
    try await engine.command { try $0.requestCertificate() }
  }

  /// Certifies the device of a request; answers what that device must adopt. It gets no network secret by that, and no
  /// sessions: see ``requestCertificate()``. Throws ``CaseplanError/NotCertified(reason:)``.
  /// - Parameters:
  ///   - level: The highest sensitivity level that its worker may read.
  ///   - notAfter: Until when it is good for connections; for ever if nothing is said. Whoever may issue or renew makes
  ///     it longer by itself when the two meet after half of that time: a device is ended by ``endDevice(_:why:)``.
  public func certify(_ request: Data, roles: [Role], level: UInt8 = 1, notAfter: Date? = nil) async throws -> Data {
    try await engine.command { try $0.certify(request: request, roles: roles, level: level, notAfter: notAfter) }
  }

  /// Joins the domain of the store that certified this device, for exchange by bytes: see ``requestCertificate()``.
  /// Whoever handed over the answer is believed. Throws ``CaseplanError/NotCertified(reason:)``.
  public func adopt(_ answer: Data) async throws {
    try await engine.command { try $0.adopt(answer: answer) }
  }

  /// Renews a device's certificate: the same keys, worker, roles and level, good until `notAfter`, for ever if nothing
  /// is said. Who may only renew must name a later time than before. Throws ``CaseplanError/NotCertified(reason:)``.
  public func renew(_ device: DeviceId, notAfter: Date? = nil) async throws {
    try await engine.command { try $0.renew(device: device, notAfter: notAfter) }
  }

  /// Gives a device other roles and another level: it reads by these from then on. The worker's other devices keep
  /// theirs. What it grants by a role that it once had, and signs under an earlier certificate, counts: only
  /// ``endDevice(_:why:)`` ends that.
  public func changeRoles(of device: DeviceId, to roles: [Role], level: UInt8) async throws {
    try await engine.command { try $0.changeRoles(device: device, roles: roles, level: level) }
  }

  /// Lets a device certify others, or only renew, as a hub does. Only the root can.
  public func makeIssuer(_ device: DeviceId, power: IssuerPower) async throws {
    try await engine.command { try $0.makeIssuer(device: device, power: power) }
  }

  /// Ends a device, for ever. What this store holds of its work stays; what it still has will wait for a person.
  public func endDevice(_ device: DeviceId, why: EndReason) async throws {
    try await engine.command { try $0.endDevice(device: device, why: why) }
  }

  /// Ends a device's right to certify others.
  public func endIssuer(_ device: DeviceId, why: EndReason) async throws {
    try await engine.command { try $0.endIssuer(device: device, why: why) }
  }

  /// The 24 words that bring a lost root back, as long as nobody confirmed that they were shown.
  public func recoveryWords() async throws -> String? {
    try await engine.read { try $0.recoveryWords() }
  }

  /// The same secret as 32 bytes, for a QR code.
  public func recoveryBytes() async throws -> Data? {
    try await engine.read { try $0.recoveryBytes() }
  }

  /// Confirms that the secret was shown and is kept elsewhere: it is deleted here.
  public func confirmRecoveryShown() async throws {
    try await engine.command { try $0.confirmRecoveryShown() }
  }

  /// Makes a new root on this device after the old one was lost. There are new words afterwards.
  ///
  /// What the old root signed counts as far as this device has heard of it: sync with everybody first, or a device that
  /// it took in since must be taken in anew. A store whose keys were lost gets new ones with the roles that it had: it is
  /// another device, and can be written in again.
  public func recoverRoot(words: String) async throws {
    try await engine.command { try $0.recoverRoot(words: words) }
  }

  /// Makes a new root on this device by the 32 bytes of a QR code.
  public func recoverRoot(bytes: Data) async throws {
    try await engine.command { try $0.recoverRootByBytes(bytes: bytes) }
  }
}
