//! What a member who keeps no rule says: what others said in good sessions, the same spoiled, and messages of every
//! type that are well formed and made up.

use caseplan_core::exchange::message::Message;
use caseplan_core::identity::cbor::Writer;

use crate::fuzz::Dice;
use crate::scene::Scene;
use crate::support::hostile::messages;

/// A message's type and body.
pub type Said = (u8, Vec<u8>);

pub struct Talk {
    pub samples: Vec<Said>,
    /// Of scopes and documents, known to the phone and not.
    ids: Vec<[u8; 16]>,
    /// What stands of actors' work in vectors: actor, number, mark.
    entries: Vec<[u8; 40]>,
    records: Vec<Vec<u8>>,
}

impl Talk {
    pub fn of(scene: &Scene, samples: Vec<Said>) -> Self {
        let documents = scene.documents.iter();
        let mut ids: Vec<[u8; 16]> = documents
            .flat_map(|(target, _, _)| [*target.id.as_bytes(), *target.header.scope.as_bytes()])
            .collect();
        ids.push(*scene.phone.store.identity().domain().as_bytes());
        ids.push([9; 16]);
        let chunks = scene.documents.iter().flat_map(|(_, _, changes)| changes);
        let entries = chunks.map(|change| {
            let limits = caseplan_core::document::chunk::Limits::DEFAULT;
            let header = caseplan_core::document::chunk::read_change(&change.chunk, &limits).unwrap();
            let entry = [&header.actor.0[..], &header.seq.to_be_bytes(), &header.hash.0[..8]].concat();
            entry.try_into().unwrap()
        });
        let entries = entries.collect();
        let records = messages(&scene.phone).into_iter().flat_map(|message| match message {
            Message::Authority { records } => records,
            _ => Vec::new(),
        });
        let records = records.collect();
        Self { samples, ids, entries, records }
    }

    pub fn says(&self, dice: &Dice) -> Said {
        let (kind, body) = &self.samples[dice.below(self.samples.len())];
        match dice.below(12) {
            0..3 => (*kind, body.clone()),
            3 => (*kind, dice.spoil(body)),
            4 if dice.below(2) == 0 => (dice.below(31) as u8, dice.spoil(body)),
            _ => self.made_up(dice),
        }
    }

    fn id(&self, dice: &Dice) -> [u8; 16] {
        match dice.below(4) {
            0 => dice.bytes(16).try_into().unwrap(),
            _ => self.ids[dice.below(self.ids.len())],
        }
    }

    /// So many things, mostly few.
    fn count(dice: &Dice, most: usize) -> usize {
        match dice.below(6) {
            0 => dice.below(most),
            1 => 0,
            _ => 1 + dice.below(3),
        }
    }

    fn holding(&self, dice: &Dice, most: usize) -> Vec<u8> {
        let entry = || match dice.below(3) {
            0 => dice.bytes(40),
            _ => {
                let mut entry = self.entries[dice.below(self.entries.len())].to_vec();
                let at = [31, 39, dice.below(40)][dice.below(3)];
                entry[at] = entry[at].wrapping_add(dice.below(3) as u8);
                entry
            }
        };
        (0..Self::count(dice, most)).flat_map(|_| entry()).collect()
    }

    /// Ids, each with a byte string.
    fn pairs(&self, dice: &Dice, most: usize, with: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
        let count = Self::count(dice, most);
        let mut writer = Writer::array(count as u64);
        for _ in 0..count {
            writer = writer.nested(2).bytes(&self.id(dice)).bytes(&with(1_500 / (count + 1)));
        }
        writer.done()
    }

    pub fn made_up(&self, dice: &Dice) -> Said {
        let kind = 2 + dice.below(28) as u8;
        let entries = |most: usize| {
            let of = |_| [&self.id(dice)[..], &dice.bytes(16)].concat();
            (0..Self::count(dice, most)).flat_map(of).collect::<Vec<u8>>()
        };
        let one = Writer::array(1);
        let two = Writer::array(2);
        let large = [0, 1, 255, 1 << 32, u64::MAX >> 1][dice.below(5)];
        let body = match kind {
            2 => two.bytes(&entries(1_900)).bytes(&dice.bytes(16)).done(),
            3 | 26 => self.pairs(dice, 256, entries),
            4 | 27 => {
                let records = (0..Self::count(dice, 200)).map(|_| {
                    let record = &self.records[dice.below(self.records.len())];
                    if dice.below(2) == 0 { record.clone() } else { dice.spoil(record) }
                });
                let mut records: Vec<_> = records.collect();
                records.iter_mut().for_each(|record| record.truncate(300));
                Writer::array(records.len() as u64).all(&records).done()
            }
            6 => one.bytes(&dice.bytes([0, 16, 16, 15][dice.below(4)])).done(),
            8 => one.bytes(&dice.bytes(16 << dice.below(12))).done(),
            9 => self.pairs(dice, 500, entries),
            10 => {
                let step = 1 + dice.below(40);
                let numbers = (0..4_096_u16).step_by(step).take(Self::count(dice, 4_096));
                one.bytes(&numbers.flat_map(u16::to_be_bytes).collect::<Vec<u8>>()).done()
            }
            11 | 29 => self.pairs(dice, 64, |most| self.holding(dice, most)),
            13 => two.unsigned(large).unsigned(large).done(),
            17 => two.bytes(&self.id(dice)).bytes(&self.holding(dice, 1_500)).done(),
            19 => {
                let count = Self::count(dice, 1_000);
                let add = |writer: Writer, _| writer.nested(2).bytes(&dice.bytes(32)).text("a_reason");
                (0..count).fold(Writer::array(count as u64), add).done()
            }
            20 => Writer::array(3).bytes(&self.id(dice)).bytes(&dice.bytes(32)).unsigned(large).done(),
            21 => {
                let writer = Writer::array(4).bytes(&self.id(dice)).bytes(&dice.bytes(32)).unsigned(large);
                writer.bytes(&dice.bytes(dice.below(40_000))).done()
            }
            24 => two.text("a_reason").time(Some(large as i64)).done(),
            28 => {
                let count = Self::count(dice, 64);
                let add = |writer: Writer, _| {
                    let writer = writer.nested(3).bytes(&self.id(dice)).bytes(&self.id(dice));
                    writer.bytes(&self.holding(dice, 1_400 / (count + 1)))
                };
                (0..count).fold(Writer::array(count as u64), add).done()
            }
            14..=16 | 25 => {
                let of_kind = self.samples.iter().filter(|(other, _)| *other == kind);
                let of_kind: Vec<_> = of_kind.collect();
                of_kind.get(dice.below(of_kind.len())).map_or(Vec::new(), |(_, body)| body.clone())
            }
            _ => Writer::array(0).done(),
        };
        (kind, body)
    }
}
