// Sync over a pair of streams: two phones meet, one is taken in, and both tell the truth.

import Caseplan
import Foundation
import Testing

/// One end of a connection within this process.
final class Wire: PeerStream {
  private let incoming: AsyncStream<Data>
  private let outgoing: AsyncStream<Data>.Continuation
  private let ended: AsyncStream<Data>.Continuation

  private init(
    _ incoming: AsyncStream<Data>, _ ended: AsyncStream<Data>.Continuation, _ outgoing: AsyncStream<Data>.Continuation
  ) {
    (self.incoming, self.ended, self.outgoing) = (incoming, ended, outgoing)
  }

  /// Two ends of one connection: who connects, and who is connected to.
  static func pair() -> (Wire, Wire) {
    let (there, toThere) = AsyncStream.makeStream(of: Data.self)
    let (back, toBack) = AsyncStream.makeStream(of: Data.self)
    return (Wire(back, toBack, toThere), Wire(there, toThere, toBack))
  }

  func read() async throws -> Data? {
    var iterator = incoming.makeAsyncIterator()
    return await iterator.next()
  }

  func write(_ bytes: Data) async throws {
    if !bytes.isEmpty { outgoing.yield(bytes) }
  }

  func close() async {
    outgoing.finish()
    ended.finish()
  }
}

struct SyncTests {
  private func takeIn(_ tablet: Phone, by phone: Phone, confirmed: Bool = true) async throws -> Bool {
    let (near, far) = Wire.pair()
    let invitation = try await phone.store.sync.invite(.init(worker: tablet.worker, roles: [.caseworker], level: 1))
    let text = try #require(try await invitation.qr())
    async let taken = invitation.takeIn(over: far) { request in
      confirmed && request.deviceName == "Ana's tablet"
    }
    let joined: Bool
    do {
      try await tablet.store.sync.join(text, deviceName: "Ana's tablet", over: near)
      joined = true
    } catch CaseplanError.NotEnrolled(let reason) {
      #expect(reason == "declined")
      joined = false
    }
    let answered = try await taken
    #expect(answered == joined)
    await near.close()
    return joined
  }

  private func sync(_ phone: Phone, with tablet: Phone) async throws -> (SyncReport, SyncReport) {
    let (near, far) = Wire.pair()
    async let accepted = tablet.store.sync.accept(far)
    let connected = try await phone.store.sync.connect(near)
    return (connected, try await accepted)
  }

  @Test func twoPhonesOfOneWorkerMeetAndEachHasWhatTheOtherHad() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    #expect(try await takeIn(tablet, by: phone))
    let family = try await Family(phone.store)
    #expect(try await phone.store.sync.status().onlyHere.count == 1)
    let (sent, received) = try await sync(phone, with: tablet)
    #expect(sent.failed == nil && sent.equal && received.equal)
    #expect(sent.sent == received.received && sent.sent > 0)
    #expect(try await tablet.store.cases.get(family.lea.id) != nil)
    let status = try await phone.store.sync.status()
    #expect(status.onlyHere.isEmpty)
    let device = try await tablet.store.identity.device()
    #expect(status.peers.map(\.device) == [device])
  }

  @Test func whatIsRecordedWhileASessionStaysOpenIsSentAtOnce() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    #expect(try await takeIn(tablet, by: phone))
    let (near, far) = Wire.pair()
    let accepting = Task { try await tablet.store.sync.accept(far) }
    let staying = Task { try await phone.store.sync.connect(near, stay: true) }
    let family = try await Family(phone.store)
    for try await seen in tablet.store.cases.watch(family.lea.id) where seen != nil { break }
    staying.cancel()
    #expect(try await staying.value.failed == nil)
    _ = try await accepting.value
  }

  @Test func aFileBringsToOneDeviceWhatItLacksAndToNoOther() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    #expect(try await takeIn(tablet, by: phone))
    let family = try await Family(phone.store)
    let file = tablet.folder.file("for the tablet")
    let device = try await tablet.store.identity.device()
    let written = try await phone.store.sync.handOver(to: device, file: file)
    let report = try await tablet.store.sync.takeOver(file)
    let sender = try await phone.store.identity.device()
    #expect(report.sender == sender)
    #expect(report.taken.received == written.changes && written.changes > 0)
    #expect(try await tablet.store.cases.get(family.lea.id) != nil)
    #expect(try await phone.store.sync.status().onlyHere.count == 1)

    await expect(.NotHandedOver(reason: "not_for_this_device")) { try await phone.store.sync.takeOver(file) }
    try Data(try Data(contentsOf: file).dropLast()).write(to: file)
    await expect(.NotHandedOver(reason: "cut")) { try await tablet.store.sync.takeOver(file) }
    await expect(.NotHandedOver(reason: "to_itself")) {
      try await phone.store.sync.handOver(to: sender, file: file)
    }
  }

  @Test func whoIsDeclinedStaysOutsideAndAStrangerLearnsNothing() async throws {
    let phone = try await Phone()
    let stranger = try await Phone(worker: "w-9")
    #expect(try await takeIn(stranger, by: phone, confirmed: false) == false)
    let (sent, received) = try await sync(stranger, with: phone)
    #expect(received.failed == "stranger")
    #expect(!sent.equal && !received.equal)
    await expect(.NotEnrolled(reason: "malformed")) {
      try await stranger.store.sync.join("CASEPLAN1:nonsense", deviceName: "a phone", over: Wire.pair().0)
    }
  }
}
