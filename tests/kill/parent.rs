//! The parent: starts a child, kills it with SIGKILL, and remembers what it had acknowledged.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use caseplan_core::Store;
use caseplan_core::case::Case;
use caseplan_core::contact::Contact;
use caseplan_core::exchange::{CancelToken, Export, ImportReport};
use caseplan_core::identity::Role;
use caseplan_core::visitation::PartyRef;
use tempfile::TempDir;

use super::child::{self, Home, any_case};
use crate::support::say::say;
use crate::support::{new_case, scratch, weekly};

/// How often a test kills.
pub fn kills(normally: u64) -> u64 {
    std::env::var("CASEPLAN_KILLS").map_or(normally, |text| text.parse().unwrap())
}

/// When to kill: anywhere within a span or a count, evenly, the same in every run.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    pub fn millis(&mut self, below: u64) -> Duration {
        Duration::from_micros(self.below(below * 1000))
    }
}

/// Kills children while they open a store: sooner after one that had opened it, later after one that had not.
pub struct Opening {
    chance: Chance,
    most: u64,
    within: u64,
}

impl Opening {
    pub fn new(seed: u64) -> Self {
        Self { chance: Chance::new(seed), most: 20_000, within: 0 }
    }

    pub fn kill(&mut self, home: &Home) {
        let span = Duration::from_micros(self.chance.below(self.most));
        let opened = run(home, "open", ("begins", 1), span).of("opened").next().is_some();
        self.most = if opened { self.most * 3 / 4 } else { self.most * 4 / 3 };
        self.within += u64::from(!opened);
    }

    /// Says how many kills came while a store was being opened.
    pub fn end(self, what: &str, normally: u64) {
        say(format_args!("{what}: {} kills, {} while it was opened", kills(normally), self.within));
        assert!(self.within > 0, "no kill came while a store was opened");
    }
}

/// What a child had acknowledged when it was killed: a word, and what it is about.
#[derive(Debug, Default)]
pub struct Acknowledged(pub Vec<(String, Vec<String>)>);

impl Acknowledged {
    /// What stands behind one word.
    pub fn of<'a>(&'a self, word: &'a str) -> impl DoubleEndedIterator<Item = &'a [String]> {
        self.0.iter().filter(move |(other, _)| other == word).map(|(_, rest)| rest.as_slice())
    }
}

/// Lets a child work for a while after it acknowledged something so many times, and kills it.
/// A child that says `whole` has nothing more of that kind to acknowledge.
pub fn run(home: &Home, work: &str, (begun, enough): (&'static str, u64), span: Duration) -> Acknowledged {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child::works_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
        .env(child::HOME, &home.0)
        .env("CASEPLAN_WORK", work)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let err = BufReader::new(child.stderr.take().unwrap());
    let (opened, wait) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let (mut all, mut times) = (Acknowledged::default(), 0);
        for line in out.lines().map_while(Result::ok) {
            let mut words = line.split(' ').map(str::to_owned);
            if words.next().as_deref() == Some("ack") {
                let word = words.next().unwrap();
                times += u64::from(begun == word);
                if times >= enough || word == "whole" {
                    let _ = opened.send(());
                }
                all.0.push((word, words.collect()));
            }
        }
        all
    });
    let errors = std::thread::spawn(move || err.lines().map_while(Result::ok).collect::<Vec<_>>());
    let in_time = wait.recv_timeout(Duration::from_secs(60)).is_ok();
    std::thread::sleep(span);
    child.kill().unwrap();
    child.wait().unwrap();
    let errors = errors.join().unwrap();
    assert!(errors.is_empty(), "the child failed by itself:\n{}", errors.join("\n"));
    assert!(in_time, "the child did not acknowledge {begun} {enough} times in a minute");
    reader.join().unwrap()
}

