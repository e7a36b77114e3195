//! A member who keeps no rule, in a whole session: its handshake and hello are good, its keys and certificate real, and
//! then it says whatever it likes, at every stage and on either side.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use caseplan_core::Error;
use caseplan_core::exchange::message::Message;
use caseplan_core::sync::{SyncFailed, SyncState};
use caseplan_core::testing::{reread_message, session_message};

use crate::columns::{Parted, VALUE, VALUE_META, number, run};
use crate::fuzz::{Dice, MOST};
use crate::guard::spoiled;
use crate::heap::{Cost, MOST_PEAK, within};
use crate::scene::{Scene, begin, carry, puts};
use crate::support::hostile::{changes_of, messages, state};
use crate::support::{new_case, sound};
use crate::talk::{Said, Talk};

/// Measured: 19 MB, 236 MB and 0.26 s. What is asked for altogether is mostly the engine's, which loads, saves and reads.
const SHARE: (usize, usize) = (MOST_PEAK / 2, 8 * MOST_PEAK);

/// What two devices say in good sessions, both having something new.
fn samples(scene: &Scene) -> Vec<Said> {
    let mut said = Vec::new();
    for turned in [false, true] {
        for device in [&scene.phone, &scene.hostile.device] {
            device.cases().first().map(|case| device.store.cases().change(*case, &team(turned)).unwrap());
        }
        let (mut ours, mut theirs) = begin(scene, turned);
        ours.overhear();
        theirs.overhear();
        while carry(&mut theirs, &mut ours) | carry(&mut ours, &mut theirs) {}
        assert_eq!(ours.progress().state, SyncState::UpToDate, "{:?}", theirs.report());
        said.extend(ours.overheard_messages());
        said.extend(theirs.overheard_messages());
    }
    said.extend(messages(&scene.phone).iter().filter_map(session_message));
    said.extend(session_message(&scene.whole(&[])));
    said
}

fn team(south: bool) -> caseplan_core::case::CaseChange {
    let team = if south { "south" } else { "north" };
    caseplan_core::case::CaseChange { team: Some(team.to_owned()), ..Default::default() }
}

/// Whatever a peer says is its own failure, and none of this store.
fn ends_as_the_peers(result: Result<(), Error>) {
    assert!(matches!(result, Ok(()) | Err(Error::Sync(_))), "{result:?}");
}

/// What the runs reached.
#[derive(Debug, Default)]
struct Reached {
    /// Where the phone was when it was spoken to,
    states: BTreeMap<String, usize>,
    /// why it ended the session,
    failed: BTreeMap<String, usize>,
    /// and the types of what it could read.
    kinds: BTreeSet<u8>,
}

