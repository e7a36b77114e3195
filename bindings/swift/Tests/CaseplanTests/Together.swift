// Phones that are together: a connection, one taken in over it, both in sync.

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

/// One phone shows a QR code, the other scans it, and a person confirms it or does not.
@discardableResult
func takeIn(
  _ tablet: Phone, by phone: Phone, roles: [Role] = [.caseworker], confirmed: Bool = true
) async throws -> Bool {
  let (near, far) = Wire.pair()
  let invitation = try await phone.store.sync.invite(.init(worker: tablet.worker, roles: roles))
  let text = try #require(try await invitation.qr())
  let (asked, shown) = (Journal(), Journal())
  async let taken = invitation.takeIn(over: far) { request in
    asked.write(request.fingerprint)
    return confirmed && request.deviceName == "Ana's tablet"
  }
  let joined: Bool
  do {
    try await tablet.store.sync.join(text, deviceName: "Ana's tablet", over: near) { shown.write($0) }
    joined = true
  } catch CaseplanError.NotEnrolled(let reason, _) {
    #expect(reason == "declined")
    joined = false
  }
  let answered = try await taken
  #expect(answered == joined)
  // Both screens show the same, once: four groups of four characters.
  #expect(shown.all == asked.all)
  #expect(shown.all.map { $0.split(separator: "-").map(\.count) } == [[4, 4, 4, 4]])
  await near.close()
  return joined
}

/// One session, begun by the first.
func sync(_ phone: Phone, with tablet: Phone) async throws -> (SyncReport, SyncReport) {
  let (near, far) = Wire.pair()
  async let accepted = tablet.store.sync.accept(far)
  let connected = try await phone.store.sync.connect(near)
  return (connected, try await accepted)
}

extension Phone {
  /// A session after which both hold the same of what both may read.
  func syncs(with other: Phone) async throws {
    let (sent, received) = try await sync(self, with: other)
    #expect(sent.failed == nil && received.failed == nil)
    #expect(sent.equal && received.equal)
  }
}