/// Opens the store of a child that was killed and finds all that was acknowledged; answers how much that was.
pub fn look(home: &Home, acknowledged: &Acknowledged) -> (Store, u64) {
    let store = home.open().unwrap();
    let report = store.verify(|_| {}, &CancelToken::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    let mut found = 0;
    for rest in acknowledged.of("draft") {
        let draft = store.contacts().draft(rest[0].parse().unwrap()).unwrap();
        // It may have been completed since: then it had been saved, and its text is looked for below.
        let saved = acknowledged.of("saved").any(|saved| saved[0] == rest[0]);
        assert!(draft.is_some() || saved, "draft {rest:?} is lost");
        found += 1;
    }
    for rest in acknowledged.of("saved") {
        let draft = store.contacts().draft(rest[0].parse().unwrap()).unwrap();
        let kept =
            draft.is_some_and(|draft| draft.narrative == rest[2] && draft.revision.to_string() >= rest[1]);
        assert!(
            kept || !store.contacts().search(&rest[2], None, 1).unwrap().is_empty(),
            "draft {rest:?} is lost"
        );
        found += 1;
    }
    for rest in acknowledged.of("contact") {
        assert_eq!(contact(&store, &rest[0]).narrative, rest[1]);
        found += 1;
    }
    for rest in acknowledged.of("amended") {
        let contact = contact(&store, &rest[0]);
        assert!(contact.addenda.iter().any(|addendum| addendum.text == rest[1]), "addendum {rest:?} is lost");
        assert_eq!(contact.place.as_ref(), Some(&rest[1]));
        found += 1;
    }
    if let Some(rest) = acknowledged.of("place").next_back() {
        let plan = store.visitation_plans().get(rest[0].parse().unwrap()).unwrap().unwrap().plan;
        // The next change may have been committed unheard; its word is that of the addendum before it.
        let next = acknowledged.of("amended").next_back().map(|rest| &rest[1]);
        assert!([Some(&rest[1]), next].contains(&plan.place.as_ref()), "the change {rest:?} is lost");
        found += 1;
    }
    (store, found)
}

/// The store that children work in, and another of its domain that is handed what they wrote.
pub struct Family {
    pub home: Home,
    peer: Store,
    _folders: Vec<TempDir>,
}

impl Family {
    /// A store with a case and a plan.
    pub fn new() -> Self {
        let folders = vec![scratch(), scratch()];
        let (home, peer) = (Home(folders[0].path().to_owned()), Home(folders[1].path().to_owned()));
        let (store, peer) = (home.open().unwrap(), peer.open().unwrap());
        let request = peer.identity().request().unwrap();
        peer.identity()
            .adopt(&store.identity().certify(&request, &[Role::Caseworker], 1, None).unwrap())
            .unwrap();
        let case = any_case(&store);
        let mut plan = weekly(&case, &case.participants[0]);
        plan.visitors = vec![PartyRef::User("w-117".parse().unwrap())];
        store.visitation_plans().create(case.id, &plan).unwrap();
        takes(&peer, &everything(&store));
        store.close();
        Self { home, peer, _folders: folders }
    }

    /// A store whose peer has so many more cases with a contact each; their export lies beside the store.
    pub fn with_a_stream(cases: u32) -> Self {
        let family = Self::new();
        for at in 0..cases {
            let case = family.peer.cases().create(&new_case(&format!("2026-{at}"), "Hugo Petit")).unwrap();
            records(&family.peer, &case, 1);
        }
        std::fs::write(family.home.stream(), everything(&family.peer)).unwrap();
        family
    }

    pub fn peer(&self) -> &Store {
        &self.peer
    }

    /// Hands what a child wrote to the other store: none of its numbers was given out twice.
    pub fn hands_on(&self, store: &Store) {
        let theirs = self.peer.exchange().vector().unwrap();
        let report = takes(&self.peer, &read(store.exchange().export(Some(&theirs)).unwrap()));
        assert_eq!(report.quarantined, []);
        assert_eq!(self.peer.exchange().digest().unwrap(), store.exchange().digest().unwrap());
    }
}

/// A store's whole export.
pub fn everything(store: &Store) -> Vec<u8> {
    read(store.exchange().export(None).unwrap())
}

fn read(mut export: Export) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let portion = export.next(1 << 20).unwrap();
        if portion.is_empty() {
            return all;
        }
        all.extend(portion);
    }
}

/// Takes a whole export in.
pub fn takes(store: &Store, stream: &[u8]) -> ImportReport {
    let mut import = store.exchange().import().unwrap();
    import.feed(stream).unwrap();
    let report = import.finish();
    assert!(report.complete, "{report:?}");
    report
}

/// Records so many contacts in a case.
pub fn records(store: &Store, case: &Case, count: u32) {
    for _ in 0..count {
        let draft = child::draft(store, case);
        store.contacts().complete(draft.id).unwrap();
    }
}

fn contact(store: &Store, id: &str) -> Contact {
    store.contacts().get(id.parse().unwrap()).unwrap().unwrap_or_else(|| panic!("contact {id} is lost"))
}
