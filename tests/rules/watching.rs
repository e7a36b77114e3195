//! Listeners: told of every commit, and never in anybody's way.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use caseplan_core::identity::record::EndReason;
use caseplan_core::store::{ChangeListener, Changes, ListenerFailed, Topic};
use caseplan_core::{Error, Store};

use crate::support::{Device, new_case, team};

/// Passes on what it hears, after doing something.
struct Ear<F: Fn() -> Result<(), ListenerFailed> + Send + Sync> {
    heard: Mutex<Sender<Changes>>,
    then: F,
}

impl<F: Fn() -> Result<(), ListenerFailed> + Send + Sync> ChangeListener for Ear<F> {
    fn on_change(&self, changes: &Changes) -> Result<(), ListenerFailed> {
        self.heard.lock().unwrap().send(changes.clone()).unwrap();
        (self.then)()
    }
}

fn listen<F>(store: &Store, then: F) -> (caseplan_core::store::Watch, Receiver<Changes>)
where
    F: Fn() -> Result<(), ListenerFailed> + Send + Sync + 'static,
{
    let (sender, heard) = channel();
    (store.watch(Arc::new(Ear { heard: Mutex::new(sender), then })).unwrap(), heard)
}

/// Everything heard until a topic has come.
fn until(heard: &Receiver<Changes>, topic: Topic) -> Changes {
    let mut all = Changes::default();
    while !all.topics.contains(&topic) {
        all.add(heard.recv_timeout(Duration::from_secs(10)).unwrap());
    }
    all
}

#[test]
fn a_listener_hears_of_local_and_imported_commits_by_topic_and_case() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (_watch, here) = listen(&phone.store, || Ok(()));
    let (_other, there) = listen(&tablet.store, || Ok(()));
    let (case, ana) = phone.lea("2026-0117");
    assert!(until(&here, Topic::Cases).cases.contains(&case.id));
    phone.saturdays(&case, &ana);
    until(&here, Topic::VisitationPlans);
    phone.now("2026-03-07T16:30:00Z");
    let draft = phone.drafted(phone.planned("2026-03-07", "2026-03-07")[0], "A calm visit.");
    assert!(until(&here, Topic::Drafts).cases.contains(&case.id));
    phone.store.contacts().complete(draft.id).unwrap();
    until(&here, Topic::Contacts);

    let early: Vec<Changes> = there.try_iter().collect();
    assert!(early.iter().all(|changes| changes.cases.is_empty()), "nothing has reached the tablet");
    phone.hand_to(&tablet);
    assert!(until(&there, Topic::Contacts).cases.contains(&case.id));
    // What changes nothing is not told.
    phone.store.cases().reopen(case.id).unwrap();
    phone.store.close();
    assert!(here.try_iter().all(|changes| !changes.topics.contains(&Topic::Cases)));
}

#[test]
fn a_listener_that_fails_stays_and_one_that_left_hears_nothing() {
    let phone = Device::new("phone", "w-117");
    let fails = || Err(ListenerFailed { class: "java.lang.IllegalStateException".to_owned() });
    let (_watch, heard) = listen(&phone.store, fails);
    let (left, silence) = listen(&phone.store, || Ok(()));
    left.cancel();
    for number in 0..3 {
        phone.store.cases().create(&new_case(&format!("2026-{number}"), "Léa Martin")).unwrap();
        until(&heard, Topic::Cases);
    }
    assert!(silence.try_recv().is_err());
}

#[test]
fn a_listener_that_blocks_delays_no_command() {
    let phone = Device::new("phone", "w-117");
    let (release, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let (_watch, heard) = listen(&phone.store, move || {
        let _ = gate.lock().unwrap().recv_timeout(Duration::from_secs(30));
        Ok(())
    });
    phone.store.cases().create(&new_case("2026-1", "Léa Martin")).unwrap();
    until(&heard, Topic::Cases);
    let begun = Instant::now();
    for number in 2..12 {
        phone.store.cases().create(&new_case(&format!("2026-{number}"), "Léa Martin")).unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(heard.try_recv().is_err(), "it is still busy with the first call");
    drop(release);
    // What happened meanwhile comes in one call.
    assert_eq!(until(&heard, Topic::Cases).cases.len(), 10);
}

#[test]
fn a_listener_may_close_the_store() {
    let phone = Device::new("phone", "w-117");
    let store = phone.store.clone();
    let (_watch, heard) = listen(&phone.store, move || {
        store.close();
        Ok(())
    });
    phone.store.cases().create(&new_case("2026-1", "Léa Martin")).unwrap();
    until(&heard, Topic::Cases);
    let begun = Instant::now();
    while phone.store.today().is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is still open");
        std::thread::yield_now();
    }
    assert_eq!(phone.store.today().unwrap_err(), Error::Closed);
    assert_eq!(phone.store.cases().create(&new_case("2026-2", "x")).unwrap_err(), Error::Closed);
}

#[test]
fn what_comes_and_waits_is_told_too() {
    let desk = Device::new("waiting-desk", "w-117");
    let lost = desk.enrol("waiting-lost", "w-204");
    let (case, _) = desk.lea("2026-0117");
    desk.meet(&lost);
    let device = lost.store.identity().device();
    desk.store.identity().end_device(device, EndReason::Lost).unwrap();
    team(&lost, &case, "south").unwrap();
    // What is told of the end has been heard by then.
    std::thread::sleep(Duration::from_millis(300));
    let (watch, heard) = listen(&desk.store, || Ok(()));
    let report = lost.hand_over(&desk);
    assert_eq!((report.accepted, report.records, report.quarantined.len()), (0, 0, 1));
    assert!(until(&heard, Topic::Identity).cases.contains(&case.id));
    drop(watch);
    assert_eq!(desk.store.grants().waiting().unwrap()[0].changes, 1);
}
