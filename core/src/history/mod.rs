//! History: who changed what and when, and everything as it stood. Documents are loaded here, and only here.
//!
//! Three ways to say when: a version by its heads is exact; an instant means what writers had done by then, by their
//! own clocks; *as known* means what this device had received by then.

use std::collections::{BTreeMap, HashSet};

use crate::case::fields::read_case;
use crate::case::{Case, Participant, ParticipantVersion};
use crate::contact::Contact;
use crate::contact::fields::LogView;
use crate::document::{Document, Kind, View};
use crate::error::{Error, Result};
use crate::identity::Scope;
use crate::identity::founding::Header;
use crate::ids::{
    Actor, CaseId, ChangeHash, ContactId, DeviceId, DocumentId, ParticipantId, VisitationPlanId, WorkerId,
};
use crate::storage::Reading;
use crate::storage::documents::DocumentRow;
use crate::store::Store;
use crate::store::project::sign_addenda;
use crate::time::{Instant, from_unix};
use crate::visitation::VisitationPlan;
use crate::visitation::fields::read_plan;

/// When something is wanted as it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsOf {
    /// By what its writers had done until then, by their own clocks: equal on every device with equal documents.
    Instant {
        /// Until when.
        at: Instant,
    },
    /// By what this device had received until then.
    Known {
        /// Until when.
        at: Instant,
    },
    /// In a version: exact.
    Version {
        /// Its heads.
        heads: Vec<ChangeHash>,
    },
}

/// One entry of the event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What was done, such as `contact.complete`.
    pub code: String,
    /// The kind of document that it was done in.
    pub kind: String,
    /// The document.
    pub document: DocumentId,
    /// The change: the name of the version that it made.
    pub change: ChangeHash,
    /// Who did it, if their certificate counts.
    pub by: Option<WorkerId>,
    /// On which device.
    pub device: DeviceId,
    /// When, by that device's clock.
    pub at: Instant,
    /// When this device came to know of it.
    pub received_at: Instant,
}

/// A page of the event log, last received first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The entries.
    pub events: Vec<Event>,
    /// Where the next page begins; nothing on the last.
    pub next: Option<i64>,
}

/// The history of a store.
pub struct History<'a> {
    pub(crate) store: &'a Store,
}

