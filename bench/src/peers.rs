//! W4: recording a visit in other CRDT libraries, with the same tables beside in the same transaction.

use loro::{ExportMode, LoroDoc, LoroMap};
use uuid::Uuid;
use yrs::{Map, MapPrelim, ReadTxn, Transact};

use caseplan_core::contact::ContactDraft;

use crate::Places;
use crate::measure::{Line, in_turn};
use crate::ours::draft;
use crate::plain::Plain;
use crate::writes::prepared;

/// A contact's ten scalars and narrative, as every library gets them.
fn scalars(draft: &ContactDraft) -> Vec<(&'static str, String)> {
    let time = draft.time.as_ref().unwrap();
    let code = |code: Option<&str>| code.unwrap_or_default().to_owned();
    vec![
        ("kind", draft.kind.code().to_owned()),
        ("outcome", code(draft.outcome.as_ref().map(|outcome| outcome.code.code()))),
        ("day", time.day.to_string()),
        ("start", time.start.unwrap().timestamp().to_string()),
        ("end", time.end.unwrap().timestamp().to_string()),
        ("zone", time.zone.name().to_owned()),
        ("method", code(draft.method.as_ref().map(|method| method.code()))),
        ("place", code(draft.place.as_deref())),
        ("purposes", draft.purposes.join("|")),
        ("conducted_by", draft.conducted_by.as_ref().unwrap().key()),
        ("narrative", draft.narrative.clone()),
    ]
}

fn attendance(draft: &ContactDraft) -> Vec<(String, String)> {
    let how = |there: &caseplan_core::contact::Attendance| {
        format!("{} {}", there.status, there.minutes_late.unwrap_or_default())
    };
    draft.attendance.iter().map(|there| (there.party.key(), how(there))).collect()
}

struct Loro {
    document: LoroDoc,
    plain: Plain,
}

impl Loro {
    fn record(&mut self, draft: &ContactDraft) {
        let before = self.document.oplog_vv();
        let contacts = self.document.get_map("contacts");
        let contact = contacts.insert_container(&Uuid::new_v4().to_string(), LoroMap::new()).unwrap();
        for (field, value) in scalars(draft) {
            contact.insert(field, value).unwrap();
        }
        let there = contact.insert_container("attendance", LoroMap::new()).unwrap();
        for (party, how) in attendance(draft) {
            there.insert(&party, how).unwrap();
        }
        self.document.commit();
        let update = self.document.export(ExportMode::updates(&before)).unwrap();
        self.plain.record(draft, Some(&update));
    }
}

struct Yrs {
    document: yrs::Doc,
    contacts: yrs::MapRef,
    plain: Plain,
}

impl Yrs {
    fn record(&mut self, draft: &ContactDraft) {
        let mut tx = self.document.transact_mut();
        let before = tx.state_vector();
        let contact = MapPrelim::from_iter(scalars(draft));
        let contact = self.contacts.insert(&mut tx, Uuid::new_v4().to_string(), contact);
        contact.insert(&mut tx, "attendance", MapPrelim::from_iter(attendance(draft)));
        let update = tx.encode_state_as_update_v1(&before);
        drop(tx);
        self.plain.record(draft, Some(&update));
    }
}

pub fn w4(places: &Places) -> Vec<Line> {
    let mut lines = Vec::new();
    for contacts in [100, 1_000] {
        let folder = places.memory();
        let (ours, family) = prepared(folder.path(), contacts);
        let mut loro = Loro { document: LoroDoc::new(), plain: Plain::open(&folder.path().join("loro.db")) };
        let document = yrs::Doc::new();
        let map = document.get_or_insert_map("contacts");
        let mut yrs = Yrs { document, contacts: map, plain: Plain::open(&folder.path().join("yrs.db")) };
        for number in 0..contacts {
            loro.record(&draft(&family, number));
            yrs.record(&draft(&family, number));
        }
        let (mut next, mut other, mut third) = (contacts, contacts, contacts);
        let mut record = || {
            ours.record(&family, next, 1);
            next += 1;
        };
        let pair = in_turn(300, &mut record, || {
            loro.record(&draft(&family, other));
            other += 1;
        });
        let what = format!("visit, no sync to wait for, {contacts} contacts : loro");
        lines.push(Line::ratio("W4", what, pair.ratio(), 1.5, &pair.detail()));
        let pair = in_turn(300, &mut record, || {
            yrs.record(&draft(&family, third));
            third += 1;
        });
        let what = format!("the same : yrs, {contacts} contacts");
        lines.push(Line::note("W4", what, format!("{:.2}x {}", pair.ratio(), pair.detail())));
    }
    lines
}
