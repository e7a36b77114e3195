//! What each peer is known to hold: for people, and to say what exists only here.

use std::collections::{BTreeMap, BTreeSet};

use super::digest::{self, Held};
use crate::error::Result;
use crate::exchange::vector::{self, Holding, Same};
use crate::identity::Standing;
use crate::ids::{CaseId, ChangeHash, DeviceId};
use crate::storage::Writing;
use crate::storage::documents::DocumentRow;
use crate::storage::peers::Gone;
use crate::storage::vectors::VectorEntry;
use crate::store::{LogLevel, Store};

/// What passed with a peer in a session of a document that the two do not look at in rounds.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    /// The actors of whom it was told what is here, and has answered what of that it holds.
    pub asked: BTreeSet<[u8; 24]>,
    /// The changes that it took in of what it was sent, by hash.
    pub taken: BTreeSet<[u8; 32]>,
}

/// On what occasion a peer said what it holds of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// It told everything that it holds of it.
    Everything,
    /// It told some of what it holds.
    Something,
    /// It took in what was sent to it before.
    Acknowledged,
    /// The same, and it told everything that it holds of it.
    AcknowledgedAll,
}

impl Said {
    fn everything(self) -> bool {
        matches!(self, Self::Everything | Self::AcknowledgedAll)
    }

    fn acknowledged(self) -> bool {
        matches!(self, Self::Acknowledged | Self::AcknowledgedAll)
    }
}

impl Store {
    /// Changes that no peer who is still in their scope is known to hold, whoever wrote them.
    pub(crate) fn only_here(&self) -> Result<u64> {
        let gone = self.gone()?;
        self.read(|reading| Ok(reading.only_here(&gone)?))
    }

    /// Who is not counted upon to hold anything: whoever was ended hands over only its own work, whoever has no certificate
    /// that counts nothing, and what was taken back from somebody goes from there.
    pub(crate) fn gone(&self) -> Result<Gone> {
        let now = self.trusted_time()?;
        let holders = self.read(|reading| Ok(reading.all_holders()?))?;
        let own = self.own();
        let mut gone = Gone::default();
        for holder in holders {
            let standing = own.authority.standing(DeviceId::from_slice(&holder)?, now);
            if matches!(standing, Standing::Ended | Standing::Unknown) {
                gone.add(&holder);
            }
        }
        let changed = own.authority.all_changed();
        for facts in own.authority.scopes() {
            let changed = changed.iter().copied();
            let changed = changed.filter(|device| own.authority.shut_out(*device, facts, now).is_some());
            for device in own.authority.all_shut_out(facts, now).into_iter().chain(changed) {
                gone.add_of(device.as_bytes(), facts.id().as_bytes());
            }
        }
        Ok(gone)
    }

    /// A session with a peer begins.
    pub(crate) fn note_met(&self, peer: DeviceId) -> Result<()> {
        let now = self.now()?.timestamp_millis();
        Ok(self.inner.database.write(|tx| tx.note_met(peer.as_bytes(), now))?)
    }

    /// What a peer is known to hold of a document.
    pub(crate) fn held_by(&self, peer: DeviceId, document: i64) -> Result<Holding> {
        let held = self.read(|reading| Ok(reading.held_by_peer(peer.as_bytes(), document)?))?;
        Ok(held.into_iter().map(|(actor, seq)| (actor, (seq, [0; 8]))).collect())
    }

    /// The same, by the document's id.
    pub(crate) fn held_by_of(&self, peer: DeviceId, document: &[u8; 16]) -> Result<Holding> {
        let row = self.read(|reading| Ok(reading.document(document)?))?;
        row.map_or(Ok(Holding::new()), |row| self.held_by(peer, row.id))
    }

    /// Peer and store hold the same of these documents, which are all that both may read. What was committed since they
    /// were compared is not in it.
    pub(crate) fn note_equal(&self, peer: DeviceId, held: &Held) -> Result<()> {
        let behind = self.read(|reading| {
            let mut behind = Vec::new();
            for (id, compared) in held.0.values().flatten() {
                let vector = reading.vector(compared.row)?;
                if digest::of_document(id, &vector) != compared.digest {
                    continue;
                }
                let known = reading.held_by_peer(peer.as_bytes(), compared.row)?;
                let known: BTreeMap<_, _> = known.into_iter().collect();
                if vector.iter().any(|ours| known.get(&ours.actor).is_none_or(|known| *known < ours.top)) {
                    behind.push((compared.row, vector::holding(&vector)));
                }
            }
            Ok(behind)
        })?;
        let now = self.now()?.timestamp_millis();
        self.inner.database.write(|tx| {
            tx.note_equal(peer.as_bytes(), held.0.keys(), now)?;
            keep_held(tx, peer, &behind, Said::Something)
        })
    }

