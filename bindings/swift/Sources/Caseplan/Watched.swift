// A read that is asked again after each commit that could change its answer.

import CaseplanCore

/// The answer of a read, now and again after every commit, local or imported, that could change it.
///
/// ```swift
/// for try await page in store.contacts.watchPage(in: caseId) {
///   contacts = page.contacts
/// }
/// ```
///
/// The first value comes at once. An answer is read when it is asked for, so a slow reader misses what lay in between
/// and gets the newest. The sequence ends when the store closes or the task is cancelled, waits while the store is
/// suspended, and throws what the read would throw. Each loop over it watches on its own; leaving the loop ends that.
public struct Watched<Value: Sendable>: AsyncSequence, Sendable {
  public typealias Element = Value

  let subscribe: @Sendable () -> Subscription
  let read: @Sendable () async throws -> Value

  public func makeAsyncIterator() -> Iterator {
    Iterator(subscription: subscribe(), read: read)
  }

  /// Reads one answer after the other.
  public struct Iterator: AsyncIteratorProtocol, Sendable {
    let subscription: Subscription
    let read: @Sendable () async throws -> Value

    /// The next answer; nil at the end.
    public mutating func next() async throws -> Value? {
      while await subscription.marked() {
        do {
          return try await read()
        } catch CaseplanError.Suspended {
          continue  // resuming marks every stream
        } catch CaseplanError.Closed {
          break
        } catch {
          subscription.end()
          throw error
        }
      }
      subscription.end()
      return nil
    }
  }
}