impl History<'_> {
    /// The event log of a case, last received first, at most so many entries (1 to 1,000).
    pub fn events(&self, case: CaseId, after: Option<i64>, limit: u32) -> Result<EventPage> {
        let limit = limit.clamp(1, 1_000);
        self.store.read(|reading| {
            let mut rows = reading.event_log(case.as_bytes(), after, limit + 1)?;
            let more = rows.len() > limit as usize;
            rows.truncate(limit as usize);
            let next = rows.last().filter(|_| more).map(|(row, _)| row.id);
            let events = rows
                .into_iter()
                .map(|(row, kind)| {
                    let document = reading.document_of_row(row.document)?;
                    Ok(Event {
                        code: row.code.split(' ').next().unwrap_or_default().to_owned(),
                        kind,
                        document: DocumentId::from_slice(&document.document_id)?,
                        change: ChangeHash(row.hash),
                        by: row.worker.and_then(|worker| worker.parse().ok()),
                        device: Actor(row.actor).device(),
                        at: from_unix(row.time),
                        received_at: Instant::from_timestamp_millis(row.received_at)
                            .unwrap_or(Instant::UNIX_EPOCH),
                    })
                })
                .collect::<Result<_>>()?;
            Ok(EventPage { events, next })
        })
    }

    /// The version of a case's own document now: its heads.
    pub fn case_version(&self, case: CaseId) -> Result<Vec<ChangeHash>> {
        self.version(case, Scope::Level(1), Kind::Case, case.as_bytes())
    }

    /// The version of a plan's document now: its heads.
    pub fn plan_version(&self, plan: VisitationPlanId) -> Result<Vec<ChangeHash>> {
        let case = self.case_of_plan(plan)?;
        self.version(case, Scope::Visits(plan), Kind::VisitationPlan, plan.as_bytes())
    }

    /// A case as it stood; nothing if there was none yet.
    pub fn case_as_of(&self, case: CaseId, as_of: &AsOf) -> Result<Option<Case>> {
        self.as_of(case, Scope::Level(1), Kind::Case, case.as_bytes(), as_of, |view| {
            let read = read_case(case, view);
            (!read.participants.is_empty()).then_some(read)
        })
    }

    /// A plan as it stood, as a court saw it; nothing if there was none yet. Names are the copies in the plan.
    pub fn plan_as_of(&self, plan: VisitationPlanId, as_of: &AsOf) -> Result<Option<VisitationPlan>> {
        let case = self.case_of_plan(plan)?;
        self.as_of(case, Scope::Visits(plan), Kind::VisitationPlan, plan.as_bytes(), as_of, |view| {
            read_plan(case, plan, view)
        })
    }

    /// A contact as it stood: without the addenda that came later. Nothing if it was not recorded yet.
    pub fn contact_as_of(&self, contact: ContactId, as_of: &AsOf) -> Result<Option<Contact>> {
        self.store.read(|reading| {
            let row = reading.document_of_contact(contact.as_bytes())?;
            let row = reading.document_of_row(row.ok_or_else(|| Error::not_found("contact", contact))?)?;
            let (document, heads) = self.at(reading, &row, as_of)?;
            let view = document.view_at(&heads);
            let Some(mut stored) = LogView::new(CaseId::from_slice(&row.case_id)?, &view).contact(contact)
            else {
                return Ok(None);
            };
            sign_addenda(reading, &row, &mut stored)?;
            if let Some(change) = reading.change(row.id, &stored.made_by.0)? {
                stored.contact.recorded_on = Some(Actor(change.actor).device());
                stored.contact.recorded_by = change.worker.and_then(|worker| worker.parse().ok());
                stored.contact.recorded_at = Some(from_unix(change.time));
            }
            Ok(Some(stored.contact))
        })
    }

    /// Every state of a participant, in the order of the changes: names and birth dates that were corrected. What two changes
    /// that were made apart come to together has no author.
    pub fn participant_versions(
        &self,
        case: CaseId,
        participant: ParticipantId,
    ) -> Result<Vec<ParticipantVersion>> {
        self.store.read(|reading| {
            let row = require(reading, case, Scope::Level(1), Kind::Case, case.as_bytes())?;
            let document = self.store.load(reading, &row)?;
            let at = |heads: &[ChangeHash]| {
                read_case(case, &document.view_at(heads)).participant(participant).cloned()
            };
            let mut versions: Vec<ParticipantVersion> = Vec::new();
            // What nobody wrote, because two changes made apart came together.
            let merged =
                |versions: &mut Vec<ParticipantVersion>, seen: Option<Participant>, time: Option<i64>| {
                    if let Some((participant, time)) = seen.zip(time)
                        && versions.iter().all(|version| version.participant != participant)
                    {
                        versions.push(ParticipantVersion { participant, at: from_unix(time), by: None });
                    }
                };
            let mut times: BTreeMap<ChangeHash, i64> = BTreeMap::new();
            for (hash, time) in document.change_times() {
                let follows = document.follows(&hash);
                let (before, seen) = (at(&follows), at(&[hash]));
                if follows.len() > 1 {
                    let latest = follows.iter().filter_map(|dep| times.get(dep)).max().copied();
                    merged(&mut versions, before.clone(), latest);
                }
                times.insert(hash, time);
                let Some(seen) = seen.filter(|seen| before.as_ref() != Some(seen)) else { continue };
                let change =
                    reading.change(row.id, &hash.0)?.ok_or(Error::Unexpected { reason: "change" })?;
                versions.push(ParticipantVersion {
                    participant: seen,
                    at: from_unix(change.time),
                    by: change.worker.and_then(|worker| worker.parse().ok()),
                });
            }
            let heads = document.heads();
            let latest = heads.iter().filter_map(|head| times.get(head)).max().copied();
            if heads.len() > 1 {
                merged(&mut versions, at(&heads), latest);
            }
            if versions.is_empty() { Err(Error::not_found("participant", participant)) } else { Ok(versions) }
        })
    }

    fn case_of_plan(&self, plan: VisitationPlanId) -> Result<CaseId> {
        self.store.read(|reading| {
            let row = reading
                .plan_row(plan.as_bytes())?
                .ok_or_else(|| Error::not_found("visitation plan", plan))?;
            Ok(CaseId::from_slice(&row.case_id)?)
        })
    }

    fn version(&self, case: CaseId, scope: Scope, kind: Kind, name: &[u8]) -> Result<Vec<ChangeHash>> {
        self.store.read(|reading| {
            let row = require(reading, case, scope, kind, name)?;
            Ok(reading.heads(row.id)?.into_iter().map(ChangeHash).collect())
        })
    }

    fn as_of<T>(
        &self,
        case: CaseId,
        scope: Scope,
        kind: Kind,
        name: &[u8],
        as_of: &AsOf,
        read: impl FnOnce(&View<'_>) -> Option<T>,
    ) -> Result<Option<T>> {
        self.store.read(|reading| {
            let row = require(reading, case, scope, kind, name)?;
            let (document, heads) = self.at(reading, &row, as_of)?;
            if heads.is_empty() { Ok(None) } else { Ok(read(&document.view_at(&heads))) }
        })
    }

    /// A document and the heads that a time or version means in it.
    ///
    /// An actor's change follows all its earlier ones, so each actor's last one until then is enough. What was received before
    /// something that it follows was not seen yet.
    fn at(
        &self,
        reading: &Reading<'_>,
        row: &DocumentRow,
        as_of: &AsOf,
    ) -> Result<(Document, Vec<ChangeHash>)> {
        let document = self.store.load(reading, row)?;
        let heads = match as_of {
            AsOf::Instant { at } => reading.last_until(row.id, at.timestamp())?,
            AsOf::Known { at } => {
                let here = reading.received_until(row.id, at.timestamp_millis())?;
                let here: HashSet<[u8; 32]> = here.into_iter().collect();
                document.newest_known(|hash| here.contains(&hash.0)).into_iter().map(|hash| hash.0).collect()
            }
            AsOf::Version { heads } => {
                if let Some(unknown) = heads.iter().find(|hash| !document.holds(hash)) {
                    return Err(Error::NotYetHere { kind: "change", id: unknown.to_string() });
                }
                heads.iter().map(|hash| hash.0).collect()
            }
        };
        Ok((document, heads.into_iter().map(ChangeHash).collect()))
    }
}

fn require(
    reading: &Reading<'_>,
    case: CaseId,
    scope: Scope,
    kind: Kind,
    name: &[u8],
) -> Result<DocumentRow> {
    let id = Header::new(scope.id(case), kind, name.to_vec()).document_id();
    reading.document(id.as_bytes())?.ok_or_else(|| Error::not_found(kind.code(), id))
}
