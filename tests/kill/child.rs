//! The child: opens a store, works until it is killed, and prints each id after the call for it returned.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use caseplan_core::case::Case;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::{ContactDraft, ContactKind, Correction, NewAddendum};
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::FileVault;
use caseplan_core::random::{Random, SystemRandom};
use caseplan_core::visitation::{ContactMethod, PlanChange};
use caseplan_core::{Store, StoreConfig};

use crate::support::{new_case, occurred, paris};

/// The variable that tells a child where its home is.
pub const HOME: &str = "CASEPLAN_HOME";

/// Where a store and its keys live, and what else a child is given.
pub struct Home(pub PathBuf);

impl Home {
    pub fn file(&self) -> PathBuf {
        self.0.join("caseplan.db")
    }

    pub fn stream(&self) -> PathBuf {
        self.0.join("stream")
    }

    pub fn open(&self) -> Result<Store, caseplan_core::Error> {
        let vault = FileVault::open(&self.0.join("keys"))?;
        Store::open(StoreConfig::file(self.file(), "w-117".parse().unwrap(), paris()), Arc::new(vault))
    }
}

/// Run by the tests as a process of its own, never by itself.
#[test]
#[ignore = "the child process of the other tests, which run it by its name"]
fn works_until_it_is_killed() {
    let home = Home(PathBuf::from(std::env::var_os(HOME).unwrap()));
    say("begins", "");
    let store = home.open().unwrap();
    say("opened", "");
    match std::env::var("CASEPLAN_WORK").unwrap().as_str() {
        "record" => record(&store),
        "compact" => beside(&store, |store| assert!(store.compact(1).unwrap() <= 4)),
        "rebuild" => beside(&store, |store| store.rebuild(|_| {}, &Default::default()).unwrap()),
        "back up" => back_up(&store, &home.0),
        "import" => import(&store, &home.stream()),
        "few" => (0..2).for_each(|_| round(&store, &any_case(&store))),
        "open" => {}
        other => panic!("no such work: {other}"),
    }
}

/// Tells the parent, if there is one. A line of its own: the test runner prints too.
fn say(what: &str, of: &str) {
    if std::env::var_os(HOME).is_none() {
        return;
    }
    let mut out = std::io::stdout().lock();
    write!(out, "\nack {what} {of}\n").unwrap();
    out.flush().unwrap();
}

/// A word that stands in one text only.
fn word() -> String {
    let mut bytes = [0; 8];
    SystemRandom.fill(&mut bytes).unwrap();
    format!("w{:016x}", u64::from_be_bytes(bytes))
}

pub fn any_case(store: &Store) -> Case {
    let cases = store.cases().list(&Default::default()).unwrap();
    match cases.first() {
        Some(case) => store.cases().get(case.id).unwrap().unwrap(),
        None => store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap(),
    }
}

pub fn draft(store: &Store, case: &Case) -> ContactDraft {
    let start = DraftStart::InCase { case_id: case.id, kind: ContactKind::Other };
    let draft = store.contacts().start_draft(&start).unwrap();
    say("draft", &format!("{} {}", draft.id, draft.revision));
    let words = word();
    let draft = ContactDraft {
        narrative: words.clone(),
        outcome: Some(caseplan_core::contact::Outcome {
            reason: Some(caseplan_core::contact::OutcomeReason::Other),
            code: caseplan_core::contact::OutcomeCode::NoShow,
            ..occurred()
        }),
        method: Some(ContactMethod::Phone),
        ..draft
    };
    let draft = store.contacts().save_draft(&draft).unwrap();
    say("saved", &format!("{} {} {words}", draft.id, draft.revision));
    draft
}

fn record(store: &Store) {
    let case = any_case(store);
    loop {
        round(store, &case);
    }
}

/// One command of each kind, acknowledged one by one.
fn round(store: &Store, case: &Case) {
    let draft = draft(store, case);
    let contact = store.contacts().complete(draft.id).unwrap();
    say("contact", &format!("{} {}", contact.id, contact.narrative));
    let words = word();
    let corrections = vec![Correction::Place { value: words.clone() }];
    store.contacts().amend(contact.id, &NewAddendum { text: words.clone(), corrections }).unwrap();
    say("amended", &format!("{} {words}", contact.id));
    for plan in store.visitation_plans().list(None).unwrap() {
        let change = PlanChange { place: Some(words.clone()), ..PlanChange::default() };
        store.visitation_plans().change(plan.plan.id, &change).unwrap();
        say("place", &format!("{} {words}", plan.plan.id));
    }
}

/// Records, while another thread does something to the whole store again and again.
fn beside(store: &Store, work: impl Fn(&Store) + Sync) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                work(store);
                say("done", "");
            }
        });
        record(store);
    });
}

fn back_up(store: &Store, folder: &Path) {
    let number = std::sync::atomic::AtomicU64::new(0);
    beside(store, |store| {
        let name = format!(
            "backup-{}-{}",
            std::process::id(),
            number.fetch_add(1, std::sync::atomic::Ordering::SeqCst)
        );
        store.back_up(&folder.join(&name), |_| {}, &CancelToken::default()).unwrap();
        say("backup", &name);
    });
}

/// Takes a stream in, portion by portion, while drafts are saved.
fn import(store: &Store, stream: &Path) {
    let stream = std::fs::read(stream).unwrap();
    let case = any_case(store);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                draft(store, &case);
            }
        });
        let mut import = store.exchange().import().unwrap();
        for portion in stream.chunks(200) {
            import.feed(portion).unwrap();
            match import.report().accepted {
                0 => {}
                accepted => say("imported", &accepted.to_string()),
            }
        }
        say("whole", "");
    });
}
