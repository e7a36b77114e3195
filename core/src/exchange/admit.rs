//! The guard: what every foreign change passes before it is part of a document (`sync.md` §6, in that order).
//!
//! 1 size, 2 a bounded reader, 3 its hash, 4 actor and signature, 5 authority, 6 ancestors, 7 structure relative to
//! them, 8 forks, 9 Automerge behind a wall, 10 one transaction. What fails is kept with a typed reason and never
//! blocks the rest.

use std::collections::BTreeMap;

use super::ancestry::{Accepted, Ancestry, Fit};
use super::fork::{self, Choices};
use super::message::SignedChange;
use super::refusal::Refusal;
use crate::document::chunk::{self, ChangeHeader, Limits};
use crate::document::{Document, Kind, guard};
use crate::error::Result;
use crate::identity::signature::Place;
use crate::identity::{Authority, ChangeFacts, ScopeFacts, Verdict};
use crate::ids::{Actor, ChangeHash, DeviceId, DocumentId, sha256};
use crate::planted::{self, Defect};
use crate::storage::changes::{ChangeState, ChangeToStore};
use crate::storage::documents::DocumentRow;
use crate::storage::{Reading, Writing};

/// The most changes of one author in one document that may wait for each reason, and of unknown authors together.
const MAX_WAITING: usize = 1_000;

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    /// The document as it is now, if anything went in.
    pub document: Option<Document>,
    /// How many went in.
    pub accepted: u64,
    /// Whose they were, with the latest time that each wrote.
    pub actors: BTreeMap<Actor, i64>,
    /// How many were held already.
    pub known: u64,
    /// The others, with reasons.
    pub refused: Vec<(ChangeHash, Refusal)>,
}

/// What a document's changes are judged by.
#[derive(Clone, Copy)]
pub(crate) struct By<'a> {
    /// Who counts,
    pub authority: &'a Authority,
    /// for the document's scope.
    pub scope: ScopeFacts,
    /// Which branches of its forks are kept.
    pub choices: &'a Choices,
}

/// A change that passed steps 1 to 5.
struct Candidate {
    header: ChangeHeader,
    change: SignedChange,
    /// Its row, if it was held and is tried again.
    row: Option<i64>,
}

/// Takes a batch of one document through the guard and stores what became of each change.
pub(crate) fn admit(
    tx: &Writing<'_>,
    by: By<'_>,
    row: &DocumentRow,
    document: &Document,
    changes: Vec<SignedChange>,
    now_millis: i64,
) -> Result<Admitted> {
    let mut guard = Guard { tx, by, row, now_millis, admitted: Admitted::default() };
    let mut candidates = guard.retried()?;
    for change in changes {
        candidates.extend(guard.inspect(change, &candidates)?);
    }
    guard.apply(document, candidates)?;
    Ok(guard.admitted)
}

struct Guard<'a> {
    tx: &'a Writing<'a>,
    by: By<'a>,
    row: &'a DocumentRow,
    now_millis: i64,
    admitted: Admitted,
}

