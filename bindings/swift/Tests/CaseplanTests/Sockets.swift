// A TCP socket of this machine, as an app would bring one: who listens, and each connection that came.

import Caseplan
import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A socket that listens on 127.0.0.1, at a port that the system gave.
struct Listener: Sendable {
  private let socket: Int32
  let port: UInt16

  init() throws {
    #if canImport(Glibc)
      let streams = Int32(SOCK_STREAM.rawValue)
    #else
      let streams = SOCK_STREAM
    #endif
    socket = Self.open(AF_INET, streams, 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr = in_addr(s_addr: inet_addr("127.0.0.1"))
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listens = withUnsafeMutablePointer(to: &address) { [socket] pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(socket, address, size) == 0 && getsockname(socket, address, &size) == 0 && listen(socket, 8) == 0
      }
    }
    guard listens else { throw POSIXError(.EADDRNOTAVAIL) }
    port = UInt16(bigEndian: address.sin_port)
  }

  /// The next connection that comes.
  func next() async throws -> SocketStream {
    let connected = await waiting { [socket] in accept(socket, nil, nil) }
    guard connected >= 0 else { throw POSIXError(.ECONNABORTED) }
    return SocketStream(connected)
  }

  func stop() {
    close(socket)
  }

  private static func open(_ family: Int32, _ kind: Int32, _ number: Int32) -> Int32 {
    #if canImport(Glibc)
      Glibc.socket(family, kind, number)
    #else
      Darwin.socket(family, kind, number)
    #endif
  }
}

/// One connection. Its descriptor goes with the last who has it, so that no other connection gets the number meanwhile.
final class SocketStream: PeerStream {
  private let socket: Int32

  fileprivate init(_ socket: Int32) {
    self.socket = socket
  }

  func read() async throws -> Data? {
    await waiting { [socket] in
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = recv(socket, &buffer, buffer.count, 0)
      return count > 0 ? Data(buffer.prefix(count)) : nil
    }
  }

  func write(_ bytes: Data) async throws {
    let isSent = await waiting { [socket] in
      var rest = bytes
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, quietly) }
        if count <= 0 { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }
    if !isSent { throw POSIXError(.EPIPE) }
  }

  func finish() async {
    shutdown(socket, Int32(SHUT_WR))
  }

  func close() async {
    shutdown(socket, Int32(SHUT_RDWR))
  }

  deinit {
    #if canImport(Glibc)
      Glibc.close(socket)
    #else
      Darwin.close(socket)
    #endif
  }
}

/// Writing to a connection that is gone is an error, no signal.
#if canImport(Glibc)
  private let quietly = Int32(MSG_NOSIGNAL)
#else
  private let quietly: Int32 = 0
#endif

/// What blocks, on a thread that may be blocked.
private func waiting<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
  await withCheckedContinuation { continuation in
    Thread { continuation.resume(returning: work()) }.start()
  }
}
