// Sync over the local network, whose sockets and threads are the core's.

import CaseplanCore
import CaseplanTypes

/// Everybody nearby, and how the session with each stands: told at once, and again whenever it changes.
///
/// While a loop runs over it, this device announces itself in the local network under a random name, finds others that
/// do, and syncs with those of its domain; what is recorded meanwhile is sent at once. Strangers have no
/// ``NearbyPeer/device``. A slow reader gets the newest. Each loop is a search of its own; leaving it, or cancelling its
/// task, ends the search and every session of it. A store that is closed or suspended meanwhile ends it with that error.
/// Throws ``CaseplanError/NetworkFailed(reason:)``.
public struct Nearby: AsyncSequence, Sendable {
  public typealias Element = [NearbyPeer]

  let engine: Engine

  public func makeAsyncIterator() -> Iterator {
    let (seen, tell) = AsyncThrowingStream.makeStream(of: [NearbyPeer].self, bufferingPolicy: .bufferingNewest(1))
    let searching = Task { [engine] in
      defer { engine.markOnlyHere() }
      do {
        let relay = NearbyRelay { peers in
          tell.yield(peers)
          if peers.contains(where: { [.upToDate, .over].contains($0.progress.state) }) { engine.markOnlyHere() }
        }
        try await engine.long("nearby") { core, token in try core.syncNearby(listener: relay, cancel: token) }
        tell.finish()
      } catch {
        tell.finish(throwing: error)
      }
    }
    tell.onTermination = { _ in searching.cancel() }
    return Iterator(seen: seen.makeAsyncIterator())
  }

  /// Reads one sight after the other.
  public struct Iterator: AsyncIteratorProtocol {
    var seen: AsyncThrowingStream<[NearbyPeer], any Error>.Iterator

    /// The next sight; nil at the end.
    public mutating func next() async throws -> [NearbyPeer]? {
      try await seen.next()
    }
  }
}

/// Hands on who is nearby.
private final class NearbyRelay: NearbyListener {
  private let handler: @Sendable ([NearbyPeer]) -> Void

  init(_ handler: @escaping @Sendable ([NearbyPeer]) -> Void) {
    self.handler = handler
  }

  func onNearby(peers: [NearbyPeer]) throws {
    handler(peers)
  }
}
