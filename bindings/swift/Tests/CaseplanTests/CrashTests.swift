// A process that is killed loses nothing that a call had returned for: drafts, contacts, and the file itself.

import Caseplan
import Foundation
import Testing

/// `CASEPLAN_KILLS=500` asks for more.
private let kills = ProcessInfo.processInfo.environment["CASEPLAN_KILLS"].flatMap { Int($0) } ?? 20

@Suite struct CrashTests {
  @Test func aKilledProcessLosesNothingThatWasAcknowledged() async throws {
    let folder = try Folder()
    let config = StoreConfig(file: folder.file("caseplan.db"), worker: "w-117", timeZone: paris)
    let store = try await Store.open(config, vaultFolder: folder.file("keys"))
    let caseId = try await Family(store).lea.id
    await store.close()

    var acknowledged: Set<String> = []
    for kill in 1...kills {
      let lines = try await Child.recordUntilKilled(in: folder, caseId, after: Int.random(in: 1...12))
      acknowledged.formUnion(lines)
      let again = try await Store.open(config, vaultFolder: folder.file("keys"))
      let lost = try await acknowledged.subtracting(again.recorded(in: caseId))
      #expect(lost.isEmpty, "after kill \(kill)")
      if kill % 10 == 0 { #expect(try await again.verify().isSound, "after kill \(kill)") }
      await again.close()
    }
    #expect(acknowledged.count >= kills)
  }
}

extension Store {
  /// What the child would have said of everything that is here.
  fileprivate func recorded(in caseId: CaseId) async throws -> Set<String> {
    var lines = Set(try await contacts.drafts(in: caseId).map { "draft \($0.narrative)" })
    var after: String?
    repeat {
      let page = try await contacts.page(in: caseId, after: after, limit: 500)
      for summary in page.contacts {
        if let contact = try await contacts.get(summary.id) { lines.insert("contact \(contact.narrative)") }
      }
      after = page.next
    } while after != nil
    return lines
  }
}

/// The process that is killed.
private enum Child {
  /// Everything that it acknowledged. It is killed some moment after its `count`th line, wherever it is by then.
  static func recordUntilKilled(in folder: Folder, _ caseId: CaseId, after count: Int) async throws -> [String] {
    let microseconds = UInt32.random(in: 0...20_000)
    return try await withCheckedThrowingContinuation { done in
      // Reading a pipe blocks: not on Swift's threads.
      Thread.detachNewThread {
        done.resume(with: Result { try run(folder, caseId, count, microseconds) })
      }
    }
  }

  private static func run(
    _ folder: Folder, _ caseId: CaseId, _ count: Int, _ microseconds: UInt32
  ) throws -> [String] {
    let (process, output) = (Process(), Pipe())
    process.executableURL = executable
    process.arguments = [folder.url.path, caseId.description]
    process.standardOutput = output
    try process.run()
    var text = Data()
    while text.filter({ $0 == UInt8(ascii: "\n") }).count < count {
      let more = output.fileHandleForReading.availableData
      if more.isEmpty { break }
      text += more
    }
    usleep(microseconds)
    kill(process.processIdentifier, SIGKILL)
    text += output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationReason == .uncaughtSignal else {
      throw CallbackError.Failed(reason: "the child ended by itself, with \(process.terminationStatus)")
    }
    // Whatever follows the last line's end was cut.
    return String(decoding: text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
      .dropLast().map(String.init)
  }

  /// Beside the tests, where SwiftPM puts it.
  private static var executable: URL {
    #if os(macOS)
      let tests = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL ?? Bundle.main.bundleURL
    #else
      let tests = URL(fileURLWithPath: CommandLine.arguments[0])
    #endif
    return tests.deletingLastPathComponent().appendingPathComponent("CaseplanCrashChild")
  }
}