impl Guard<'_> {
    fn reading(&self) -> Reading<'_> {
        self.tx.reading()
    }

    fn place(&self) -> Place<'_> {
        Place {
            scope: crate::ids::ScopeId(uuid::Uuid::from_bytes(self.row.scope_id)),
            document: DocumentId(uuid::Uuid::from_bytes(self.row.document_id)),
            kind: &self.row.kind,
        }
    }

    /// Held changes that may go in now: whatever waits, and what counts since.
    fn retried(&mut self) -> Result<Vec<Candidate>> {
        let mut candidates = Vec::new();
        for (held, chunk) in self.reading().held_of(self.row.id)? {
            let newer = held.state == ChangeState::NewerKind && Kind::from_code(&self.row.kind).is_none();
            if held.state == ChangeState::Poisoned || newer {
                continue;
            }
            let change = SignedChange { chunk, signature: held.signature, certificate: held.certificate };
            let Ok(header) = chunk::read_change(&change.chunk, &Limits::DEFAULT) else { continue };
            // Whose key signed was checked when it came, unless nobody's was known.
            let proven = held.state != ChangeState::UnknownAuthor;
            let state = self.authorship(&header, &change, proven);
            if !proven && matches!(&state, Ok(state) if *state != Some(ChangeState::UnknownAuthor)) {
                self.tx.forget_held_from(self.row.id, &header.actor.0, header.seq)?;
            }
            match state {
                Ok(None) => candidates.push(Candidate { header, change, row: Some(held.id) }),
                Ok(Some(state)) if state == held.state => {}
                Ok(Some(state)) => {
                    self.settle(&Candidate { header, change, row: Some(held.id) }, state)?;
                }
                Err(reason) => {
                    self.tx.remove_change(held.id)?;
                    self.evidence(&change.chunk, header.hash, reason)?;
                }
            }
        }
        Ok(candidates)
    }

    /// Steps 1 to 5 for one change.
    fn inspect(&mut self, change: SignedChange, others: &[Candidate]) -> Result<Option<Candidate>> {
        let header = match chunk::read_change(&change.chunk, &Limits::DEFAULT) {
            Ok(header) => header,
            Err(refused) => {
                let hash = ChangeHash(sha256(&[&change.chunk]));
                self.evidence(&change.chunk, hash, Refusal::of_chunk(refused))?;
                return Ok(None);
            }
        };
        let twice = others.iter().any(|other| other.header.hash == header.hash);
        let held = self.reading().change(self.row.id, &header.hash.0)?;
        // What somebody brought under a certificate that does not count must not keep the true one away.
        let unproven = held.as_ref().filter(|held| held.state == ChangeState::UnknownAuthor);
        if twice || held.is_some() && unproven.is_none() {
            self.admitted.known += 1;
            return Ok(None);
        }
        match self.authorship(&header, &change, false) {
            Ok(Some(ChangeState::UnknownAuthor)) if unproven.is_some() => {
                // Whoever brings it again hears again that it counts for nothing here.
                self.admitted.refused.push((header.hash, Refusal::UnknownAuthor));
                Ok(None)
            }
            Ok(state) => {
                if let Some(unproven) = unproven {
                    self.tx.remove_change(unproven.id)?;
                }
                let Some(state) = state else { return Ok(Some(Candidate { header, change, row: None })) };
                // Whatever keeps it out: its branch has lost, and would be taken out again.
                if state != ChangeState::UnknownAuthor && fork::is_lost(self.by.choices, &header) {
                    self.evidence(&change.chunk, header.hash, Refusal::Forked)?;
                    return Ok(None);
                }
                if self.too_many(&header, state)? {
                    self.admitted.refused.push((header.hash, Refusal::OverLimit));
                } else {
                    self.hold(&header, &change, state)?;
                }
                Ok(None)
            }
            Err(reason) => {
                self.evidence(&change.chunk, header.hash, reason)?;
                Ok(None)
            }
        }
    }

    /// Steps 4 and 5: nothing if it counts, else the state in which it is held.
    fn authorship(
        &self,
        header: &ChangeHeader,
        change: &SignedChange,
        proven: bool,
    ) -> Result<Option<ChangeState>, Refusal> {
        if header.actor == Actor::GENESIS {
            return Err(Refusal::WrongActor);
        }
        // Whether a certificate counts may change; whose key signed cannot.
        let Some(certificate) = self.by.authority.held_certificate(&change.certificate) else {
            return Ok(Some(ChangeState::UnknownAuthor));
        };
        if header.actor.device() != certificate.device && !planted::is(Defect::ActorPrefixUnchecked) {
            return Err(Refusal::WrongActor);
        }
        if !proven && !self.place().verify(certificate, &header.hash, &change.signature) {
            return Err(Refusal::BadSignature);
        }
        let verdict = self.by.authority.verdict(&ChangeFacts {
            certificate: &change.certificate,
            actor: header.actor,
            seq: header.seq,
            document: self.place().document,
            kind: &self.row.kind,
            scope: self.by.scope,
        });
        Ok(match verdict {
            Verdict::Counts => None,
            Verdict::UnknownAuthor => Some(ChangeState::UnknownAuthor),
            Verdict::AuthorEnded => Some(ChangeState::AuthorEnded),
            Verdict::NotGranted => Some(ChangeState::NotGranted),
        })
    }

    fn too_many(&self, header: &ChangeHeader, state: ChangeState) -> Result<bool> {
        let held = match state {
            ChangeState::UnknownAuthor => self.reading().unknown_authors(self.row.id)?,
            other => self.reading().held_by(self.row.id, header.actor.device().as_bytes(), other)?,
        };
        Ok(held >= MAX_WAITING as u64)
    }

    /// Steps 6 to 10 for all candidates, in as many rounds as ancestry needs.
    fn apply(&mut self, document: &Document, mut candidates: Vec<Candidate>) -> Result<()> {
        let Some(kind) = Kind::from_code(&self.row.kind) else {
            for candidate in candidates {
                self.settle(&candidate, ChangeState::NewerKind)?;
            }
            return Ok(());
        };
        candidates.sort_by_key(|candidate| (candidate.header.start_op, candidate.header.actor));
        let mut ready: Vec<Candidate> = Vec::new();
        let Self { tx, row, by: By { choices, .. }, .. } = *self;
        let ancestry = Ancestry { reading: &tx.reading(), document: row.id, kind, choices };
        let mut accepted = Accepted::new();
        loop {
            let before = candidates.len();
            let mut waiting = Vec::new();
            for candidate in std::mem::take(&mut candidates) {
                match ancestry.fits(&candidate.header, &accepted)? {
                    Fit::Now => {
                        let header = &candidate.header;
                        accepted.insert(header.hash, (header.actor, header.seq, header.max_op()));
                        ready.push(candidate);
                    }
                    Fit::Waits => waiting.push(candidate),
                    Fit::Forked => self.settle(&candidate, ChangeState::Forked)?,
                    Fit::Never(reason) => {
                        if let Some(row) = candidate.row {
                            self.tx.remove_change(row)?;
                        }
                        self.evidence(&candidate.change.chunk, candidate.header.hash, reason)?;
                    }
                }
            }
            candidates = waiting;
            if candidates.len() == before {
                break;
            }
        }
        candidates.extend(self.go_in(document, ready)?);
        let mut waiting: BTreeMap<DeviceId, usize> = BTreeMap::new();
        // What is held already counts, wherever it stands.
        candidates.sort_by_key(|candidate| candidate.row.is_none());
        for candidate in candidates {
            let count = waiting.entry(candidate.header.actor.device()).or_default();
            *count += 1;
            if *count > MAX_WAITING && candidate.row.is_none() {
                self.admitted.refused.push((candidate.header.hash, Refusal::OverLimit));
            } else {
                self.settle(&candidate, ChangeState::Waiting)?;
            }
        }
        Ok(())
    }

    /// Step 9 and the rows of step 10; those that the engine did not try to the end.
    fn go_in(&mut self, document: &Document, ready: Vec<Candidate>) -> Result<Vec<Candidate>> {
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let bytes: Vec<(ChangeHash, Vec<u8>)> =
            ready.iter().map(|candidate| (candidate.header.hash, candidate.change.chunk.clone())).collect();
        let applied = guard::apply(document, &bytes);
        let mut left = Vec::new();
        for candidate in ready {
            if applied.document.holds(&candidate.header.hash) {
                self.settle(&candidate, ChangeState::Accepted)?;
                self.admitted.accepted += 1;
                let latest = self.admitted.actors.entry(candidate.header.actor).or_insert(i64::MIN);
                *latest = (*latest).max(candidate.header.time);
            } else if applied.poisoned.contains(&candidate.header.hash) {
                self.settle(&candidate, ChangeState::Poisoned)?;
            } else {
                left.push(candidate);
            }
        }
        self.admitted.document = Some(applied.document);
        Ok(left)
    }

    /// Keeps what became of a candidate.
    fn settle(&mut self, candidate: &Candidate, state: ChangeState) -> Result<()> {
        match candidate.row {
            Some(row) => {
                self.tx.set_state(row, state)?;
                if state != ChangeState::Accepted {
                    self.admitted.refused.push((candidate.header.hash, Refusal::of_state(state)));
                }
                Ok(())
            }
            None => self.hold(&candidate.header, &candidate.change, state),
        }
    }

    fn hold(&mut self, header: &ChangeHeader, change: &SignedChange, state: ChangeState) -> Result<()> {
        self.tx.add_change(&ChangeToStore {
            document: self.row.id,
            actor: &header.actor.0,
            seq: header.seq,
            max_op: header.max_op(),
            hash: &header.hash.0,
            certificate: &change.certificate,
            signature: &change.signature,
            time: header.time,
            code: &header.message,
            received_at: self.now_millis,
            state,
            chunk: &change.chunk,
        })?;
        if state != ChangeState::Accepted {
            self.admitted.refused.push((header.hash, Refusal::of_state(state)));
        }
        Ok(())
    }

    fn evidence(&mut self, bytes: &[u8], hash: ChangeHash, reason: Refusal) -> Result<()> {
        self.tx.add_evidence(Some(&self.row.document_id), &hash.0, reason.code(), bytes, self.now_millis)?;
        self.admitted.refused.push((hash, reason));
        Ok(())
    }
}