    /// A peer was seen to hold the same of some scopes.
    pub(crate) fn note_equal_scopes(&self, peer: DeviceId, scopes: &[[u8; 16]]) -> Result<()> {
        let now = self.now()?.timestamp_millis();
        Ok(self.inner.database.write(|tx| tx.note_equal_scopes(peer.as_bytes(), scopes, now))?)
    }

    /// A peer says what it holds of documents. Where that is less than it was known to hold, it was restored: the truth
    /// is what it says now. Where it knows later work of this device's own present actor than is here, this device was
    /// restored: it writes there as somebody new from now on, and gets its work back.
    pub(crate) fn note_vectors(&self, peer: DeviceId, vectors: &[(i64, Holding)]) -> Result<()> {
        if vectors.is_empty() { Ok(()) } else { self.keep_held(peer, vectors, Said::Everything) }
    }

    /// Of what was named of a document a peer holds this: no more, whatever it was taken to hold.
    pub(crate) fn note_named(
        &self,
        peer: DeviceId,
        document: i64,
        named: &Holding,
        held: &Holding,
    ) -> Result<()> {
        self.inner.database.write(|tx| {
            let reading = tx.reading();
            let before = reading.held_by_peer(peer.as_bytes(), document)?;
            tx.clear_held_elsewhere(peer.as_bytes(), document)?;
            for (actor, seq) in before.iter().filter(|(actor, _)| !named.contains_key(actor)) {
                tx.set_held_elsewhere(peer.as_bytes(), document, actor, *seq)?;
            }
            let same = Same::of(&reading, document)?;
            for (actor, (seq, mark)) in held.iter().filter(|(actor, _)| named.contains_key(*actor)) {
                if let Some(seq) = same.up_to(actor, *seq, mark)? {
                    tx.set_held_elsewhere(peer.as_bytes(), document, actor, seq)?;
                }
            }
            Ok(())
        })
    }

    /// Keeps what a peer said that it holds, by document id: of its own accord, or after it took in what was sent.
    pub(crate) fn note_held_documents<'a>(
        &self,
        peer: DeviceId,
        held: impl Iterator<Item = ([u8; 16], &'a Holding)>,
        said: Said,
    ) -> Result<()> {
        let rows = self.read(|reading| {
            let mut rows = Vec::new();
            for (document, holding) in held {
                rows.extend(reading.document(&document)?.map(|row| (row.id, holding.clone())));
            }
            Ok(rows)
        })?;
        if rows.is_empty() { Ok(()) } else { self.keep_held(peer, &rows, said) }
    }

    /// A peer says what it holds of documents of which it was handed these changes, whatever it has made of them: where it
    /// had settled for another branch they wait there for a person.
    pub(crate) fn note_handed(
        &self,
        peer: DeviceId,
        documents: &[([u8; 16], &Holding, &Handed)],
    ) -> Result<()> {
        if documents.is_empty() {
            return Ok(());
        }
        self.inner.database.write(|tx| {
            let reading = tx.reading();
            for (document, held, handed) in documents {
                if let Some(row) = reading.document(document)? {
                    keep_handed(tx, peer, row.id, held, handed)?;
                }
            }
            Ok(())
        })
    }

    fn keep_held(&self, peer: DeviceId, held: &[(i64, Holding)], said: Said) -> Result<()> {
        self.inner.database.write(|tx| keep_held(tx, peer, held, said))
    }

    /// A peer did not take some changes.
    pub(crate) fn log_notices(&self, peer: DeviceId, notices: &[([u8; 32], String)]) {
        for (hash, reason) in notices {
            let ids = vec![peer.to_string(), ChangeHash(*hash).to_string(), reason.clone()];
            self.inner.log(LogLevel::Warning, "sync.refused_by_peer", ids);
        }
    }
}