/// Sessions with a phone of their own, each with its share.
fn sessions(granted: bool, seed: u64, count: u64, reached: &mut Reached) {
    let scene = Scene::of(granted);
    let talk = Talk::of(&scene, samples(&scene));
    let before = state(&scene.phone);
    let mut worst = Cost::default();
    for number in 0..count {
        let dice = Dice::new(seed * 1_000_000 + number);
        let (mut ours, mut theirs) = begin(&scene, dice.below(2) == 0);
        // Either side has said hello after four turns; then they say what they hold and lack.
        for turn in 0..4 + dice.below(8) {
            match turn % 2 {
                0 => carry(&mut theirs, &mut ours),
                _ => carry(&mut ours, &mut theirs),
            };
        }
        *reached.states.entry(format!("{:?}", ours.progress().state)).or_default() += 1;
        let mut left = MOST;
        let mut portions = Vec::new();
        for _ in 0..=dice.below(12) {
            let (kind, body) = match dice.below(8) {
                0 if granted => {
                    let document = dice.below(scene.documents.len());
                    let incarnation = seed * 1_000_000 + number * 20 + portions.len() as u64;
                    let chunk = spoiled(&scene, document, incarnation, &dice).chunk();
                    let target = &scene.documents[document].0;
                    session_message(&changes_of(target, vec![scene.hostile.signs(target, chunk)])).unwrap()
                }
                _ => talk.says(&dice),
            };
            let Some(rest) = left.checked_sub(body.len() + 40) else { continue };
            left = rest;
            reached.kinds.extend(reread_message(kind, &body).map(|(kind, _)| kind));
            theirs.say_whatever(kind, &body);
            if dice.below(2) == 0 {
                portions.push(theirs.take(usize::MAX).unwrap_or_default());
            }
        }
        portions.push(theirs.take(usize::MAX).unwrap_or_default());
        let ((), cost) = within(SHARE, format_args!("seed {seed}, session {number}"), || {
            for portion in &portions {
                ends_as_the_peers(ours.feed(portion));
                ends_as_the_peers(ours.take(usize::MAX).map(drop));
            }
            ends_as_the_peers(ours.tick(Duration::from_secs(30)));
            ends_as_the_peers(ours.take(usize::MAX).map(drop));
        });
        worst = worst.max(cost);
        if let Some(failed) = ours.report().failed {
            assert!(!matches!(failed, SyncFailed::Altered | SyncFailed::Stranger), "{number}: {failed:?}");
            *reached.failed.entry(failed.to_string()).or_default() += 1;
        }
        drop(ours);
        if number % 50 == 49 {
            sound(&[&scene.phone]);
            assert!(granted || state(&scene.phone) == before, "seed {seed}, to session {number}");
        }
    }
    println!("seed {seed}: {count} sessions, at worst {worst:?}");
}

#[test]
fn whatever_a_member_says_at_any_stage() {
    let mut reached = Reached::default();
    for round in 0..4 {
        sessions(round % 2 == 0, 41 + round, 200, &mut reached);
    }
    let states: Vec<_> = reached.states.keys().map(String::as_str).collect();
    assert_eq!(states, ["Connecting", "Syncing", "UpToDate"], "{reached:?}");
    assert!((1..=29).all(|kind| reached.kinds.contains(&kind)), "{reached:?}");
    assert!(reached.failed.len() > 12, "{reached:?}");
}

/// Small messages in a row, said again and again until they are 64 KB; of a phone with cases to look over.
fn flood(scene: &Scene, what: &[Said], turns: usize) -> (Cost, Option<SyncFailed>) {
    let (mut ours, mut theirs) = begin(scene, false);
    for _ in 0..turns {
        carry(&mut theirs, &mut ours);
        carry(&mut ours, &mut theirs);
    }
    carry(&mut theirs, &mut ours);
    let mut bytes = Vec::new();
    while bytes.len() < MOST - 4_096 {
        what.iter().for_each(|(kind, body)| theirs.say_whatever(*kind, body));
        bytes.extend(theirs.take(usize::MAX).unwrap_or_default());
    }
    let (count, kind) = (what.len(), what[0].0);
    let ((), cost) = within(SHARE, format_args!("{count} from type {kind} on, after {turns} turns"), || {
        ends_as_the_peers(ours.feed(&bytes));
        ends_as_the_peers(ours.take(usize::MAX).map(drop));
    });
    let failed = ours.report().failed;
    assert_ne!(failed, Some(SyncFailed::Altered), "nothing of it was heard");
    (cost, failed)
}

#[test]
fn small_messages_by_the_thousand() {
    let scene = Scene::of(true);
    for at in 0..40 {
        scene.phone.store.cases().create(&new_case(&format!("2026-1{at:03}"), "Léa Martin")).unwrap();
    }
    let talk = Talk::of(&scene, samples(&scene));
    let dice = Dice::new(49);
    // Of each type two, as short as they come.
    let mut all: Vec<Said> = (0..600).map(|_| talk.made_up(&dice)).chain(talk.samples.clone()).collect();
    all.sort_by_key(|(kind, body)| (*kind, body.len()));
    all.dedup();
    let mut worst = Cost::default();
    for of_kind in all.chunk_by(|(one, _), (other, _)| one == other) {
        for said in of_kind.iter().filter(|(_, body)| body.len() > 1 || of_kind.len() == 1).take(2) {
            for turns in [2, 6] {
                worst = worst.max(flood(&scene, std::slice::from_ref(said), turns).0);
            }
        }
    }
    println!("at worst {worst:?}");
    sound(&[&scene.phone]);
}

