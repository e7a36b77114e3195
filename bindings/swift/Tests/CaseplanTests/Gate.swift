// How tests wait for each other: for an event, never for a time.

import Foundation

/// Closed until it is opened, once.
actor Gate {
  private var isOpen = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func open() {
    isOpen = true
    for continuation in waiting { continuation.resume() }
    waiting = []
  }

  func wait() async {
    if isOpen { return }
    await withCheckedContinuation { waiting.append($0) }
  }
}

/// What happened, in order. May be written from any thread.
typealias Journal = Collected<String>

/// What was told, in order. May be told from any thread.
final class Collected<Value: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var values: [Value] = []

  func write(_ value: Value) {
    lock.withLock { values.append(value) }
  }

  var all: [Value] {
    lock.withLock { values }
  }
}
