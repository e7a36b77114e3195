// One store, one due list: Swift says of the store that the Rust tests leave what the core and the command line say.

import Caseplan
import Foundation
import Testing

@Suite struct ParityTests {
  @Test func theDueListIsTheCommandLines() async throws {
    let shared = try #require(
      ProcessInfo.processInfo.environment["CASEPLAN_PARITY"],
      "CASEPLAN_PARITY names the folder that the Rust test `parity` fills; ./test sets it")
    let from = URL(fileURLWithPath: shared)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["caseplan.db", "caseplan.db.keys"] {
      try FileManager.default.copyItem(
        at: from.appendingPathComponent(name), to: folder.appendingPathComponent(name))
    }
    let store = try await Store.open(
      .init(file: folder.appendingPathComponent("caseplan.db"), worker: "w-117", zone: Zone("Europe/Paris")),
      vaultFolder: folder.appendingPathComponent("caseplan.db.keys"))
    let days = try #require(Day("2026-03-16"))...(try #require(Day("2026-04-12")))
    let said = try await store.visitationPlans.due(in: days).map(line)
    await store.close()
    let expected = try String(contentsOf: from.appendingPathComponent("due.txt"), encoding: .utf8)
    #expect(said == expected.split(separator: "\n").map(String.init))
  }

  /// A due visit as one line: the same in Rust, Kotlin and Swift.
  private func line(_ visit: DueVisit) -> String {
    switch visit {
    case .occurrence(
      let occurrence, _, let startsAt, let local, _, let minutes, let place, let toVisit, let visitors, _,
      let contacts, _):
      return [
        "occurrence", "\(occurrence.plan)", "\(occurrence.schedule)", "\(occurrence.day)",
        "\(Int(startsAt.timeIntervalSince1970))", String("\(local)".prefix(16)), "\(minutes ?? 0)", place ?? "",
        toVisit.joined(separator: ","), visitors.joined(separator: ","),
        contacts.map(\.description).joined(separator: ","),
      ].joined(separator: "|")
    case .quota(let plan, _, let from, let to, let planned, let done, let toVisit, let visitors):
      return [
        "quota", "\(plan)", "\(from)", "\(to)", "\(planned)", "\(done)", toVisit.joined(separator: ","),
        visitors.joined(separator: ","),
      ].joined(separator: "|")
    }
  }
}