#[test]
fn rounds_for_nothing_are_not_answered_for_ever() {
    let scene = Scene::of(false);
    for at in 0..100 {
        scene.phone.store.cases().create(&new_case(&format!("2026-1{at:03}"), "Léa Martin")).unwrap();
    }
    scene.phone.share_with(&scene.hostile.device);
    let said = samples(&scene);
    let scopes = said.iter().rev().find(|(kind, _)| *kind == 6).unwrap().clone();
    let empty = vec![0x80];
    let other = (6, [&[0x81, 0x50][..], &[7; 16]].concat());
    let rounds = vec![other, (10, vec![0x81, 0x40]), (12, empty.clone()), (18, empty)];
    for what in [vec![scopes], rounds] {
        let (_, failed) = flood(&scene, &what, 6);
        assert_eq!(failed, Some(SyncFailed::Protocol("rounds")));
    }
}

#[test]
fn documents_that_inflate_to_a_thousand_times_as_much_are_not_held_together() {
    let scene = Scene::of(true);
    let Message::Snapshot { document, header, chunk, certificates, signatures } = scene.whole(&[]) else {
        panic!("no document");
    };
    let mut parted = Parted::of_document(&chunk);
    parted.put(1, VALUE, vec![0; 4_000_000]);
    let chunk = parted.document();
    let large = Message::Snapshot { document, header, chunk, certificates, signatures };
    let said = session_message(&large).unwrap();
    assert!(said.1.len() < 5_000, "{}", said.1.len());
    let (_, failed) = flood(&scene, &[said], 6);
    assert_eq!(failed, None);
    sound(&[&scene.phone]);
}

#[test]
fn as_many_operations_as_64_kb_of_a_session_may_bring() {
    let scene = Scene::of(true);
    let dice = Dice::new(50);
    let target = &scene.documents[0].0;
    let changes = (1..=3).map(|incarnation| {
        let mut columns = puts(b"k", 10_000, 4);
        // Half of it cannot be deflated: with less, the message would be too short for its operations.
        let values = (0..10_000).flat_map(|at| match at % 7 {
            0 | 1 => b"0000".to_vec(),
            _ => [&dice.bytes(2)[..], b"00"].concat(),
        });
        columns.put(0, VALUE, values.collect());
        columns.put(0, VALUE_META, run(10_000, &number(4 << 4 | 7)));
        scene.hostile.signs(target, scene.change(0, incarnation, columns.bytes()).chunk())
    });
    let message = changes_of(target, changes.collect());
    let said = session_message(&message).unwrap();
    assert!(said.1.len() < MOST, "{} bytes", said.1.len());
    assert!(reread_message(said.0, &said.1).is_some());
    let before = scene.phone.store.exchange().vector().unwrap();
    let (_, failed) = flood(&scene, &[said], 6);
    assert_eq!(failed, None);
    assert_ne!(scene.phone.store.exchange().vector().unwrap(), before);
    sound(&[&scene.phone]);
}

#[test]
fn a_document_is_loaded_once_for_many_small_messages_of_it() {
    let scene = Scene::of(true);
    let target = &scene.documents[0].0;
    let fill = scene.change(0, 1_000, puts(b"many", 3_000, 4).bytes()).chunk();
    let said =
        |chunk| session_message(&changes_of(target, vec![scene.hostile.signs(target, chunk)])).unwrap();
    let small = (1..190).map(|at| said(scene.change(0, at, puts(b"k", 2, 4).bytes()).chunk()));
    let all: Vec<_> = std::iter::once(said(fill)).chain(small).collect();
    let (_, failed) = flood(&scene, &all, 6);
    assert_eq!(failed, None);
    sound(&[&scene.phone]);
}
