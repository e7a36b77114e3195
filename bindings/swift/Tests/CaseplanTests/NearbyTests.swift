// Phones that find each other by mDNS on this machine. Whether it carries multicast is asked of it first: where it does
// not, nobody can be found, the search must be quiet all the same, and the output says that this is all that was seen.

import Caseplan
import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Whether a datagram to the group of mDNS comes back to this machine.
private let hasMulticast: Bool = {
  #if canImport(Glibc)
    let datagrams = Int32(SOCK_DGRAM.rawValue)
  #else
    let datagrams = SOCK_DGRAM
  #endif
  let socket = socket(AF_INET, datagrams, 0)
  defer { close(socket) }
  var group = ip_mreq(imr_multiaddr: in_addr(s_addr: inet_addr("224.0.0.251")), imr_interface: in_addr(s_addr: 0))
  var patience = timeval(tv_sec: 2, tv_usec: 0)
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  var buffer = [UInt8](repeating: 0, count: 16)
  let came = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
      guard bind(socket, address, size) == 0, getsockname(socket, address, &size) == 0,
        setsockopt(
          socket, Int32(IPPROTO_IP), IP_ADD_MEMBERSHIP, &group, socklen_t(MemoryLayout.size(ofValue: group))) == 0,
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout.size(ofValue: patience))) == 0
      else { return false }
      pointer.pointee.sin_addr = group.imr_multiaddr
      return sendto(socket, "caseplan", 8, 0, address, size) == 8 && recv(socket, &buffer, 16, 0) == 8
    }
  }
  if !came { print("NOT CHECKED: this machine carries no multicast, so nobody can be found") }
  return came
}()

/// A phone that is nearby until the task is cancelled.
private func staying(_ phone: Phone) -> Task<[[NearbyPeer]], any Error> {
  Task {
    var seen: [[NearbyPeer]] = []
    for try await peers in phone.store.sync.nearby() { seen.append(peers) }
    return seen
  }
}

struct NearbyTests {
  @Test(.timeLimit(.minutes(2)))
  func threePhonesNearbyFindEachOtherAndEachHasWhatTheOthersHad() async throws {
    let phones = [try await Phone(), try await Phone(), try await Phone()]
    let stranger = try await Phone(worker: "w-9")
    for other in phones.dropFirst() { try await takeIn(other, by: phones[0]) }
    var cases: [CaseId] = []
    for (number, phone) in phones.enumerated() {
      cases.append(try await Family(phone.store, reference: "2026-\(number)").lea.id)
    }
    for try await peers in stranger.store.sync.nearby() {
      #expect(peers.isEmpty, "told at once that nobody is there yet")
      break
    }
    guard hasMulticast else { return }
    let outside = staying(stranger)
    let together = phones.map(staying)
    for phone in phones {
      for id in cases {
        for try await seen in phone.store.cases.watch(id) where seen != nil { break }
      }
      for try await status in phone.store.sync.watchStatus() where status.onlyHere.isEmpty { break }
    }
    for each in together {
      each.cancel()
      _ = try await each.value
    }
    outside.cancel()
    let strange = try await outside.value
    #expect(strange.contains { !$0.isEmpty }, "it saw them")
    #expect(strange.joined().allSatisfy { $0.device == nil && $0.worker == nil }, "and learned nobody's name")
    #expect(try await stranger.store.cases.list().isEmpty)
  }

  @Test(.timeLimit(.minutes(2))) func whoIsNearbyIsToldWithNameWorkerAndProgress() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    try await takeIn(tablet, by: phone)
    _ = try await Family(phone.store)
    guard hasMulticast else { return }
    let other = staying(tablet)
    for try await peers in phone.store.sync.nearby() {
      guard let peer = peers.first(where: { $0.device != nil && $0.progress.state == .upToDate }) else { continue }
      let device = try await tablet.store.identity.device()
      #expect(peer.device == device && peer.worker == tablet.worker)
      #expect(peer.progress.fraction == 1)
      break
    }
    other.cancel()
    _ = try await other.value
  }

  @Test(.timeLimit(.minutes(1))) func itEndsWhenItsTaskIsCancelledAndWithTheStore() async throws {
    let phone = try await Phone()
    let searching = staying(phone)
    for try await _ in phone.store.sync.nearby() { break }
    searching.cancel()
    _ = try await searching.value
    let left = staying(phone)
    for try await _ in phone.store.sync.nearby() { break }
    await phone.store.close()
    await expect(.Closed) { try await left.value }
    await expect(.Closed) { for try await _ in phone.store.sync.nearby() { break } }
  }

  @Test(.timeLimit(.minutes(2))) func whoLeavesTheLoopLeavesEverySessionToo() async throws {
    let (phone, tablet) = (try await Phone(), try await Phone())
    try await takeIn(tablet, by: phone)
    guard hasMulticast else { return }
    let device = try await tablet.store.identity.device()
    async let left: Void = {
      for try await peers in tablet.store.sync.nearby() where peers.contains(where: { $0.progress.state == .upToDate })
      {
        break
      }
    }()
    var states: [SyncState] = []
    for try await peers in phone.store.sync.nearby() {
      states += peers.filter { $0.device == device }.map(\.progress.state)
      if states.last == .over { break }
    }
    #expect(states.contains(.upToDate))
    try await left
  }

  @Test func nobodyAtAHostAndPortIsAnErrorOfTheNetwork() async throws {
    let phone = try await Phone()
    await expect(.NetworkFailed(reason: "unreachable")) {
      try await phone.store.sync.connect(host: "127.0.0.1", port: 1)
    }
  }
}
