//! One change for each reason of a refusal that its bytes, actor, signature or place give.

use automerge::transaction::Transactable;
use automerge::{ObjType, ROOT, ReadDoc};
use caseplan_core::document::Kind;
use caseplan_core::exchange::Refusal;
use caseplan_core::exchange::message::{DocumentHeader, Message, SignedChange};
use caseplan_core::identity::founding::Header;
use caseplan_core::ids::{Actor, ChangeHash, DocumentId, ScopeId, uuid8};

use crate::support::chunks::{Parts, body, hash_of, push, sealed};
use crate::support::hostile::{
    Hostile, Target, changes_of, document_of, documents_of, empty, loaded, reasons, state,
};
use crate::support::{Device, new_case};

/// A phone with Léa's case, a hostile colleague, the case's document, and its changes.
pub fn attacked() -> (Device, Hostile, Target, Vec<SignedChange>) {
    let phone = Device::new("phone", "w-117");
    let hostile = Hostile::enrolled_by(&phone);
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    let (target, changes) = document_of(&phone, Kind::Case);
    (phone, hostile, target, changes)
}

/// A change that sets the case's team: harmless in itself.
pub fn harmless(hostile: &Hostile, changes: &[SignedChange], team: &str) -> Vec<u8> {
    hostile.writes(&loaded(Kind::Case, changes), |tx| {
        let (_, case) = tx.get(ROOT, "case").unwrap().unwrap();
        tx.put(&case, "team", team).unwrap();
    })
}

/// Sends one change, which must be refused so, and leave everything as it was.
pub fn refuses(phone: &Device, hostile: &Hostile, target: &Target, change: SignedChange, why: &Refusal) {
    let before = (state(phone), phone.store.exchange().digest().unwrap());
    let report = hostile.sends(phone, target, vec![change]);
    assert_eq!(reasons(&report), std::slice::from_ref(why));
    assert_eq!((report.received, report.accepted, report.complete), (1, 0, true));
    assert!((state(phone), phone.store.exchange().digest().unwrap()) == before, "{why}");
    let listed = phone.store.exchange().quarantine().unwrap();
    assert!(listed.iter().any(|held| held.reason == *why), "{listed:?}");
}

#[test]
fn a_harmless_change_of_the_same_make_goes_in() {
    let (phone, hostile, target, changes) = attacked();
    let chunk = harmless(&hostile, &changes, "north");
    assert_eq!(Parts::read(&chunk).chunk(), chunk, "the crafting changes nothing by itself");
    let report = hostile.sends(&phone, &target, vec![hostile.signs(&target, chunk)]);
    assert_eq!((report.accepted, reasons(&report)), (1, Vec::new()));
}

#[test]
fn bytes_that_are_no_change_are_malformed() {
    let (phone, hostile, target, changes) = attacked();
    let chunk = harmless(&hostile, &changes, "north");
    let good = Parts::read(&chunk);
    let mut wrong_checksum = chunk.clone();
    wrong_checksum[4] ^= 1;
    let mut wrong_magic = chunk.clone();
    wrong_magic[0] ^= 1;
    let bad = [
        Vec::new(),
        chunk[..chunk.len() - 1].to_vec(),
        [chunk.as_slice(), &[0]].concat(),
        [chunk.as_slice(), &chunk].concat(),
        wrong_checksum,
        wrong_magic,
        Parts { seq: 0, ..good.clone() }.chunk(),
        Parts { start_op: 0, ..good.clone() }.chunk(),
        Parts { start_op: 1 << 32, ..good.clone() }.chunk(),
        Parts { seq: u64::MAX, ..good.clone() }.chunk(),
        Parts { actor: good.actor[..23].to_vec(), ..good.clone() }.chunk(),
        Parts { message: vec![0xff], ..good.clone() }.chunk(),
        Parts { rest: [good.rest.as_slice(), b"more"].concat(), ..good.clone() }.chunk(),
        Parts { rest: vec![0, 0], ..good }.chunk(),
    ];
    for chunk in bad {
        refuses(&phone, &hostile, &target, hostile.signs(&target, chunk), &Refusal::Malformed);
    }
}

