//! L1, L2, C1, M2, H1, H2: reading a contact log back, compacting it, and looking into its past.

use automerge::Automerge;
use caseplan_core::contact::Contact;
use caseplan_core::contact::fields::LogView;
use caseplan_core::document::layout::contact_log::CONTACTS;
use caseplan_core::document::layout::visitation_plan::PLAN;
use caseplan_core::document::{Document, Edit, FieldPath, Kind, Stamp};
use caseplan_core::ids::{Actor, CaseId, DeviceId};
use caseplan_core::storage::snapshots::StoredSnapshot;
use rusqlite::Connection;
use uuid::Uuid;

use crate::Places;
use crate::measure::{Line, heap, in_turn};
use crate::ours::{Log, Ours, draft, nobody};
use crate::plain::Plain;

const CONTACTS_IN_LOG: usize = 100;
/// Changes that wait before a log is compacted, at most.
const COMPACT_AT: usize = 32;

/// A log in a table, as it lies in a store: its snapshot and what came after.
struct Stored {
    log: Log,
    connection: Connection,
    snapshot: StoredSnapshot,
}

impl Stored {
    fn new(pending: usize) -> Self {
        let mut log = Log::with(CONTACTS_IN_LOG - pending);
        let snapshot = StoredSnapshot::of(&log.document.save()).unwrap();
        log.add(pending);
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE change (id INTEGER PRIMARY KEY, bytes BLOB)").unwrap();
        for chunk in log.stored(CONTACTS_IN_LOG - pending) {
            connection.execute("INSERT INTO change (bytes) VALUES (?1)", [chunk]).unwrap();
        }
        Self { log, connection, snapshot }
    }

    /// Inflates the snapshot, reads the changes after it, and loads both at once.
    fn load(&self) -> Document {
        let mut statement = self.connection.prepare_cached("SELECT bytes FROM change ORDER BY id").unwrap();
        let chunks = statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<Vec<_>>>();
        Document::load(Kind::ContactLog, &self.snapshot.chunk().unwrap(), &chunks.unwrap()).unwrap()
    }
}

/// How many changes can wait before the policy compacts: 32, or half the snapshot's bytes.
fn most_pending() -> usize {
    let log = Log::with(CONTACTS_IN_LOG);
    let mut pending = 0;
    let mut bytes = 0;
    for change in log.changes.iter().rev().take(COMPACT_AT - 1) {
        let fewer = Log::with(CONTACTS_IN_LOG - pending - 1);
        let snapshot = snapshot_bytes(&fewer.document.save()).len();
        bytes += change.stored.len();
        if bytes * 2 > snapshot {
            break;
        }
        pending += 1;
    }
    pending
}

pub fn l1(places: &Places) -> Vec<Line> {
    let folder = places.memory();
    let mut plain = Plain::open(&folder.path().join("plain.db"));
    let family = nobody();
    (0..CONTACTS_IN_LOG).for_each(|number| plain.record(&draft(&family, number), None));
    let most = most_pending();
    let mut lines = Vec::new();
    for pending in [0, most / 2, most] {
        let stored = Stored::new(pending);
        let pair = in_turn(
            60,
            || assert_eq!(stored.load().heads().len(), 1),
            || assert_eq!(plain.contacts_of(family.plan.as_bytes()).len(), CONTACTS_IN_LOG),
        );
        let what = format!("load 100 contacts, {pending} pending, beside SELECT");
        lines.push(Line::ratio("L1", what, pair.ratio(), 4.0, &pair.detail()));
    }
    let (full, compacted) = (Stored::new(most), Stored::new(0));
    let load = |stored: &Stored| assert_eq!(stored.load().heads().len(), 1);
    let pair = in_turn(60, || load(&full), || load(&compacted));
    let what = format!("load with {most} pending : compacted");
    lines.push(Line::ratio("L2", what, pair.ratio(), 1.5, &pair.detail()));
    let document = compacted.load();
    let pair = in_turn(40, || assert_eq!(contacts(&document).len(), CONTACTS_IN_LOG), || load(&compacted));
    lines.push(Line::note("L1", "reading its contacts : loading it", format!("{:.2}x", pair.ratio())));
    lines
}

fn contacts(document: &Document) -> Vec<Contact> {
    let view = document.view();
    let log = LogView::new(CaseId(Uuid::nil()), &view);
    view.keys(CONTACTS).iter().filter_map(|key| Some(log.contact(key.parse().ok()?)?.contact)).collect()
}

