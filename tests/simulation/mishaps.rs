//! What happens to devices: ended, backed up, replaced by an older copy, copied without their vault.

use std::sync::Arc;

use caseplan_core::Error;
use caseplan_core::case::CaseChange;
use caseplan_core::exchange::CancelToken;
use caseplan_core::identity::record::EndReason;
use caseplan_core::identity::{MemoryVault, Role};
use caseplan_core::ids::CaseId;
use caseplan_core::time::Clock;

use crate::acknowledged::Before;
use crate::dice::Dice;
use crate::rows::{Held, Rows};
use crate::support::Device;
use crate::support::link::take_in;
use crate::words;
use crate::world::{World, contacts};

/// No story has more devices.
const MOST_DEVICES: usize = 5;

impl World {
    /// Whether the first device, which is the root, may end another: once in a story, and not where few are left.
    pub fn may_end(&self) -> bool {
        self.ended.is_empty() && self.devices.len() >= 4
    }

    pub fn end(&mut self, dice: &mut Dice) {
        let at = 1 + dice.below(self.devices.len() - 1);
        if self.may_end() && ends(&self.devices, at) {
            let before = Before::of(&self.devices[0]);
            let wrote = writes_after(&self.devices, 0, dice).then_some(at);
            self.changes.extend(before.written(&self.devices[0], 0));
            self.has_ended(at, wrote);
            self.note("end of device", "end of device", at);
        }
    }

    /// A device was ended; perhaps something was written after it.
    pub fn has_ended(&mut self, at: usize, wrote: Option<usize>) {
        self.ended.insert(at);
        self.after_end.extend(wrote);
        self.owe_what_is_left();
    }

    pub fn restart(&mut self, at: usize) {
        let before = self.may_let_go(&[at]);
        self.note("restart", "restart", at).devices[at].restart();
        self.the_last_copy_is_kept(&before);
    }

    pub fn back_up(&mut self, at: usize) {
        let path = self.devices[at].folder.path().join(format!("backup-{}", self.backups.len()));
        self.devices[at].store.back_up(&path, |_| {}, &CancelToken::default()).unwrap();
        self.backups.push((at, path));
        if let Some(images) = &mut self.images {
            images.push((at, self.devices[at].image(&format!("whole-{}", images.len()))));
        }
        self.note("backup", "backup", at);
    }

    /// An older copy takes the place of a store: what only that store had since is lost, and may be.
    pub fn restore(&mut self, dice: &mut Dice) {
        if self.images.is_some() && dice.chance(50) {
            return self.come_back(dice);
        }
        let Some((at, backup)) = dice.pick(&self.backups).cloned() else { return };
        self.note("restore", "restore", at);
        let had = Rows::of(&self.devices[at]).hashes();
        self.devices[at].restore(&backup);
        self.has_lost(at, had);
    }

    /// A whole phone is as it was, its vault included: it does not know that it is an older copy, and writes again what it
    /// has given out before.
    fn come_back(&mut self, dice: &mut Dice) {
        let images = self.images.as_deref().unwrap_or_default();
        let Some((at, image)) = dice.pick(images) else { return };
        let at = *at;
        let had = Rows::of(&self.devices[at]).hashes();
        self.devices[at].come_back(image);
        self.may_fork = true;
        self.note("restore with its vault", "restore with vault", at);
        self.has_lost(at, had);
    }

    /// An older copy is in the place of a store: what only that store had is not owed any more.
    fn has_lost(&mut self, at: usize, had: Held) {
        let has = Rows::of(&self.devices[at]).hashes();
        self.overwritten.extend(had.into_keys().filter(|hash| !has.contains_key(hash)));
        self.restored.insert(at);
        self.owe_what_is_left();
    }

    /// Whoever recorded a contact may have lost it to an older copy, or because the case was taken back from him: then it
    /// is owed as long as somebody has it who may hand it on. An ended device hands on its own work only, and who lost the
    /// case, or is about to hear of it, lets go of what he takes others to hold: an older copy has not told him yet.
    pub fn owe_what_is_left(&mut self) {
        let (restored, taken_back) = (&self.restored, &self.taken_back);
        let held: Vec<_> = self.living().map(|at| (at, contacts(&self.devices[at]))).collect();
        // Of a case that was taken back from anybody only its founder is sure to be let in still.
        let stays = |at: usize, case: &CaseId| {
            !taken_back.contains(case) || self.founders.get(case) == Some(&self.devices[at].worker)
        };
        self.acknowledged.retain(|contact, (case, by)| {
            !restored.contains(by) && !taken_back.contains(case)
                || held.iter().any(|(at, held)| stays(*at, case) && held.contains_key(contact))
        });
        self.owe_changes_that_are_left();
    }

    /// A backup is opened on another device, whose vault does not know it: it reads, writes nothing, and becomes a
    /// device of its own once it is taken in.
    pub fn clone_without_vault(&mut self, dice: &mut Dice) {
        let Some((at, backup)) = dice.pick(&self.backups).cloned() else { return };
        if self.devices.len() == MOST_DEVICES || self.ended.contains(&at) {
            return;
        }
        let original = &self.devices[at];
        let twin = original.copied(&self.name(), &backup, Arc::new(MemoryVault::default()));
        assert!(twin.store.info().unwrap().keys_lost, "a copy of {at} has the keys of nobody");
        for case in twin.cases() {
            let change = CaseChange { team: Some("twin".to_owned()), ..CaseChange::default() };
            assert_eq!(twin.store.cases().change(case, &change).err(), Some(Error::KeysLost));
        }
        assert_eq!(twin.store.sync().connect().err(), Some(Error::KeysLost));
        twin.clock.set(self.devices[0].clock.now().unwrap());
        take_in(&self.devices[0].store, &twin.store, &twin.worker, &[Role::Caseworker]);
        let device = twin.store.identity().device();
        assert!(self.devices.iter().all(|other| other.store.identity().device() != device));
        self.devices.push(twin);
        self.note("clone without its vault", "clone", at);
    }
}

/// The first device ends another, if it knows it: an older copy may not.
pub fn ends(devices: &[Device], at: usize) -> bool {
    let device = devices[at].store.identity().device();
    match devices[0].store.identity().end_device(device, EndReason::Lost) {
        Ok(()) => true,
        Err(Error::NotFound { .. }) => false,
        Err(error) => panic!("the end of {at}: {error:?}"),
    }
}

/// The first device writes the word with this number into some case; false if it may not.
pub fn writes_after(devices: &[Device], number: usize, dice: &mut Dice) -> bool {
    let Some(case) = dice.pick(&devices[0].cases()).copied() else { return false };
    let change = CaseChange { team: Some(words::after_end(number)), ..CaseChange::default() };
    devices[0].store.cases().change(case, &change).is_ok()
}