#[test]
fn what_is_over_a_limit_is_refused_before_it_is_read_further() {
    let (phone, hostile, target, changes) = attacked();
    let good = Parts::read(&harmless(&hostile, &changes, "north"));
    let document = loaded(Kind::Case, &changes);
    let many = hostile.writes(&document, |tx| {
        let (_, case) = tx.get(ROOT, "case").unwrap().unwrap();
        (0..10_001).for_each(|at| tx.put(&case, format!("{at}"), at).unwrap());
    });
    // Ten million operations in a few bytes: every column is a run.
    let mut rest = vec![0];
    let mut run = Vec::new();
    push(&mut run, 10_000_000);
    run.push(1);
    push(&mut rest, 1);
    push(&mut rest, 0x42);
    push(&mut rest, run.len() as u64);
    rest.extend(&run);
    let big = hostile.writes(&document, |tx| {
        let (_, case) = tx.get(ROOT, "case").unwrap().unwrap();
        tx.put(&case, "team", "x".repeat(256 * 1024)).unwrap();
    });
    let over = [
        Parts { message: vec![b'x'; 129], ..good.clone() }.chunk(),
        Parts { deps: (0..1_025).map(|at| [at as u8; 32]).collect(), ..good.clone() }.chunk(),
        Parts { rest, ..good }.chunk(),
        many,
        big,
    ];
    for chunk in over {
        refuses(&phone, &hostile, &target, hostile.signs(&target, chunk), &Refusal::OverLimit);
    }
}

#[test]
fn compressed_chunks_and_columns_bundles_and_documents_are_the_wrong_type() {
    let (phone, hostile, target, changes) = attacked();
    let document = loaded(Kind::Case, &changes);
    let chunk = hostile.writes(&document, |tx| {
        let (_, case) = tx.get(ROOT, "case").unwrap().unwrap();
        tx.put(&case, "team", "x".repeat(2_000)).unwrap();
    });
    let compressed = automerge::Change::from_bytes(chunk.clone()).unwrap().bytes().to_vec();
    assert_eq!(compressed[8], 2, "the engine would deflate it");
    let good = Parts::read(&harmless(&hostile, &changes, "north"));
    // Count of other actors, count of columns, first column.
    let mut rest = good.rest.clone();
    assert_eq!(rest[0], 1, "one other actor");
    rest[3 + 24] |= 0b1000;
    let wrong = [
        compressed,
        document.save_nocompress(),
        document.save(),
        sealed(3, &body(&chunk)),
        sealed(4, &body(&chunk)),
        Parts { rest, ..good }.chunk(),
    ];
    for (at, chunk) in wrong.into_iter().enumerate() {
        let before = state(&phone);
        let report = hostile.sends(&phone, &target, vec![hostile.signs(&target, chunk)]);
        assert_eq!(reasons(&report), [Refusal::WrongType], "{at}");
        assert!(state(&phone) == before);
    }
}

#[test]
fn an_actor_that_is_not_its_signers_is_refused_the_genesis_actor_too() {
    let (phone, hostile, target, changes) = attacked();
    let document = loaded(Kind::Case, &changes);
    let victim = Actor::from_slice(&Parts::read(&changes[0].chunk).actor).unwrap();
    for actor in [victim, Actor::GENESIS, Actor([7; 24])] {
        let chunk = hostile.writes_as(actor, &document, |tx| {
            let (_, case) = tx.get(ROOT, "case").unwrap().unwrap();
            tx.put(&case, "team", "theirs").unwrap();
        });
        refuses(&phone, &hostile, &target, hostile.signs(&target, chunk), &Refusal::WrongActor);
    }
    phone.store.cases().create(&new_case("2026-2", "Hugo Petit")).unwrap();
}