pub fn c1(_: &Places) -> Vec<Line> {
    let log = Log::with(CONTACTS_IN_LOG);
    let automerge = Automerge::load(&log.document.save()).unwrap();
    let pair = in_turn(
        60,
        || {
            StoredSnapshot::of(&log.document.save()).unwrap();
        },
        || {
            automerge.save();
        },
    );
    let size = snapshot_bytes(&log.document.save()).len() as f64 / automerge.save().len() as f64;
    let checked = in_turn(
        30,
        || {
            let snapshot = StoredSnapshot::of(&log.document.save()).unwrap();
            let back = Document::load(Kind::ContactLog, &snapshot.chunk().unwrap(), &[]).unwrap();
            assert_eq!(back.save(), log.document.save());
        },
        || {
            automerge.save();
        },
    );
    vec![
        Line::ratio("C1", "snapshot : automerge's save(), time", pair.ratio(), 0.5, &pair.detail()),
        Line::ratio("C1", "the same, bytes", size, 1.1, ""),
        Line::note("C1", "with loading it back and comparing", format!("{:.2}x", checked.ratio())),
    ]
}

/// A snapshot's bytes: format byte and deflated chunk.
pub fn snapshot_bytes(chunk: &[u8]) -> Vec<u8> {
    StoredSnapshot::of(chunk).unwrap().as_bytes().to_vec()
}

pub fn m2(_: &Places) -> Vec<Line> {
    let saved = Log::with(CONTACTS_IN_LOG).document.save();
    let (document, live, peak) = heap(|| Document::load(Kind::ContactLog, &saved, &[]).unwrap());
    let (_contacts, structs, _) = heap(|| contacts(&document));
    vec![
        Line::ratio(
            "M2",
            "heap of a loaded log : of Rust structs",
            live / structs,
            1.0,
            &kilobytes(live, structs),
        ),
        Line::ratio("M2", "peak while loading : live", peak / live, 5.0, &kilobytes(peak, live)),
    ]
}

pub fn kilobytes(one: f64, other: f64) -> String {
    format!("({:.0} : {:.0} KB)", one / 1024.0, other / 1024.0)
}

pub fn h(places: &Places) -> Vec<Line> {
    let mut plan = Document::new(Kind::VisitationPlan).unwrap();
    let actor = Actor::new(DeviceId(Uuid::new_v4()), [7; 8]);
    let mut past = Vec::new();
    for edition in 0..60 {
        let edits: Vec<Edit> =
            ["place", "purpose", "conditions", "transport", "start", "end", "methods", "mandate"]
                .iter()
                .map(|field| Edit::put(FieldPath::flat(PLAN, field), format!("{field} in edition {edition}")))
                .collect();
        let stamp = Stamp { code: "visitation_plan.change", command: None, actor, time: edition };
        plan.commit(&edits, stamp).unwrap();
        if edition == 30 {
            past = plan.heads();
        }
    }
    let pair = in_turn(
        300,
        || assert_eq!(plan.view_at(&past).fields(PLAN).fields.len(), 8),
        || assert_eq!(plan.view().fields(PLAN).fields.len(), 8),
    );
    let mut lines = vec![Line::ratio("H1", "plan at past heads : now", pair.ratio(), 2.1, &pair.detail())];

    let folder = places.memory();
    let ours = Ours::open(folder.path());
    let family = ours.family(0);
    ours.record(&family, 0, CONTACTS_IN_LOG);
    ours.store.compact(1).unwrap();
    let theirs = ours.store.exchange().vector().unwrap();
    ours.record(&family, CONTACTS_IN_LOG, 5);
    let stored = Stored::new(0);
    let before = ours.store.stats().documents_loaded;
    let pair = in_turn(
        100,
        || {
            let mut export = ours.store.exchange().export(Some(&theirs)).unwrap();
            while !export.next(64 * 1024).unwrap().is_empty() {}
        },
        || assert_eq!(stored.load().heads(), stored.log.document.heads()),
    );
    let loaded = ours.store.stats().documents_loaded - before;
    let what = format!("5 changed contacts since a vector ({loaded} documents loaded) : load");
    lines.push(Line::ratio("H2", what, pair.ratio(), 1.0, &pair.detail()));
    lines
}
