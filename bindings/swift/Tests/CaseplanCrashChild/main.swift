// A process that records contacts until it is killed, and says each time that a call has returned.
//
//   CaseplanCrashChild FOLDER CASE
//
// Lines: `draft TEXT` for a saved draft that stays one, `contact TEXT` for a completed one.

import Caseplan
import Foundation

let folder = URL(fileURLWithPath: CommandLine.arguments[1])
guard let caseId = CaseId(CommandLine.arguments[2]) else { exit(64) }

let config = StoreConfig(file: folder.appendingPathComponent("caseplan.db"), worker: "w-117", zone: "Europe/Paris")
let store = try await Store.open(config, vaultFolder: folder.appendingPathComponent("keys"))

for number in 0... {
  let text = "\(ProcessInfo.processInfo.processIdentifier)-\(number)"
  var draft = try await store.contacts.startDraft(in: caseId, kind: .collateral)
  draft.narrative = text
  draft.outcome = .init(code: .attempted, reason: .other)
  try await store.contacts.saveDraft(draft)
  if number % 3 == 0 {
    acknowledge("draft \(text)")
  } else {
    _ = try await store.contacts.complete(draft.id)
    acknowledge("contact \(text)")
  }
}

/// One write, so that a kill cuts a line at most.
func acknowledge(_ line: String) {
  FileHandle.standardOutput.write(Data((line + "\n").utf8))
}