fn keep_handed(tx: &Writing<'_>, peer: DeviceId, row: i64, held: &Holding, handed: &Handed) -> Result<()> {
    let reading = tx.reading();
    let known = || -> Result<BTreeMap<_, _>> {
        Ok(reading.held_by_peer(peer.as_bytes(), row)?.into_iter().collect())
    };
    let before = known()?;
    keep_held(tx, peer, &[(row, held.clone())], Said::Everything)?;
    let now = known()?;
    for entry in reading.vector(row)? {
        let Some((seq, _)) = held.get(&entry.actor) else { continue };
        // Where it is further than this device, what it has answered in this session still holds.
        let kept = now.get(&entry.actor).copied().unwrap_or(0);
        let asked = *seq > entry.top && handed.asked.contains(&entry.actor);
        let known = if asked { before.get(&entry.actor).copied().unwrap_or(0) } else { kept }.min(entry.top);
        let above = reading.hashes_above(row, &entry.actor, known, entry.top)?;
        let all = !above.is_empty() && above.iter().all(|hash| handed.taken.contains(hash));
        let up_to = if all { entry.top } else { known };
        if up_to > kept {
            tx.set_held_elsewhere(peer.as_bytes(), row, &entry.actor, up_to)?;
        }
    }
    Ok(())
}

fn keep_held(tx: &Writing<'_>, peer: DeviceId, held: &[(i64, Holding)], said: Said) -> Result<()> {
    for (row, holding) in held {
        if said.everything() {
            tx.clear_held_elsewhere(peer.as_bytes(), *row)?;
        }
        let reading = tx.reading();
        let (own, mut same) = (reading.own_actor(*row)?, Same::of(&reading, *row)?);
        for (actor, (seq, mark)) in holding {
            if let Some(seq) = same.up_to(actor, *seq, mark)? {
                tx.set_held_elsewhere(peer.as_bytes(), *row, actor, seq)?;
                continue;
            }
            let is_ahead = !same.reaches(actor, *seq)?;
            if is_ahead && own == Some(*actor) {
                tx.rotate_actor(*row)?;
            }
            // It knows later work than is here, or another branch, and of what was sent that is not all: had the
            // two parted unknown to it, it would say so by now; where it knows that they did, it holds both.
            if !said.acknowledged() || !is_ahead && said == Said::Acknowledged {
                continue;
            }
            let last = same.entry(actor)?;
            if let Some(last) = last.filter(|last| last.branches.is_empty() && (last.seq < *seq || !is_ahead))
            {
                tx.set_held_elsewhere(peer.as_bytes(), *row, actor, last.seq)?;
            }
        }
    }
    Ok(())
}

/// What is held here, or of a case, by scope: to tell what a peer is not known to hold of it.
#[derive(Debug, Default)]
pub(crate) struct Here {
    case: Option<CaseId>,
    scopes: BTreeMap<[u8; 16], Vec<(i64, VectorEntry)>>,
}

impl Here {
    /// Of all scopes.
    pub fn of_all(store: &Store) -> Result<Self> {
        store.read(|reading| Ok(Self::of(None, reading.documents()?, reading.vectors()?)))
    }

    /// Of a case's scopes.
    pub fn of_case(store: &Store, case: CaseId) -> Result<Self> {
        let id = case.as_bytes();
        store.read(|reading| {
            Ok(Self::of(Some(case), reading.documents_of_case(id)?, reading.vectors_of_case(id)?))
        })
    }

    fn of(
        case: Option<CaseId>,
        documents: Vec<DocumentRow>,
        mut vectors: BTreeMap<i64, Vec<VectorEntry>>,
    ) -> Self {
        let mut here = Self { case, scopes: BTreeMap::new() };
        for document in documents {
            let vector = vectors.remove(&document.id).unwrap_or_default();
            let entries = vector.into_iter().map(|entry| (document.id, entry));
            here.scopes.entry(document.scope_id).or_default().extend(entries);
        }
        here
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.scopes.is_empty()
    }

    /// The scopes of which something is that a device may read now.
    pub fn read_by(&self, store: &Store, device: DeviceId) -> Result<BTreeSet<[u8; 16]>> {
        let mut read = BTreeSet::new();
        for scope in self.scopes.keys() {
            if store.reads(device, scope)? {
                read.insert(*scope);
            }
        }
        Ok(read)
    }

    /// How many changes of some scopes a peer is not known to hold, by their numbers.
    pub fn lacking(&self, store: &Store, peer: DeviceId, scopes: &BTreeSet<[u8; 16]>) -> Result<u64> {
        let case = self.case.as_ref().map(CaseId::as_bytes);
        let held = store.read(|reading| Ok(reading.held_by_peer_of_all(peer.as_bytes(), case)?))?;
        let read = scopes.iter().filter_map(|scope| self.scopes.get(scope)).flatten();
        let lacks = |(document, entry): &(i64, VectorEntry)| {
            entry.above(held.get(&(*document, entry.actor)).copied().unwrap_or(0))
        };
        Ok(read.map(lacks).sum())
    }
}
