//! Two devices before they sync, ready to be measured: two stores in folders, and the same documents as automerge, loro
//! and yrs hold them.

use std::collections::BTreeMap;
use std::fs::{create_dir_all, read, write};
use std::path::Path;
use std::time::{Duration, Instant};

use automerge::Automerge;
use caseplan_core::identity::Role;
use caseplan_core::storage::snapshots::StoredSnapshot;
use caseplan_core::sync::Session;
use caseplan_core::sync::enrolment::Terms;
use loro::LoroDoc;
use yrs::Doc;

use crate::libraries::{Asking, Content, Merging, Talks, Traffic, content, exchange, in_loro, in_yrs};
use crate::measure::{copy, heap};
use crate::ours::Ours;

/// Contacts of each case from the start.
const CONTACTS: usize = 12;
/// What is measured: its folder's name, and how many visits the phone and the other device record apart, in how many
/// cases each.
pub const CASES: [(&str, usize, usize, usize); 6] = [
    ("first", 0, 0, 0),
    ("nothing", 0, 0, 0),
    ("one", 1, 0, 1),
    ("ten", 10, 10, 1),
    ("both", 100, 100, 1),
    ("spread", 10, 10, 10),
];
/// Who is measured.
pub const SIDES: [&str; 4] = ["ours", "automerge", "loro", "yrs"];

type Files = BTreeMap<[u8; 16], Vec<u8>>;

/// Makes a folder for each case, of so many families with three documents each.
pub fn prepare(folder: &Path, families: usize) {
    let base = folder.join("base");
    create_dir_all(base.join("phone")).unwrap();
    create_dir_all(base.join("other")).unwrap();
    let (phone, other) = both(&base);
    for number in 0..families {
        let family = other.family(number);
        other.record(&family, 0, CONTACTS);
    }
    take_in(&other, &phone);
    let saved = files(&other);
    closed(phone, other);
    copy(&base, &folder.join("first")).unwrap();
    let none: Files = saved.keys().map(|id| (*id, Vec::new())).collect();
    keep(&folder.join("first"), "automerge", &none, &saved);
    let written = |make: fn(&[u8], &Content) -> Vec<u8>| -> Files {
        saved.iter().map(|(id, file)| (*id, make(&[], &content(&Automerge::load(file).unwrap())))).collect()
    };
    let libraries: [(&str, fn(&[u8], &Content) -> Vec<u8>); 2] = [("loro", in_loro), ("yrs", in_yrs)];
    let started = libraries.map(|(name, make)| (name, make, written(make)));
    for (name, _, all) in &started {
        keep(&folder.join("first"), name, &none, all);
    }
    let (phone, other) = both(&base);
    Wire::between(&phone, &other).run();
    closed(phone, other);
    for (case, here, there, cases) in &CASES[1..] {
        let folder = folder.join(case);
        copy(&base, &folder).unwrap();
        let (phone, other) = both(&folder);
        let plans = other.store.visitation_plans().list(None).unwrap();
        for plan in plans.into_iter().take(*cases).map(|view| view.plan) {
            let family = Ours::family_of(plan);
            phone.record(&family, CONTACTS, *here);
            other.record(&family, CONTACTS + 500, *there);
        }
        let (ours, theirs) = (files(&phone), files(&other));
        closed(phone, other);
        keep(&folder, "automerge", &ours, &theirs);
        for (name, make, all) in &started {
            let with = |files: &Files| -> Files {
                all.iter()
                    .map(|(id, written)| match added(&saved[id], &files[id]) {
                        more if more.is_empty() => (*id, written.clone()),
                        more => (*id, make(written, &more)),
                    })
                    .collect()
            };
            keep(&folder, name, &with(&ours), &with(&theirs));
        }
    }
}

/// What a document says that it did not say before.
fn added(before: &[u8], now: &[u8]) -> Content {
    if before == now {
        return Content::new();
    }
    let read = |file: &[u8]| content(&Automerge::load(file).unwrap());
    let known = read(before);
    read(now).into_iter().filter(|entity| !known.contains(entity)).collect()
}

/// The other device takes the phone in, by QR code.
fn take_in(other: &Ours, phone: &Ours) {
    let terms = Terms { worker: "w-117".parse().unwrap(), roles: vec![Role::Caseworker], level: 1 };
    let invited = other.store.sync().invite_by_qr(terms, None).unwrap();
    let text = invited.qr().unwrap().unwrap();
    let mut joining = phone.store.sync().join(&text, "a new phone").unwrap();
    let mut taking = invited.take_in().unwrap();
    loop {
        if taking.feed(&joining.take(usize::MAX)).unwrap().is_some() {
            taking.accept().unwrap();
        }
        if joining.feed(&taking.take(usize::MAX)).unwrap() {
            return;
        }
    }
}

fn both(folder: &Path) -> (Ours, Ours) {
    (Ours::open(&folder.join("phone")), Ours::open(&folder.join("other")))
}

fn closed(phone: Ours, other: Ours) {
    [phone, other].into_iter().for_each(|side| side.store.close());
}

fn files(side: &Ours) -> Files {
    let mut files = Files::new();
    let taken = side.store.dump_documents(|document| {
        files.insert(*document.id.as_bytes(), document.file);
        Ok(())
    });
    taken.unwrap();
    files
}

