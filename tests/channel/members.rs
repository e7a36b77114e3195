//! What a member sends, as one function over any bytes each: bounded runs feed them here, and libFuzzer in `fuzz/`.
#![allow(dead_code, clippy::unwrap_used, reason = "shared with `fuzz/`; what a test itself makes is right")]

use std::cell::RefCell;
use std::time::Duration;

use caseplan_core::document::chunk::{Limits, check_document};
use caseplan_core::exchange::message::Message;

use crate::columns::Parted;
use crate::scene::{Scene, begin, carry};
use crate::support::chunks::{Parts, sealed};
use crate::support::hostile::changes_of;

/// A scene takes so many inputs: what goes in makes documents longer for all that follow.
const INPUTS: u64 = 500;

thread_local! {
    static SCENE: RefCell<Option<(Scene, u64)>> = const { RefCell::new(None) };
}

/// Runs something on a scene, with the number of the input there.
fn on_scene(work: impl FnOnce(&Scene, u64)) {
    SCENE.with_borrow_mut(|slot| {
        let (scene, number) = slot.take().filter(|(_, number)| *number < INPUTS).unwrap_or_else(|| {
            // Enough for many processes: each phone has a folder of its own.
            (Scene::new(), 0)
        });
        work(&scene, number + 1);
        *slot = Some((scene, number + 1));
    });
}

/// A change whose operations are these bytes, or a whole document, signed as they are: the first byte says which.
pub fn guard(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    on_scene(|scene, number| {
        let document = usize::from(first >> 2) % scene.documents.len();
        let (target, _, changes) = &scene.documents[document];
        let message = match first & 3 {
            0 | 1 => {
                let chunk = scene.change(document, number, data.to_vec()).chunk();
                changes_of(target, vec![scene.hostile.signs(target, chunk)])
            }
            // The operations of a real one, spoiled by the bytes in place of its own.
            2 => {
                let mut parted = Parted::of_change(&Parts::read(&changes[0].chunk).rest);
                for (column, bytes) in parted.lists[0].iter_mut().zip(data.chunks(1 + data.len() / 8)) {
                    if bytes.first().is_some_and(|byte| byte % 2 == 0) {
                        column.1 = bytes[1..].to_vec();
                    }
                }
                let chunk = scene.change(document, number, parted.bytes()).chunk();
                changes_of(target, vec![scene.hostile.signs(target, chunk)])
            }
            _ => {
                let Message::Snapshot { document, header, certificates, mut signatures, .. } =
                    scene.whole(&[])
                else {
                    return;
                };
                let chunk = sealed(0, data);
                let size = check_document(&chunk, &Limits::DEFAULT).map_or(1, |size| size.changes as usize);
                signatures.resize(size.saturating_sub(1).min(1_000), signatures[0]);
                Message::Snapshot { document, header, chunk, certificates, signatures }
            }
        };
        scene.sends(message);
    });
}

/// A session: the first byte says which side connects and how far it is, then messages, each a type, a length and a body.
pub fn session(data: &[u8]) {
    let Some((first, mut data)) = data.split_first() else { return };
    on_scene(|scene, _| {
        let (mut ours, mut theirs) = begin(scene, first & 1 == 0);
        for turn in 0..4 + first / 2 % 8 {
            match turn % 2 {
                0 => carry(&mut theirs, &mut ours),
                _ => carry(&mut ours, &mut theirs),
            };
        }
        while let Some(([kind, high, low], rest)) = data.split_first_chunk::<3>() {
            let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
            let (body, rest) = rest.split_at(length);
            data = rest;
            theirs.say_whatever(*kind, body);
            carry(&mut theirs, &mut ours);
            let _ = ours.take(usize::MAX);
        }
        let _ = ours.tick(Duration::from_secs(30));
        let _ = ours.take(usize::MAX);
    });
}