#[test]
fn a_signature_counts_for_one_change_in_one_place() {
    let (phone, hostile, target, changes) = attacked();
    let chunk = harmless(&hostile, &changes, "north");
    let mut flipped = hostile.signs(&target, chunk.clone());
    flipped.signature[0] ^= 1;
    refuses(&phone, &hostile, &target, flipped, &Refusal::BadSignature);
    let zeros = SignedChange { signature: [0; 64], ..hostile.signs(&target, chunk.clone()) };
    refuses(&phone, &hostile, &target, zeros, &Refusal::BadSignature);
    let elsewhere = Target {
        id: target.id,
        header: DocumentHeader { scope: ScopeId(uuid8([9; 16])), ..target.header.clone() },
    };
    let other_scope = hostile.signs(&elsewhere, chunk);
    refuses(&phone, &hostile, &target, other_scope, &Refusal::BadSignature);

    // All cases share a genesis: the first change of one would apply cleanly in another.
    phone.store.cases().create(&new_case("2026-2", "Hugo Petit")).unwrap();
    let others = documents_of(&phone, Kind::Case);
    let (sibling, _) = others.iter().find(|(other, _)| other.id != target.id).unwrap();
    let mut document = empty(Kind::Case);
    document.apply_changes([automerge::Change::from_bytes(changes[0].chunk.clone()).unwrap()]).unwrap();
    refuses(&phone, &hostile, sibling, changes[0].clone(), &Refusal::BadSignature);
}

#[test]
fn a_header_is_what_its_documents_id_is_the_hash_of() {
    let (phone, hostile, target, changes) = attacked();
    let chunk = harmless(&hostile, &changes, "north");
    let wrong = [
        DocumentHeader { name: vec![1; 16], ..target.header.clone() },
        DocumentHeader { genesis: ChangeHash([1; 32]), ..target.header.clone() },
        DocumentHeader { kind: Kind::ContactLog.code().to_owned(), ..target.header.clone() },
        DocumentHeader { scope: ScopeId(uuid8([9; 16])), ..target.header.clone() },
    ];
    let before = state(&phone);
    for header in wrong {
        let forged = Target { id: target.id, header: header.clone() };
        let change = hostile.signs(&forged, chunk.clone());
        assert_eq!(reasons(&hostile.sends(&phone, &forged, vec![change])), [Refusal::BadHeader]);
        // With the id that fits, it is a document of a genesis or a scope that is not known here.
        if header.kind == target.header.kind && header.name == target.header.name {
            let id = id_of(&header);
            let forged = Target { id, header };
            let change = hostile.signs(&forged, chunk.clone());
            let report = hostile.sends(&phone, &forged, vec![change]);
            assert!(matches!(reasons(&report)[..], [Refusal::BadHeader | Refusal::UnknownScope]));
        }
    }
    assert!(state(&phone) == before);
    assert_eq!(phone.store.info().unwrap().documents, 2);
}

#[test]
fn a_scope_that_its_founder_did_not_sign_is_unknown() {
    let (phone, hostile, _, _) = attacked();
    let tablet = phone.enrol("tablet", "w-204");
    phone.store.cases().create(&new_case("2026-2", "Hugo Petit")).unwrap();
    let before = tablet.rows();
    let mut messages = crate::support::hostile::messages(&phone);
    for message in &mut messages {
        if let Message::Scope { signature, .. } = message {
            signature[5] ^= 1;
        }
    }
    messages.retain(|message| !matches!(message, Message::Hello { .. } | Message::End));
    let report = hostile.says(&tablet, messages);
    assert_eq!(report.accepted, 0);
    assert!(report.received > 0);
    assert!(reasons(&report).iter().all(|reason| *reason == Refusal::UnknownScope), "{report:?}");
    assert_eq!(tablet.rows(), before);
    phone.meet(&tablet);
    assert_eq!(tablet.rows(), phone.rows(), "the true ones are taken afterwards");
}

