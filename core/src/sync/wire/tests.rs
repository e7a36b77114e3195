//! Every message survives its bytes, and none is read from a part of them.

use super::*;
use crate::exchange::message::{DocumentHeader, SignedChange};
use crate::ids::{ChangeHash, DocumentId, ScopeId, uuid8};

fn header() -> DocumentHeader {
    DocumentHeader {
        scope: ScopeId(uuid8([4; 16])),
        kind: "contact_log".to_owned(),
        genesis: ChangeHash([5; 32]),
        name: vec![6; 22],
    }
}

fn samples() -> Vec<Wire> {
    let document = DocumentId(uuid8([3; 16]));
    let holding = Holding::from([([1; 24], (7, [2; 8]))]);
    let changes = (1..=3).map(|at| SignedChange {
        chunk: vec![at; 300],
        signature: [at; 64],
        certificate: [at / 2; 32],
    });
    vec![
        Wire::Hello { chain: vec![vec![1, 2]], signature: [3; 64], clock: -5 },
        Wire::Authority { vector: LogVector::from([([1; 16], (4, [7; 8]))]), cases: [9; 16] },
        Wire::Logs(vec![([8; 16], LogVector::new())]),
        Wire::SomeLogs(vec![([8; 16], LogVector::from([([1; 16], (4, [7; 8]))])); 2]),
        Wire::Records(vec![vec![1], vec![]]),
        Wire::SomeRecords(vec![vec![2], vec![3]]),
        Wire::UploadOnly,
        Wire::Scopes(None),
        Wire::Scopes(Some([1; 16])),
        Wire::Equal,
        Wire::Buckets(Vec::new()),
        Wire::Buckets(vec![[1; 16], [2; 16]]),
        Wire::Documents(vec![([1; 16], vec![([3; 16], [4; 16]); 3]), ([2; 16], Vec::new())]),
        Wire::Listed(Vec::new()),
        Wire::Listed(vec![0, 7, 4_095]),
        Wire::Vectors(vec![([1; 16], holding.clone()), ([2; 16], Holding::new())]),
        Wire::Late(vec![([5; 16], [6; 16], Holding::from([([1; 24], (3, [4; 8]))]))]),
        Wire::Lacks(Vec::new()),
        Wire::Lacks(vec![([6; 16], Holding::new())]),
        Wire::Asked,
        Wire::Coming { documents: 3, changes: 90 },
        Wire::Changes(Message::Changes { document, header: header(), changes: changes.collect() }),
        Wire::More {
            document,
            changes: vec![SignedChange { chunk: vec![7; 300], signature: [8; 64], certificate: [9; 32] }],
        },
        Wire::Snapshot(Message::Snapshot {
            document,
            header: header(),
            chunk: vec![1; 5_000],
            certificates: vec![[2; 32], [3; 32]],
            signatures: vec![(0, [3; 64]), (1, [4; 64])],
        }),
        Wire::Ack { document: [3; 16], held: holding },
        Wire::Sent,
        Wire::Notice(vec![([1; 32], "bad_signature".to_owned())]),
        Wire::BlobWant { scope: [1; 16], hash: [2; 32], offset: 3 },
        Wire::BlobPart { scope: [1; 16], hash: [2; 32], offset: 3, bytes: vec![4; 5] },
        Wire::Alive,
        Wire::Bye,
        Wire::Failed { reason: "protocol".to_owned(), retry_after: Some(60) },
    ]
}

#[test]
fn messages_survive_their_bytes_and_no_cut_one_is_read() {
    for wire in samples() {
        let (kind, body) = wire.encode();
        assert_eq!(Wire::decode(kind, &body), Ok(Some(wire.clone())));
        for length in 0..body.len() {
            assert_ne!(Wire::decode(kind, &body[..length]), Ok(Some(wire.clone())), "{wire:?}");
        }
    }
    assert_eq!(Wire::decode(99, &[]), Ok(None));
}

#[test]
fn equal_stores_need_no_more_than_64_bytes() {
    let bytes = |wire: Wire| wire.encode().1.len() + 1;
    // A message has three bytes of length, a frame two, and sixteen of authentication.
    let frames = 2 * (3 + 2 + 16);
    assert!(bytes(Wire::Scopes(Some([7; 16]))) + bytes(Wire::Equal) + frames <= 64);
}
