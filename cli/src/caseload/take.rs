//! One case of the file, whole or not at all: what is here already stays as it is, what is wrong is told row by row.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

use caseplan_core::case::{CaseImport, Origin};
use caseplan_core::ids::{CaseId, ParticipantId, VisitationPlanId};
use caseplan_core::time::{Day, Zone};
use caseplan_core::visitation::OccurrenceRef;
use caseplan_core::{Error, Store};
use uuid::Uuid;

use super::cell::Why;
use super::columns::Kind;
use super::group::{CaseRows, Entry, Refused};
use super::read::{self, CaseRow, Names};
use crate::failed::in_words;

/// What became of a case's rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many rows of each kind were taken in.
    pub new: BTreeMap<Kind, u64>,
    /// How many rows were here already.
    pub known: u64,
}

/// Why nothing of a case was taken in.
pub enum NotTaken {
    /// Because of these rows.
    Refused(Vec<Refused>),
    /// The store failed: there is no use in going on.
    Failed(Error),
}

impl From<Error> for NotTaken {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Takes in one case.
pub fn take(store: &Store, rows: &CaseRows<'_>) -> Result<Taken, NotTaken> {
    let zone = store.zone();
    store.cases().import(|import| {
        let mut taking = Taking {
            rows,
            zone,
            import,
            case: None,
            people: HashMap::new(),
            plans: HashMap::new(),
            missing: Cell::new(false),
            taken: Taken::default(),
            refused: rows.refused.clone(),
        };
        taking.run()?;
        if taking.refused.is_empty() { Ok(taking.taken) } else { Err(NotTaken::Refused(taking.refused)) }
    })
}

/// A case that is being taken in. An id of nothing stands for a row that was refused: what names it is read, to find
/// out what else is wrong, and not taken in.
struct Taking<'t, 'c, 'a> {
    rows: &'t CaseRows<'t>,
    zone: Zone,
    import: &'t mut CaseImport<'c, 'a>,
    case: Option<CaseId>,
    people: HashMap<&'t str, Option<ParticipantId>>,
    plans: HashMap<&'t str, Option<VisitationPlanId>>,
    missing: Cell<bool>,
    taken: Taken,
    refused: Vec<Refused>,
}

impl<'t> Taking<'t, '_, '_> {
    fn run(&mut self) -> Result<(), NotTaken> {
        let rows: &'t CaseRows<'t> = self.rows;
        let closed = self.case()?;
        for entry in &rows.entries {
            self.missing.set(false);
            match entry.kind {
                Kind::Case => {}
                Kind::Participant => self.participant(entry)?,
                Kind::VisitationPlan => self.plan(entry)?,
                Kind::Contact => self.contact(entry)?,
            }
        }
        if let (Some((entry, on, why)), Some(case)) = (closed, self.case) {
            let done = self.import.close(case, on, &why);
            self.done(entry, done)?;
        }
        Ok(())
    }

    /// Finds the case or opens it; answers how it is to be closed in the end.
    fn case(&mut self) -> Result<Option<(&'t Entry<'t>, Day, String)>, NotTaken> {
        let rows: &'t CaseRows<'t> = self.rows;
        self.case = self.import.case(&rows.source, &rows.external_id)?;
        let Some(entry) = rows.entries.iter().find(|entry| entry.kind == Kind::Case) else {
            if self.case.is_none()
                && rows.refused.is_empty()
                && let Some(first) = rows.entries.first()
            {
                let why = format!("case: {:?} is neither in the file nor in the store", rows.external_id);
                self.refuse(first, why);
            }
            return Ok(None);
        };
        if self.case.is_some() {
            self.taken.known += 1;
            return Ok(None);
        }
        let read = self.origin(entry).and_then(|origin| read::case(entry.row, origin));
        let Some(CaseRow { case, primary_client, closed }) = self.read(entry, read) else { return Ok(None) };
        let client = rows
            .entries
            .iter()
            .find(|entry| entry.kind == Kind::Participant && entry.external_id == primary_client);
        let Some(client) = client else {
            // A row that is refused for itself may be the one.
            if !rows.refused.iter().any(|row| row.external_id.as_ref() == Some(&primary_client)) {
                self.refuse(
                    entry,
                    format!("primary_client: no participant of the case has the id {primary_client:?}"),
                );
            }
            return Ok(None);
        };
        let read = self.origin(client).and_then(|origin| read::participant(client.row, origin));
        let read = read.and_then(|(new, left)| match left {
            Some(_) => Err("until: the primary client cannot have left".to_owned()),
            None => Ok(new),
        });
        let Some(new) = self.read(client, read) else {
            self.people.insert(client.external_id, None);
            return Ok(None);
        };
        let done = self.import.create(&case, &new);
        if let Some(case) = self.done(entry, done)? {
            self.case = Some(case.id);
            self.people.insert(client.external_id, Some(case.primary_client));
            self.count(Kind::Case);
            self.count(Kind::Participant);
        }
        Ok(closed.map(|(on, why)| (entry, on, why)))
    }

    fn participant(&mut self, entry: &'t Entry<'t>) -> Result<(), NotTaken> {
        if self.people.contains_key(entry.external_id) {
            return Ok(());
        }
        let known = self.import.participant(&self.rows.source, entry.external_id)?;
        self.people.insert(entry.external_id, known);
        if known.is_some() {
            self.taken.known += 1;
            return Ok(());
        }
        let read = self.origin(entry).and_then(|origin| read::participant(entry.row, origin));
        let (Some((new, left)), Some(case)) = (self.read(entry, read), self.case) else { return Ok(()) };
        let done = self.import.add_participant(case, &new);
        let Some(participant) = self.done(entry, done)? else { return Ok(()) };
        if let Some((on, why)) = left {
            let done = self.import.end_participant(case, participant.id, on, &why);
            self.done(entry, done)?;
        }
        self.people.insert(entry.external_id, Some(participant.id));
        self.count(Kind::Participant);
        Ok(())
    }

