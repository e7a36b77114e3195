// From the core's one listener to every stream that is being read.

import CaseplanCore
import CaseplanTypes
import Foundation

/// Wakes the streams that a commit could concern.
///
/// The core calls it on its own thread, after each commit, local or imported. It neither blocks nor calls back: it
/// leaves each stream a mark, and a stream that is marked twice before it is read again reads once.
final class ChangeHub: ChangeListener, @unchecked Sendable {
  private struct Entry {
    let concerns: Concerns
    let marks: AsyncStream<Void>.Continuation
  }

  private let lock = NSLock()
  private var entries: [UUID: Entry] = [:]
  private var ended = false

  func onChange(changes: ChangeSet) throws {
    mark { $0.match(changes) }
  }

  /// Marks every stream: after a suspension, or when everything was made anew.
  func markAll() {
    mark { _ in true }
  }

  /// Marks the streams that tell what only this device has.
  func markOnlyHere() {
    mark(\.onlyHere)
  }

  /// Ends every stream, and those that are still to come.
  func end() {
    let all = lock.withLock {
      ended = true
      defer { entries.removeAll() }
      return Array(entries.values)
    }
    for entry in all { entry.marks.finish() }
  }

  /// How many streams are open.
  var count: Int {
    lock.withLock { entries.count }
  }

  func subscribe(_ concerns: Concerns) -> Subscription {
    let (stream, marks) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    let id = UUID()
    marks.yield()
    let late = lock.withLock {
      if !ended { entries[id] = Entry(concerns: concerns, marks: marks) }
      return ended
    }
    if late { marks.finish() }
    return Subscription(marks: stream) { [weak self] in
      self?.lock.withLock { _ = self?.entries.removeValue(forKey: id) }
      marks.finish()
    }
  }

  private func mark(_ concerned: (Concerns) -> Bool) {
    let marked = lock.withLock { entries.values.filter { concerned($0.concerns) } }
    for entry in marked { entry.marks.yield() }
  }
}

/// What a stream's answer depends on.
struct Concerns: Sendable {
  let topics: Set<Topic>
  /// The only case that matters; nil when any does.
  var caseId: CaseId?
  /// Whether it tells what only this device has, which an exchange changes without any commit.
  var onlyHere = false

  func match(_ changes: ChangeSet) -> Bool {
    let common = topics.intersection(changes.topics)
    guard let caseId, !common.isEmpty else { return !common.isEmpty }
    // These two are about no single case, and may come together with what is about one.
    return !common.isDisjoint(with: [.identity, .today]) || changes.cases.isEmpty || changes.cases.contains(caseId)
  }
}

/// One stream's place in the hub, left when the stream is let go of.
final class Subscription: Sendable {
  private let marks: AsyncStream<Void>
  private let leave: @Sendable () -> Void

  init(marks: AsyncStream<Void>, leave: @escaping @Sendable () -> Void) {
    self.marks = marks
    self.leave = leave
  }

  /// Waits for a mark, the first of which is there from the beginning; false at the end.
  func marked() async -> Bool {
    var iterator = marks.makeAsyncIterator()
    return await iterator.next() != nil
  }

  func end() {
    leave()
  }

  deinit {
    leave()
  }
}
