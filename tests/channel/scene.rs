//! A phone and a hostile device that was taken in, for what a member says and writes who keeps no rule.
#![allow(dead_code, clippy::unwrap_used, reason = "shared with `fuzz/`; what a test itself makes is right")]

use caseplan_core::document::Kind;
use caseplan_core::document::chunk::{Limits, read_change};
use caseplan_core::exchange::ImportReport;
use caseplan_core::exchange::message::{Message, SignedChange};
use caseplan_core::sync::Session;

use crate::columns::{
    ACTION, Columns, INSERT, KEY, OBJECT_ACTOR, OBJECT_COUNTER, PREDECESSORS, Parted, VALUE, VALUE_META,
    number, run, text,
};
use crate::support::Device;
use crate::support::chunks::Parts;
use crate::support::hostile::{Hostile, Target, changes_of, documents_of, loaded};

/// The place of the container `more` in the genesis of a case.
const MORE: u64 = 4;

/// A phone with a case, its plan and visits; and a colleague's device that may write in all of it and is hostile.
pub struct Scene {
    pub phone: Device,
    pub hostile: Hostile,
    /// The documents, each with its changes.
    pub documents: Vec<(Target, Kind, Vec<SignedChange>)>,
}

impl Scene {
    pub fn new() -> Self {
        Self::of(true)
    }

    /// With or without a grant for the hostile device.
    pub fn of(granted: bool) -> Self {
        let phone = Device::new("phone", "w-117");
        let hostile = Hostile::taken_in_by(&phone);
        let (case, ana) = phone.lea("2026-0117");
        phone.saturdays(&case, &ana);
        phone.now("2026-03-15T16:30:00Z");
        for visit in phone.planned("2026-03-07", "2026-03-14") {
            phone.records(visit, "Léa ran to her mother.");
        }
        if granted {
            phone.meet(&hostile.device);
        }
        let kinds = [Kind::Case, Kind::VisitationPlan, Kind::ContactLog];
        let all = kinds.iter().flat_map(|kind| {
            documents_of(&phone, *kind).into_iter().map(|(target, changes)| (target, *kind, changes))
        });
        let documents = all.collect();
        Self { phone, hostile, documents }
    }

    /// A change of the hostile device's own, as this incarnation, that follows all of a document.
    pub fn change(&self, document: usize, incarnation: u64, rest: Vec<u8>) -> Parts {
        let newest = self.documents[document].2.last().unwrap();
        let header = read_change(&newest.chunk, &Limits::DEFAULT).unwrap();
        let mut actor = self.hostile.actor(1).0.to_vec();
        actor[16..].copy_from_slice(&incarnation.to_be_bytes());
        Parts {
            deps: vec![header.hash.0],
            actor,
            seq: 1,
            start_op: header.max_op() + 1,
            time: 1_772_000_000,
            message: b"x".to_vec(),
            rest,
        }
    }

    /// Changes of the case, one by each incarnation.
    pub fn changes(&self, count: u64, rest: &[u8]) -> Message {
        let target = &self.documents[0].0;
        let changes = (1..=count).map(|incarnation| self.change(0, incarnation, rest.to_vec()).chunk());
        changes_of(target, changes.map(|chunk| self.hostile.signs(target, chunk)).collect())
    }

    /// The case as a whole document, with its signatures and those of what is added to it.
    pub fn whole(&self, added: &[Vec<u8>]) -> Message {
        let (target, kind, changes) = &self.documents[0];
        let added = added.iter().map(|chunk| self.hostile.signs(target, chunk.clone()));
        let mut all: Vec<_> = changes.iter().cloned().chain(added).collect();
        let chunk = loaded(*kind, &all).save_nocompress();
        all.sort_by_key(|change| {
            let header = read_change(&change.chunk, &Limits::DEFAULT).unwrap();
            (header.max_op(), header.actor)
        });
        let mut certificates: Vec<[u8; 32]> = all.iter().map(|change| change.certificate).collect();
        certificates.sort_unstable();
        certificates.dedup();
        let place = |change: &SignedChange| certificates.binary_search(&change.certificate).unwrap() as u64;
        let signatures = all.iter().map(|change| (place(change), change.signature)).collect();
        Message::Snapshot {
            document: target.id,
            header: target.header.clone(),
            chunk,
            certificates,
            signatures,
        }
    }

    pub fn takes(&self, bytes: &[u8]) -> ImportReport {
        let mut import = self.phone.store.exchange().import().unwrap();
        import.feed(&self.hostile.hello().encode()).unwrap();
        let _ = import.feed(bytes);
        import.finish()
    }

    pub fn sends(&self, message: Message) -> ImportReport {
        let bytes = message.encode();
        self.takes(&bytes)
    }
}

/// Puts texts of so many bytes, or nothing, under one key, so many times; none is read as another's successor.
pub fn puts(key: &[u8], count: i64, length: usize) -> Parted {
    let kind = if length > 0 { 6 } else { 0 };
    let mut columns: Columns = vec![
        (OBJECT_ACTOR, run(count, &number(1))),
        (OBJECT_COUNTER, run(count, &number(MORE))),
        (KEY, run(count, &text(key))),
        (INSERT, number(count as u64)),
        (ACTION, run(count, &number(1))),
        (VALUE_META, run(count, &number((length as u64) << 4 | kind))),
        (VALUE, (0..count as usize * length).map(|at| b'a' + (at / 3 % 26) as u8).collect()),
        (PREDECESSORS, run(count, &number(0))),
    ];
    columns.retain(|(_, data)| !data.is_empty());
    Parted::operations(&[[0; 24]], columns)
}

/// A session of the phone, and one of the hostile device with it.
pub fn begin(scene: &Scene, turned: bool) -> (Session, Session) {
    let (phone, hostile) = (&scene.phone.store, &scene.hostile.device.store);
    match turned {
        true => (phone.sync().connect().unwrap(), hostile.sync().accept().unwrap()),
        false => (phone.sync().accept().unwrap(), hostile.sync().connect().unwrap()),
    }
}

/// Carries what there is; true if there was anything.
pub fn carry(from: &mut Session, to: &mut Session) -> bool {
    let bytes = from.take(usize::MAX).unwrap_or_default();
    let _ = to.feed(&bytes);
    !bytes.is_empty()
}
