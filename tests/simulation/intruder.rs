//! Somebody who was certified in good faith, was granted nothing, and got hold of documents: what it writes in its own
//! name waits, what it writes in another's is evidence, and neither is part of anything.

use automerge::transaction::Transactable;
use automerge::{Automerge, AutomergeError, ROOT, ReadDoc};
use caseplan_core::document::Kind;
use caseplan_core::exchange::message::{Message, SignedChange};
use caseplan_core::ids::Actor;

use crate::dice::Dice;
use crate::support::chunks::{Parts, hash_of};
use crate::support::hostile::{changes_of, documents_of, imported};
use crate::world::World;

impl World {
    /// A change of the intruder's reaches a device.
    pub fn intrude(&mut self, at: usize, dice: &mut Dice) {
        let documents = documents_of(&self.devices[at], Kind::Case);
        let Some((target, changes)) = dice.pick(&documents) else { return };
        let others: Vec<Actor> = changes
            .iter()
            .filter_map(|change| Parts::read(&change.chunk).actor.try_into().ok().map(Actor))
            .filter(|actor| actor.device() != self.intruder.keys.device_id())
            .collect();
        let victim = dice.pick(&others).copied().filter(|_| dice.chance(60));
        self.intrusions += 1;
        let incarnation = self.intrusions as u8;
        let actor = victim.unwrap_or_else(|| self.intruder.actor(incarnation));
        let chunk = self.intruder.writes_as(actor, &whole(changes), |tx| {
            let (_, case) = tx.get(ROOT, "case").unwrap().unwrap();
            tx.put(&case, "team", format!("intruder {incarnation}")).unwrap();
        });
        let hash = hash_of(&chunk);
        let signed = self.intruder.signs(target, chunk);
        let messages = [self.intruder.hello(), changes_of(target, vec![signed]), Message::End];
        let report = imported(&self.devices[at], &messages);
        self.trace.push(format!("the intruder at {at}, as another: {}: {report:?}", victim.is_some()));
        if victim.is_some() {
            self.forged.insert(hash);
            self.count("forged change");
        } else {
            self.count("change without a grant");
        }
    }
}

/// A document of what is there: what waits for something else is left out, and the second branch of a fork.
fn whole(changes: &[SignedChange]) -> Automerge {
    let mut document = Automerge::load(Kind::Case.genesis_bytes()).unwrap();
    for change in changes {
        let loaded = document.load_incremental(&change.chunk);
        assert!(matches!(loaded, Ok(_) | Err(AutomergeError::DuplicateSeqNumber(..))), "{loaded:?}");
    }
    document
}
