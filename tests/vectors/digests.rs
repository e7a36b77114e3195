//! Digests over what is held: of documents, with a known fork among their entries, of scopes, and of all.

use std::collections::BTreeMap;

use caseplan_core::storage::vectors::VectorEntry;
use caseplan_core::sync::digest::{Held, HeldDocument, HeldScope, of_document, of_scope};
use serde_json::{Value, json};

use crate::fixed::{compare, counting, hex};

fn entries() -> [VectorEntry; 3] {
    let entry = |from: u8, seq, branches| VectorEntry {
        actor: counting(from),
        seq,
        hash: counting(from.wrapping_add(24)),
        branches,
        top: seq,
        loose: false,
    };
    // The last one has nothing in common: two first changes.
    let nothing_common = VectorEntry { hash: [0; 32], ..entry(0x60, 0, vec![counting(1), counting(2)]) };
    [entry(0, 7, vec![]), entry(0x40, 300, vec![counting(0x70), counting(0x90)]), nothing_common]
}

fn described(entry: &VectorEntry) -> Value {
    json!({
        "actor": hex(&entry.actor),
        "seq": entry.seq,
        "hash": hex(&entry.hash),
        "branches": entry.branches.iter().map(|branch| hex(branch)).collect::<Vec<_>>(),
        "mark": hex(&entry.mark()),
    })
}

#[test]
fn digests_are_those_of_the_file() {
    let entries = entries();
    let mut held = Held(BTreeMap::new());
    let mut scopes = Vec::new();
    for (scope, documents) in
        [(0x10, vec![(0x20, &entries[..1]), (0x30, &entries[..])]), (0x50, vec![(0x60, &entries[1..2])])]
    {
        let mut in_scope = HeldScope::new();
        let mut said = Vec::new();
        for (id, vector) in documents {
            let (id, digest) = (counting(id), of_document(&counting(id), vector));
            in_scope.insert(id, HeldDocument { row: 1, digest });
            said.push(json!({
                "document_id": hex(&id),
                "vector": vector.iter().map(described).collect::<Vec<_>>(),
                "digest": hex(&digest),
            }));
        }
        scopes.push(json!({
            "scope_id": hex(&counting::<16>(scope)),
            "documents": said,
            "digest": hex(&of_scope(&in_scope)),
        }));
        held.0.insert(counting(scope), in_scope);
    }
    let buckets = held.buckets(8).iter().map(|digest| hex(digest)).collect::<Vec<_>>();
    let root = hex(&held.root().unwrap());
    compare("digests.json", &json!({ "scopes": scopes, "buckets": buckets, "root": root }));
}
