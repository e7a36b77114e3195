// Loads documents with the official library, compares every value and conflict with what the core reads, and writes
// one edit. Called by tests/truth.rs with a folder: <name>.automerge, <name>.json, edit.json; writes edit.change.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deepStrictEqual } from "node:assert";
import * as A from "@automerge/automerge";

const folder = process.argv[2];

// A scalar string reads as an ImmutableString, a text object as a string: both mean the text.
const plain = (value) => (A.isImmutableString(value) ? value.toString() : value);
const isMap = (value) =>
  typeof value === "object" && value !== null && !A.isImmutableString(value) && !(value instanceof Date);

function fields(map, prefix = "") {
  const found = {};
  for (const key of Object.keys(map)) {
    if (isMap(map[key])) {
      Object.assign(found, fields(map[key], `${prefix}${key}/`));
      continue;
    }
    const rivals = Object.values(A.getConflicts(map, key) ?? {}).map(plain);
    const differ = rivals.some((rival) => rival !== plain(map[key]));
    found[prefix + key] = { value: plain(map[key]), rivals: differ ? rivals.sort() : [] };
  }
  return found;
}

let compared = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith(".automerge"))) {
  const doc = A.load(readFileSync(join(folder, file)));
  const expected = JSON.parse(readFileSync(join(folder, file.replace(".automerge", ".json")), "utf8"));
  const found = {};
  for (const container of Object.keys(doc)) found[container] = fields(doc[container]);
  deepStrictEqual(found, expected, file);
  compared += Object.values(found).reduce((sum, container) => sum + Object.keys(container).length, 0);
}

const edit = JSON.parse(readFileSync(join(folder, "edit.json"), "utf8"));
let doc = A.load(readFileSync(join(folder, edit.file)), { actor: edit.actor });
doc = A.change(doc, { message: edit.message, time: edit.time }, (draft) => {
  draft[edit.container][edit.field] = edit.value;
});
writeFileSync(join(folder, "edit.change"), A.getLastLocalChange(doc));
console.log(`${compared} fields compared`);
