// Who this device is, and how it joins the domain of another.

import CaseplanCore
import CaseplanTypes
import Foundation

/// This device and the domain that it belongs to. Devices of two domains do not accept each other's work.
///
/// Before its first change a new device joins another one's domain:
///
/// ```swift
/// let request = try await tablet.identity.requestCertificate()
/// let answer = try await phone.identity.certify(request, roles: [.caseworker])
/// try await tablet.identity.adopt(answer)
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

  /// Every device whose certificate counts.
  public func devices() async throws -> [CertifiedDevice] {
    try await engine.read { try $0.devices() }
  }

  /// Every device whose certificate counts, watched.
  public func watchDevices() -> Watched<[CertifiedDevice]> {
    engine.watch([.identity]) { try $0.devices() }
  }

  /// This device's wish to be certified by another store.
  public func requestCertificate() async throws -> Data {
    try await engine.command { try $0.requestCertificate() }
  }

  /// Certifies the device of a request; answers what that device must adopt.
  /// - Parameter level: The highest sensitivity level that its worker may read.
  public func certify(_ request: Data, roles: [Role], level: UInt8 = 1) async throws -> Data {
    try await engine.command { try $0.certify(request: request, roles: roles, level: level) }
  }

  /// Joins the domain of the store that certified this device. Whoever handed over the answer is believed.
  public func adopt(_ answer: Data) async throws {
    try await engine.command { try $0.adopt(answer: answer) }
  }
}