fn keep(folder: &Path, library: &str, phone: &Files, other: &Files) {
    for (side, files) in [("phone", phone), ("other", other)] {
        let mut bytes = Vec::new();
        for file in files.values() {
            bytes.extend_from_slice(&u32::try_from(file.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(file);
        }
        write(folder.join(format!("{library}-{side}")), bytes).unwrap();
    }
}

fn kept(folder: &Path, library: &str, side: &str) -> Vec<Vec<u8>> {
    let bytes = read(folder.join(format!("{library}-{side}"))).unwrap();
    let (mut rest, mut files) = (bytes.as_slice(), Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (file, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        files.push(file.to_vec());
        rest = after;
    }
    files
}

/// The documents of one device as automerge holds them.
pub fn documents(folder: &Path, side: &str) -> Vec<Automerge> {
    kept(folder, "automerge", side).iter().map(|file| Merging::load(file).0).collect()
}

/// The bytes of those documents as a store keeps them.
pub fn snapshots(folder: &Path) -> usize {
    let files = kept(folder, "automerge", "other");
    files.iter().map(|file| StoredSnapshot::of(file).unwrap().as_bytes().len()).sum()
}

/// What an exchange took.
pub struct Measured {
    pub traffic: Traffic,
    pub time: Duration,
    /// The most bytes that were live on both sides on top of what was before, SQLite's included.
    pub peak: f64,
}

/// Measures one side's exchange in a folder; makes it ready, and does nothing, if told so.
pub fn measure(side: &str, folder: &Path, go: bool) -> Option<Measured> {
    match side {
        "ours" => {
            let (phone, other) = both(folder);
            let measured = go.then(|| taken(|| Wire::between(&phone, &other).run()));
            closed(phone, other);
            measured
        }
        "automerge" => theirs::<Merging>(side, folder, go),
        "loro" => theirs::<Asking<LoroDoc>>(side, folder, go),
        "yrs" => theirs::<Asking<Doc>>(side, folder, go),
        // What S5 is held against: one merge in memory.
        _ => {
            let (mut phone, mut other) = (documents(folder, "phone"), documents(folder, "other"));
            go.then(|| {
                taken(|| {
                    for (one, two) in phone.iter_mut().zip(&mut other) {
                        if one.get_heads() != two.get_heads() {
                            one.merge(two).unwrap();
                        }
                    }
                    Traffic::default()
                })
            })
        }
    }
}

fn theirs<T: Talks>(library: &str, folder: &Path, go: bool) -> Option<Measured> {
    let load = |side| kept(folder, library, side).iter().map(|file| T::load(file)).collect::<Vec<_>>();
    let (mut phone, mut other) = (load("phone"), load("other"));
    go.then(|| taken(|| exchange(&mut phone, &mut other)))
}

fn taken(work: impl FnOnce() -> Traffic) -> Measured {
    // Plain reads of counters.
    let (used, _) =
        unsafe { (rusqlite::ffi::sqlite3_memory_used(), rusqlite::ffi::sqlite3_memory_highwater(1)) };
    let since = Instant::now();
    let (traffic, _, peak) = heap(work);
    let time = since.elapsed();
    let most = unsafe { rusqlite::ffi::sqlite3_memory_highwater(0) };
    Measured { traffic, time, peak: peak + (most - used).max(0) as f64 }
}

/// A session of two stores and the bytes between them. The phone connects.
pub struct Wire<'a> {
    stores: [&'a Ours; 2],
    sides: [Session; 2],
    now: Duration,
}

impl<'a> Wire<'a> {
    pub fn between(phone: &'a Ours, other: &'a Ours) -> Self {
        let sides = [phone.store.sync().connect().unwrap(), other.store.sync().accept().unwrap()];
        Self { stores: [phone, other], sides, now: Duration::ZERO }
    }

    /// Carries everything until both are at rest; both hold the same then.
    pub fn run(&mut self) -> Traffic {
        let loaded =
            |stores: &[&Ours; 2]| stores.iter().map(|side| side.store.stats().documents_loaded).sum::<u64>();
        let before = loaded(&self.stores);
        let received = self.sides[1].progress().received;
        let mut traffic = Traffic::default();
        loop {
            let turns = traffic.turns;
            for from in [0, 1] {
                let mut said = 0;
                loop {
                    let bytes = self.sides[from].take(64 * 1024).unwrap();
                    if bytes.is_empty() {
                        break;
                    }
                    said += bytes.len();
                    self.sides[1 - from].feed(&bytes).unwrap();
                }
                traffic.bytes += said;
                traffic.turns += usize::from(said > 0);
                if traffic.until_sent == 0 && self.sides[1].progress().received > received {
                    traffic.until_sent = traffic.turns;
                }
            }
            if traffic.turns == turns {
                break;
            }
        }
        assert!(self.sides.iter().all(|side| side.is_at_rest() && side.report().equal));
        traffic.loaded = loaded(&self.stores) - before;
        traffic
    }

    /// Everything looked over once more in an open session, as happens after a quarter of an hour.
    pub fn look_over(&mut self) -> Traffic {
        // Both say every half a minute that they are alive, and lastly at the moment itself.
        for _ in 0..30 {
            self.now += Duration::from_secs(30);
            self.tick();
            self.run();
        }
        self.tick();
        self.run()
    }

    fn tick(&mut self) {
        self.sides.iter_mut().for_each(|side| side.tick(self.now).unwrap());
    }

    /// The phone records a visit while the session is open.
    pub fn record(&mut self) -> Traffic {
        let family = self.stores[0].first_family();
        self.stores[0].record(&family, CONTACTS + 200, 1);
        self.sides.iter_mut().for_each(|side| side.catch_up().unwrap());
        self.run()
    }
}