    fn plan(&mut self, entry: &'t Entry<'t>) -> Result<(), NotTaken> {
        let known = self.import.visitation_plan(&self.rows.source, entry.external_id)?;
        self.plans.insert(entry.external_id, known);
        if known.is_some() {
            self.taken.known += 1;
            return Ok(());
        }
        let read = self.origin(entry).and_then(|origin| read::plan(entry.row, origin, self.zone, &*self));
        let (Some(new), Some(case)) = (self.whole(entry, read), self.case) else { return Ok(()) };
        let done = self.import.create_plan(case, &new);
        if let Some(plan) = self.done(entry, done)? {
            self.plans.insert(entry.external_id, Some(plan));
            self.count(Kind::VisitationPlan);
        }
        Ok(())
    }

    fn contact(&mut self, entry: &'t Entry<'t>) -> Result<(), NotTaken> {
        if self.import.contact(&self.rows.source, entry.external_id)?.is_some() {
            self.taken.known += 1;
            return Ok(());
        }
        let case = self.case.unwrap_or(CaseId(Uuid::nil()));
        let read =
            self.origin(entry).and_then(|origin| read::contact(entry.row, case, origin, self.zone, &*self));
        let (Some(draft), Some(_)) = (self.whole(entry, read), self.case) else { return Ok(()) };
        let done = self.import.record(&draft);
        if self.done(entry, done)?.is_some() {
            self.count(Kind::Contact);
        }
        Ok(())
    }

    fn origin(&self, entry: &Entry<'_>) -> Result<Origin, Why> {
        Ok(Origin {
            source: self.rows.source.clone(),
            external_id: entry.external_id.to_owned(),
            recorded_by: entry.row.owned("recorded_by")?,
            recorded_at: entry.row.instant("recorded_at", self.zone)?,
        })
    }

    /// What was read, or one more refused row.
    fn read<T>(&mut self, entry: &Entry<'_>, read: Result<T, Why>) -> Option<T> {
        read.map_err(|why| self.refuse(entry, why)).ok()
    }

    /// The same; nothing if it names a row that was refused.
    fn whole<T>(&mut self, entry: &Entry<'_>, read: Result<T, Why>) -> Option<T> {
        self.read(entry, read).filter(|_| !self.missing.get())
    }

    /// What the core made, or one more refused row.
    fn done<T>(&mut self, entry: &Entry<'_>, done: caseplan_core::Result<T>) -> Result<Option<T>, NotTaken> {
        match done {
            Ok(made) => Ok(Some(made)),
            Err(
                error @ (Error::NotFound { .. }
                | Error::NotYetHere { .. }
                | Error::RuleBroken { .. }
                | Error::Invalid { .. }
                | Error::Incomplete { .. }
                | Error::FieldInConflict { .. }
                | Error::CaseClosed
                | Error::ReferenceTaken { .. }
                | Error::DocumentFull { .. }),
            ) => {
                self.refuse(entry, in_words(&error));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn refuse(&mut self, entry: &Entry<'_>, why: Why) {
        self.refused.push(Refused {
            at: entry.row.at,
            kind: Some(entry.kind),
            external_id: Some(entry.external_id.to_owned()),
            why,
        });
    }

    fn count(&mut self, kind: Kind) {
        *self.taken.new.entry(kind).or_default() += 1;
    }

    /// An id by the source's own: made in this run, here before, of a refused row, or of none at all.
    fn named<T: Copy>(
        &self,
        made: &HashMap<&str, Option<T>>,
        here: caseplan_core::Result<Option<T>>,
        nothing: T,
        external_id: &str,
    ) -> Result<T, Why> {
        match made.get(external_id) {
            Some(Some(id)) => return Ok(*id),
            Some(None) => {}
            None => {
                if let Some(id) = here.map_err(|error| in_words(&error))? {
                    return Ok(id);
                }
                if !self.rows.refused.iter().any(|row| row.external_id.as_deref() == Some(external_id)) {
                    return Err(format!("the case has no {external_id:?}"));
                }
            }
        }
        self.missing.set(true);
        Ok(nothing)
    }
}

impl Names for Taking<'_, '_, '_> {
    fn person(&self, external_id: &str) -> Result<ParticipantId, Why> {
        let here = self.import.participant(&self.rows.source, external_id);
        self.named(&self.people, here, ParticipantId(Uuid::nil()), external_id)
    }

    fn plan(&self, external_id: &str) -> Result<VisitationPlanId, Why> {
        let here = self.import.visitation_plan(&self.rows.source, external_id);
        self.named(&self.plans, here, VisitationPlanId(Uuid::nil()), external_id)
            .map_err(|why| format!("plans: {why}"))
    }

    fn visit(&self, plan: VisitationPlanId, day: Day) -> Result<Option<OccurrenceRef>, Why> {
        if self.missing.get() {
            return Ok(None);
        }
        let found = self.import.occurrence(plan, day).map_err(|error| in_words(&error))?;
        found.map(Some).ok_or_else(|| format!("planned_on: the plan has no visit on {day}"))
    }
}
