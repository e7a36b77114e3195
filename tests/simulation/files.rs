//! Files that are handed over: for one device, good for 72 hours of trusted time, sometimes cut on their way.

use std::path::PathBuf;

use caseplan_core::Error;
use caseplan_core::exchange::CancelToken;
use caseplan_core::sync::HandOverFailed;

use crate::dice::Dice;
use crate::world::World;

/// A file is good for so long, in seconds.
const LIFETIME: i64 = 72 * 3600;

/// A file on a stick.
#[derive(Debug, Clone)]
pub struct OnAStick {
    path: PathBuf,
    to: usize,
    good_until: i64,
}

impl World {
    /// A device writes a file for another.
    pub fn hand_over(&mut self, at: usize, dice: &mut Dice) {
        let to = (at + 1 + dice.below(self.devices.len() - 1)) % self.devices.len();
        let (from, recipient) = (&self.devices[at], self.devices[to].store.identity().device());
        let path = from.folder.path().join(format!("stick-{}", self.files.len()));
        let good_until = from.store.trusted_time().unwrap() + LIFETIME;
        let written = from.store.sync().hand_over_file(recipient, &path, |_| {}, &CancelToken::default());
        match written {
            Ok(_) => {
                self.files.push(OnAStick { path, to, good_until });
                self.note(&format!("file for {to}"), "file written", at);
            }
            // Its certificate is not here yet, or it has ended.
            Err(Error::HandOver(HandOverFailed::NoRecipient)) => self.count("file for nobody"),
            Err(error) => panic!("a file from {at} for {to}: {error:?}"),
        }
    }

    /// A device reads a file that somebody wrote for it at some time.
    pub fn take_over(&mut self, dice: &mut Dice) {
        let Some(file) = dice.pick(&self.files).cloned() else { return };
        let held = self.may_let_go(&[file.to]);
        let store = &self.devices[file.to].store;
        let cut = dice.chance(10);
        if cut {
            let bytes = std::fs::read(&file.path).unwrap();
            std::fs::write(&file.path, &bytes[..dice.below(bytes.len())]).unwrap();
        }
        let expired = store.trusted_time().unwrap() > file.good_until;
        let taken = store.sync().take_over_file(&file.path, |_| {}, &CancelToken::default());
        let outcome = match taken {
            Ok(_) => {
                assert!(!expired, "a file whose time is over is taken by {}", file.to);
                "file taken".to_owned()
            }
            Err(Error::HandOver(failed)) => {
                let known = matches!(failed, HandOverFailed::Expired | HandOverFailed::Cut);
                assert!(known, "a file for {}: {failed:?}", file.to);
                assert!(
                    failed != HandOverFailed::Expired || expired,
                    "a good file is too old to {}",
                    file.to
                );
                format!("file {}", failed.code())
            }
            Err(error) => panic!("a file for {}: {error:?}", file.to),
        };
        self.note(&outcome, &outcome, file.to);
        self.the_last_copy_is_kept(&held);
    }
}
