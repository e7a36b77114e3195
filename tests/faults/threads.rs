//! Locks and threads: one process, any number of threads, closing and suspending from anywhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use caseplan_core::case::CaseChange;
use caseplan_core::contact::ContactDraft;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::exchange::CancelToken;
use caseplan_core::storage::StorageFailed;
use caseplan_core::{Error, Store};

use crate::support::{Device, new_case};

#[test]
fn a_second_opening_is_refused_until_the_first_lets_go() {
    let phone = Device::new("phone", "w-117");
    let open = || Store::open(phone.config(), phone.vault.clone());
    assert_eq!(open().err(), Some(Error::Storage(StorageFailed::InUse)));
    phone.store.suspend();
    assert_eq!(phone.store.today().unwrap_err(), Error::Suspended);
    let second = open().unwrap();
    assert_eq!(phone.store.resume(), Err(Error::Storage(StorageFailed::InUse)));
    assert_eq!(phone.store.today().unwrap_err(), Error::Suspended);
    drop(second);
    phone.store.resume().unwrap();
    phone.lea("2026-0117");
    phone.store.close();
    assert_eq!(phone.store.resume(), Err(Error::Closed));
    open().unwrap();
}

#[test]
fn eight_threads_read_and_write_at_once() {
    let phone = Device::new("phone", "w-117");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (phone, case) = (&phone, &case);
            scope.spawn(move || {
                for round in 0..10 {
                    match thread % 4 {
                        0 => {
                            let team = Some(format!("{thread} {round}"));
                            let change = CaseChange { team, ..CaseChange::default() };
                            phone.store.cases().change(case.id, &change).unwrap();
                        }
                        1 => {
                            let draft = phone.drafted(phone.planned("2026-03-07", "2026-03-07")[0], "x");
                            phone.store.contacts().complete(draft.id).unwrap();
                        }
                        2 => {
                            phone.store.today().unwrap();
                            phone.store.contacts().page(&ContactQuery::of_plan(plan.id, 500)).unwrap();
                        }
                        _ => {
                            phone.store.compact(1).unwrap();
                            phone.store.exchange().vector().unwrap();
                        }
                    }
                }
            });
        }
    });
    let page = phone.store.contacts().page(&ContactQuery::of_plan(plan.id, 500)).unwrap();
    assert_eq!(page.contacts.len(), 20);
    assert!(phone.store.verify(|_| {}, &CancelToken::default()).unwrap().is_sound());
}

#[test]
fn suspending_resuming_and_closing_under_load_gives_calls_that_say_so_and_loses_nothing() {
    let mut phone = Device::new("phone", "w-117");
    let (case, _) = phone.lea("2026-0117");
    let done = AtomicBool::new(false);
    let acknowledged: Vec<usize> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|thread| {
                let (phone, done) = (&phone, &done);
                scope.spawn(move || {
                    let mut count = 0;
                    while !done.load(Ordering::SeqCst) {
                        let reference = format!("{thread}-{count}");
                        match phone.store.cases().create(&new_case(&reference, "Hugo Petit")) {
                            Ok(_) => count += 1,
                            Err(Error::Suspended) => std::thread::yield_now(),
                            Err(Error::Closed) => break,
                            Err(error) => panic!("{error:?}"),
                        }
                        match phone.store.today() {
                            Ok(_) | Err(Error::Suspended | Error::Closed) => {}
                            Err(error) => panic!("{error:?}"),
                        }
                    }
                    count
                })
            })
            .collect();
        for _ in 0..30 {
            std::thread::sleep(Duration::from_millis(5));
            phone.store.suspend();
            phone.store.resume().unwrap();
        }
        phone.store.close();
        done.store(true, Ordering::SeqCst);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    phone.restart();
    let cases = phone.store.cases().list(&Default::default()).unwrap();
    assert_eq!(cases.len(), acknowledged.iter().sum::<usize>() + 1);
    assert!(phone.store.cases().get(case.id).unwrap().is_some());
    assert!(phone.store.verify(|_| {}, &CancelToken::default()).unwrap().is_sound());
}

#[test]
fn a_draft_is_saved_while_a_big_import_goes_on() {
    let phone = Device::new("phone", "w-117");
    let tablet = phone.enrol("tablet", "w-204");
    let (case, ana) = phone.lea("2026-0117");
    let plan = phone.saturdays(&case, &ana);
    phone.meet(&tablet);
    phone.now("2026-03-07T16:30:00Z");
    let saturday = phone.planned("2026-03-07", "2026-03-07")[0];
    let start = DraftStart::Occurrences { occurrences: vec![saturday] };
    let contacts = phone.store.contacts();
    let draft = ContactDraft { narrative: "Words. ".repeat(200), ..phone.drafted(saturday, "") };
    for _ in 0..500 {
        contacts.record(&draft).unwrap();
    }
    let waiting = tablet.store.contacts().start_draft(&start).unwrap();
    let ended = AtomicBool::new(false);
    let (saves, longest) = std::thread::scope(|scope| {
        let import = scope.spawn(|| {
            let report = phone.hand_to(&tablet);
            ended.store(true, Ordering::SeqCst);
            report
        });
        let (mut saves, mut longest, mut draft) = (0, Duration::ZERO, waiting);
        while !ended.load(Ordering::SeqCst) {
            let begun = Instant::now();
            draft = tablet.store.contacts().save_draft(&draft).unwrap();
            longest = longest.max(begun.elapsed());
            saves += u32::from(!ended.load(Ordering::SeqCst));
        }
        assert_eq!(import.join().unwrap().accepted, 500);
        (saves, longest)
    });
    assert!(saves >= 3, "saved {saves} times before the import ended, {longest:?} at most");
    let page = tablet.store.contacts().page(&ContactQuery::of_plan(plan.id, 500)).unwrap();
    assert_eq!(page.contacts.len(), 500);
}
