// Connections that an app brings: broken, silent, and closed whatever becomes of them.

import Caseplan
import Foundation
import Testing

/// A stream that waits in each read and write until it is closed.
private actor Stuck: PeerStream {
  private let ended = Gate()
  let waiting = Gate()
  private(set) var isClosed = false

  func read() async throws -> Data? {
    await ended.wait()
    return nil
  }

  func write(_ bytes: Data) async throws {
    await waiting.open()
    await ended.wait()
    throw CancellationError()
  }

  func close() async {
    isClosed = true
    await ended.open()
  }
}

/// A stream that breaks after a few reads.
private actor Breaking: PeerStream {
  private let wire: Wire
  private var left: Int

  init(_ wire: Wire, after reads: Int) {
    (self.wire, left) = (wire, reads)
  }

  func read() async throws -> Data? {
    left -= 1
    guard left >= 0 else { throw CocoaError(.fileReadUnknown) }
    return try await wire.read()
  }

  func write(_ bytes: Data) async throws {
    try await wire.write(bytes)
  }

  func close() async {
    await wire.close()
  }
}

struct ConnectionTests {
  private func two() async throws -> (Phone, Phone) {
    let (phone, tablet) = (try await Phone(), try await Phone())
    #expect(try await takeIn(tablet, by: phone))
    return (phone, tablet)
  }

  @Test func aSessionWhosePeerDoesNotReadEndsWhenItIsCancelled() async throws {
    let (phone, _) = try await two()
    let stuck = Stuck()
    let session = Task { try await phone.store.sync.connect(stuck) }
    await stuck.waiting.wait()
    session.cancel()
    #expect(try await session.value.failed == "canceled")
    #expect(await stuck.isClosed)
  }

  @Test func aJoiningThatNobodyAnswersEndsWhenItIsCancelled() async throws {
    let (phone, newcomer) = (try await Phone(), try await Phone())
    let invitation = try await phone.store.sync.invite(.init(worker: newcomer.worker, roles: [.caseworker]))
    let text = try #require(try await invitation.qr())
    let silent = Stuck()
    let joining = Task { try await newcomer.store.sync.join(text, deviceName: "a tablet", over: silent) }
    await silent.waiting.wait()
    joining.cancel()
    await #expect(throws: CancellationError.self) { try await joining.value }
    #expect(await silent.isClosed)
  }

  @Test func anAnswerThatIsNotWaitedForAnyMoreDeclines() async throws {
    let (phone, newcomer) = (try await Phone(), try await Phone())
    let invitation = try await phone.store.sync.invite(.init(worker: newcomer.worker, roles: [.caseworker]))
    let text = try #require(try await invitation.qr())
    let (near, far) = Wire.pair()
    let (asked, never) = (Gate(), Gate())
    let taking = Task {
      try await invitation.takeIn(over: far) { _ in
        await asked.open()
        await never.wait()
        return true
      }
    }
    let joining = Task { try await newcomer.store.sync.join(text, deviceName: "a tablet", over: near) }
    await asked.wait()
    taking.cancel()
    await expect(.NotEnrolled(reason: "declined", triesLeft: nil)) { try await joining.value }
    #expect(try await taking.value == false)
    await never.open()
  }

  @Test func aConnectionThatBreaksIsToldAsCut() async throws {
    let (phone, tablet) = try await two()
    _ = try await Family(phone.store)
    let (near, far) = Wire.pair()
    async let accepted = tablet.store.sync.accept(far)
    let report = try await phone.store.sync.connect(Breaking(near, after: 3))
    #expect(report.failed == "cut" && !report.equal)
    #expect(try await accepted.failed == "cut")
    try await phone.syncs(with: tablet)
  }

  @Test func whoComesSecondWithAnInvitationHearsThatItWasUsed() async throws {
    let (phone, first, second) = (try await Phone(), try await Phone(), try await Phone())
    let invitation = try await phone.store.sync.invite(.init(worker: first.worker, roles: [.caseworker]))
    let text = try #require(try await invitation.qr())
    @Sendable func comes(_ newcomer: Phone) async throws {
      let (near, far) = Wire.pair()
      let taking = Task { try? await invitation.takeIn(over: far) { _ in true } }
      defer { taking.cancel() }
      try await newcomer.store.sync.join(text, deviceName: "a phone", over: near)
      _ = await taking.value
    }
    try await comes(first)
    await expect(.NotEnrolled(reason: "used", triesLeft: nil)) { try await comes(second) }
  }

  @Test func aDomainWithALongHistoryTakesInANewDevice() async throws {
    let (phone, tablet) = try await two()
    let device = try await tablet.store.identity.device()
    for second in 0..<300 {
      try await phone.store.identity.renew(device, notAfter: at("2027-01-01T00:00:00Z") + TimeInterval(second))
    }
    #expect(try await takeIn(try await Phone(), by: phone))
  }

  @Test func aStoreThatIsClosedEndsItsOpenSessionsAndTheirStreams() async throws {
    let (phone, tablet) = try await two()
    let (near, far) = Wire.pair()
    let accepting = Task { try await tablet.store.sync.accept(far) }
    let equal = Gate()
    let staying = Task {
      try await phone.store.sync.connect(near, stay: true) { so in
        if so.state == .upToDate { Task { await equal.open() } }
      }
    }
    await equal.wait()
    await phone.store.close()
    await expect(.Closed) { try await staying.value }
    #expect(try await near.read() == nil)
    #expect(try await accepting.value.failed != nil)
  }

  @Test func whatAPeerTookInWhileASessionStaysOpenIsNotOnlyHereAnyMore() async throws {
    let (phone, tablet) = try await two()
    let (near, far) = Wire.pair()
    let accepting = Task { try await tablet.store.sync.accept(far) }
    let equal = Gate()
    let staying = Task {
      try await phone.store.sync.connect(near, stay: true) { so in
        if so.state == .upToDate { Task { await equal.open() } }
      }
    }
    await equal.wait()
    _ = try await Family(phone.store)
    for try await status in phone.store.sync.watchStatus() where status.onlyHere.isEmpty { break }
    staying.cancel()
    _ = try await (staying.value, accepting.value)
  }
}
