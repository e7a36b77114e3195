// The lanes on which the core is called, so that what is slow holds up nothing else.

import CaseplanCore
import Dispatch
import Foundation

/// One call of the core at a time, on a thread that may block.
///
/// A call that has begun is finished, whatever becomes of the task that waits for it: a command runs to its commit.
actor Lane {
  private let executor: BlockingExecutor

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(_ name: String, qos: DispatchQoS = .userInitiated) {
    executor = BlockingExecutor(label: "org.caseplan.\(name)", qos: qos)
  }

  func run<Value: Sendable>(_ work: @Sendable () throws -> Value) throws -> Value {
    try callingCore(work)
  }
}

/// Calls the core. Whatever goes wrong, an app meets a `CaseplanError`.
func callingCore<Value>(_ work: () throws -> Value) throws -> Value {
  do {
    return try work()
  } catch let error as CaseplanError {
    throw error
  } catch let error as CancellationError {
    throw error
  } catch {
    // A panic, or a package and a library of different versions. The text may hold anything: only its class goes on.
    throw CaseplanError.Unexpected(reason: String(describing: type(of: error)))
  }
}

/// A few lanes for reads: a read takes whichever is free, and waits only when all of them are taken.
final class ReadLanes: @unchecked Sendable {
  private let lock = NSLock()
  private var free: [Lane]
  private var waiting: [CheckedContinuation<Lane, Never>] = []
  private var firstWaiting = 0

  init(count: Int) {
    free = (0..<count).map { Lane("read.\($0)") }
  }

  func run<Value: Sendable>(_ work: @Sendable () throws -> Value) async throws -> Value {
    let lane = await take()
    defer { giveBack(lane) }
    return try await lane.run(work)
  }

  private func take() async -> Lane {
    await withCheckedContinuation { continuation in
      let lane = lock.withLock {
        if free.isEmpty { waiting.append(continuation) }
        return free.popLast()
      }
      if let lane { continuation.resume(returning: lane) }
    }
  }

  private func giveBack(_ lane: Lane) {
    let next = lock.withLock { () -> CheckedContinuation<Lane, Never>? in
      guard firstWaiting < waiting.count else {
        free.append(lane)
        return nil
      }
      firstWaiting += 1
      let next = waiting[firstWaiting - 1]
      if firstWaiting == waiting.count {
        waiting.removeAll(keepingCapacity: true)
        firstWaiting = 0
      }
      return next
    }
    next?.resume(returning: lane)
  }
}