#[test]
fn a_document_of_a_kind_that_comes_later_is_kept_passed_on_and_not_shown() {
    let (phone, hostile, target, _) = attacked();
    let tablet = phone.enrol("tablet", "w-204");
    phone.meet(&tablet);
    let header = DocumentHeader { kind: "assessment".to_owned(), name: vec![3; 16], ..target.header };
    let newer = Target { id: id_of(&header), header };
    let chunk = hostile.writes(&empty(Kind::Case), |tx| {
        tx.put_object(ROOT, "assessment", ObjType::Map).unwrap();
    });
    let rows = phone.rows();
    let report = hostile.sends(&phone, &newer, vec![hostile.signs(&newer, chunk.clone())]);
    assert_eq!(reasons(&report), [Refusal::NewerKind]);
    assert_eq!(phone.rows(), rows);
    phone.meet(&tablet);
    assert_eq!(phone.store.exchange().digest().unwrap(), tablet.store.exchange().digest().unwrap());
    let held = tablet.store.exchange().quarantine().unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].document, held[0].hash), (Some(newer.id), hash_of(&chunk)));
    let again = hostile.says(&tablet, vec![changes_of(&newer, vec![hostile.signs(&newer, chunk.clone())])]);
    assert_eq!((again.known, reasons(&again)), (1, Vec::new()));
    // And where it comes whole, as a long one does.
    let mut document = empty(Kind::Case);
    let mut chunks = vec![chunk.clone()];
    document.load_incremental(&chunk).unwrap();
    for day in 1..10 {
        let chunk = hostile.writes(&document, |tx| tx.put(ROOT, "day", day).unwrap());
        document.load_incremental(&chunk).unwrap();
        chunks.push(chunk);
    }
    let signatures = chunks.iter().map(|chunk| (0, hostile.signs(&newer, chunk.clone()).signature)).collect();
    let whole = Message::Snapshot {
        document: newer.id,
        header: newer.header.clone(),
        chunk: document.save(),
        certificates: vec![hostile.certificate],
        signatures,
    };
    let report = hostile.says(&tablet, vec![whole]);
    assert_eq!((report.known, reasons(&report)), (1, vec![Refusal::NewerKind; 9]));
    phone.meet(&tablet);
    assert_eq!(phone.store.exchange().quarantine().unwrap().len(), 10);
    assert!(tablet.store.verify(|_| {}, &Default::default()).unwrap().is_sound());
}

#[test]
fn a_whole_document_is_not_loaded_unless_each_of_its_changes_is_signed() {
    let (phone, hostile, target, _) = attacked();
    // The genesis is not that of the document: whoever loads it finds out.
    let header = DocumentHeader { genesis: Kind::ContactLog.genesis_hash(), ..target.header };
    let mut document = empty(Kind::Case);
    for day in 0..3 {
        let (_, container) = document.get(ROOT, "case").unwrap().unwrap();
        let chunk = hostile.writes(&document, |tx| tx.put(&container, "day", day).unwrap());
        document.load_incremental(&chunk).unwrap();
    }
    for signed in [0, 2, 3, 4] {
        let reason = if signed == 3 { Refusal::Malformed } else { Refusal::BadSignature };
        let whole = Message::Snapshot {
            document: target.id,
            header: header.clone(),
            chunk: document.save(),
            certificates: vec![hostile.certificate],
            signatures: vec![(0, [0; 64]); signed],
        };
        assert_eq!(reasons(&hostile.says(&phone, vec![whole])), [reason], "{signed}");
    }
}

fn id_of(header: &DocumentHeader) -> DocumentId {
    Header {
        scope: header.scope,
        kind: header.kind.clone(),
        genesis: header.genesis,
        name: header.name.clone(),
    }
    .document_id()
}
