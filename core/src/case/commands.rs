//! What can be done to a case: one transaction each.

use std::collections::BTreeMap;

use super::fields::{day, participant_fields, read_case, register};
use super::model::{
    Case, CaseChange, CaseStatus, Closure, NewCase, NewParticipant, NewPerson, Participant, ParticipantRole,
    PersonCorrection,
};
use crate::document::layout::case::{CASE, PARTICIPANTS};
use crate::document::{Edit, FieldPath, Kind, Value};
use crate::error::{Error, Result};
use crate::identity::{Founding, Scope};
use crate::ids::{CaseId, ParticipantId};
use crate::random;
use crate::storage::documents::DocumentRow;
use crate::storage::settings::FoundingRow;
use crate::store::Store;
use crate::store::command::Command;
use crate::text::{NAME, REFERENCE, REMARK, line, optional_line};
use crate::time::Day;

/// Cases of a store.
pub struct Cases<'a> {
    pub(crate) store: &'a Store,
}

impl Cases<'_> {
    /// Opens a case with its primary client.
    ///
    /// # Errors
    /// [`Error::Invalid`], or [`Error::ReferenceTaken`] when another case here has the reference.
    pub fn create(&self, new: &NewCase) -> Result<Case> {
        self.store.command("case.create", |command| {
            create(command, new, &NewParticipant::primary(&new.primary_client))
        })
    }

    /// Adds somebody to an open case.
    pub fn add_participant(&self, case_id: CaseId, new: &NewParticipant) -> Result<Participant> {
        self.store.command("case.add_participant", |command| add_participant(command, case_id, new))
    }

    /// Corrects a participant's name or date of birth; what was there before stays in the history.
    pub fn correct_participant(
        &self,
        case_id: CaseId,
        id: ParticipantId,
        correction: &PersonCorrection,
    ) -> Result<Participant> {
        let name = optional_line("name", correction.name.as_deref(), NAME)?;
        check_born("born", correction.born, self.store.this_day()?)?;
        self.store.command("case.correct_participant", |command| {
            let (document, case) = require(command, case_id)?;
            case.participant(id).ok_or_else(|| Error::not_found("participant", id))?;
            let mut edits = Vec::new();
            if let Some(name) = &name {
                edits.push(Edit::put(FieldPath::of(PARTICIPANTS, id, "name"), name.as_str()));
            }
            if correction.born.is_some() {
                edits.push(Edit::put(FieldPath::of(PARTICIPANTS, id, "born"), day(correction.born)));
            }
            command.write(&document, &edits)?;
            participant(command, &document, case_id, id)
        })
    }

    /// Records that somebody left the case; they stay in it with an end date.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the day is before they joined, or they are the primary client of an open case.
    pub fn end_participant(
        &self,
        case_id: CaseId,
        id: ParticipantId,
        on: Day,
        reason: &str,
    ) -> Result<Participant> {
        self.store
            .command("case.end_participant", |command| end_participant(command, case_id, id, on, reason))
    }

    /// Changes a case's own fields.
    pub fn change(&self, case_id: CaseId, change: &CaseChange) -> Result<Case> {
        let reference = optional_line("reference", change.reference.as_deref(), REFERENCE)?;
        let case_type = optional_line("case_type", change.case_type.as_deref(), REFERENCE)?;
        let team = optional_line("team", change.team.as_deref(), NAME)?;
        self.store.command("case.change", |command| {
            let (document, case) = require_open(command, case_id)?;
            if let Some(reference) = &reference {
                check_reference(command, reference, Some(case_id))?;
            }
            if let Some(primary) = change.primary_client {
                let current =
                    case.participant(primary).ok_or_else(|| Error::not_found("participant", primary))?;
                if current.to.is_some() {
                    return Err(Error::invalid("primary_client", "ended"));
                }
            }
            let fields: BTreeMap<&str, Value> = BTreeMap::from([
                ("reference", reference.clone().into()),
                ("case_type", case_type.clone().into()),
                ("team", team.clone().into()),
                ("primary_client", change.primary_client.map(|id| id.to_string()).into()),
                ("assigned_worker", change.assigned_worker.as_ref().map(|worker| worker.as_str()).into()),
            ]);
            let edits: Vec<Edit> = fields
                .into_iter()
                .filter(|(_, value)| *value != Value::Null)
                .map(|(field, value)| Edit::Put { path: FieldPath::flat(CASE, field), value })
                .collect();
            command.write(&document, &edits)?;
            read(command, &document, case_id)
        })
    }

    /// Closes a case. It can be read, corrected and reopened.
    pub fn close(&self, case_id: CaseId, on: Day, reason: &str) -> Result<Case> {
        self.store.command("case.close", |command| close(command, case_id, on, reason))
    }

    /// Reopens a closed case; reopening an open one changes nothing.
    pub fn reopen(&self, case_id: CaseId) -> Result<Case> {
        self.store.command("case.reopen", |command| {
            let (document, case) = require(command, case_id)?;
            if case.status == CaseStatus::Open {
                return Ok(case);
            }
            let path = FieldPath::flat(CASE, "closure");
            command.write(&document, &[Edit::Put { path, value: Value::Null }])?;
            read(command, &document, case_id)
        })
    }
}

/// Opens a case. The primary client comes with what an import knows of them.
pub(crate) fn create(command: &mut Command<'_>, new: &NewCase, client: &NewParticipant) -> Result<Case> {
    let reference = line("reference", &new.reference, REFERENCE)?;
    let name = line("primary_client.name", &client.person.name, NAME)?;
    let case_type = optional_line("case_type", new.case_type.as_deref(), REFERENCE)?;
    let team = optional_line("team", new.team.as_deref(), NAME)?;
    check_born("primary_client.born", client.person.born, command.today())?;
    check_reference(command, &reference, None)?;
    let store = command.store;
    let founding = Founding {
        device: store.own().device,
        nonce: random::bytes(store.inner.config.random.as_ref())?,
        founded_at: command.now.timestamp(),
    };
    let case_id = founding.case_id();
    command.tx.add_founding(case_id.as_bytes(), &sign(store, &founding)?)?;
    let document = document(command, case_id)?;
    let primary = ParticipantId(command.new_id()?);
    let worker = new.assigned_worker.as_ref().unwrap_or(&store.inner.config.worker);
    let opened_on = new.opened_on.unwrap_or(command.today());
    let own = [
        ("reference", reference.as_str().into()),
        ("case_type", case_type.into()),
        ("primary_client", primary.to_string().into()),
        ("assigned_worker", worker.as_str().into()),
        ("team", team.into()),
        ("opened_on", day(Some(opened_on))),
        ("origin", register(new.origin.as_ref())?),
    ];
    let mut edits: Vec<Edit> = own
        .into_iter()
        .filter(|(_, value)| *value != Value::Null)
        .map(|(field, value)| Edit::Put { path: FieldPath::flat(CASE, field), value })
        .collect();
    let from = Some(client.from.unwrap_or(opened_on));
    let fields = participant_fields(&name, client.person.born, &client.role, from, client.origin.as_ref())?;
    edits.push(Edit::create(PARTICIPANTS, primary, fields));
    command.write(&document, &edits)?;
    read(command, &document, case_id)
}

fn sign(store: &Store, founding: &Founding) -> Result<FoundingRow> {
    let own = store.own();
    let keys = own.keys.as_ref().ok_or(Error::KeysLost)?;
    Ok(FoundingRow {
        bytes: founding.encode(),
        signature: keys.sign(&founding.signed_bytes()).to_vec(),
        certificate: own.certificate.to_vec(),
    })
}

/// Adds somebody to an open case.
pub(crate) fn add_participant(
    command: &mut Command<'_>,
    case_id: CaseId,
    new: &NewParticipant,
) -> Result<Participant> {
    let name = line("person.name", &new.person.name, NAME)?;
    check_born("person.born", new.person.born, command.today())?;
    let (document, _) = require_open(command, case_id)?;
    let id = ParticipantId(command.new_id()?);
    let from = Some(new.from.unwrap_or(command.today()));
    let fields = participant_fields(&name, new.person.born, &new.role, from, new.origin.as_ref())?;
    command.write(&document, &[Edit::create(PARTICIPANTS, id, fields)])?;
    participant(command, &document, case_id, id)
}

/// Records that somebody left an open case.
pub(crate) fn end_participant(
    command: &mut Command<'_>,
    case_id: CaseId,
    id: ParticipantId,
    on: Day,
    reason: &str,
) -> Result<Participant> {
    let reason = line("reason", reason, REMARK)?;
    let (document, case) = require_open(command, case_id)?;
    let current = case.participant(id).ok_or_else(|| Error::not_found("participant", id))?;
    if current.from.is_some_and(|from| on < from) {
        return Err(Error::invalid("on", "range"));
    }
    if case.primary_client == id {
        return Err(Error::invalid("participant", "primary_client"));
    }
    let edits = [
        Edit::put(FieldPath::of(PARTICIPANTS, id, "to"), day(Some(on))),
        Edit::put(FieldPath::of(PARTICIPANTS, id, "end_reason"), reason.as_str()),
    ];
    command.write(&document, &edits)?;
    participant(command, &document, case_id, id)
}

/// Closes an open case.
pub(crate) fn close(command: &mut Command<'_>, case_id: CaseId, on: Day, reason: &str) -> Result<Case> {
    let closure = Closure { on, reason: line("reason", reason, REMARK)? };
    let (document, _) = require_open(command, case_id)?;
    let value = register(Some(&closure))?;
    command.write(&document, &[Edit::Put { path: FieldPath::flat(CASE, "closure"), value }])?;
    read(command, &document, case_id)
}

/// A case's document: at level 1, named after the case.
fn document(command: &mut Command<'_>, case_id: CaseId) -> Result<DocumentRow> {
    command.document(case_id, Scope::Level(1), Kind::Case, case_id.as_bytes().to_vec())
}

/// A case that is here, as it stands within the transaction.
pub(crate) fn require(command: &mut Command<'_>, case_id: CaseId) -> Result<(DocumentRow, Case)> {
    if command.reading().case_row(case_id.as_bytes())?.is_none() {
        return Err(Error::not_found("case", case_id));
    }
    let document = document(command, case_id)?;
    let case = read(command, &document, case_id)?;
    Ok((document, case))
}

/// A case that is here and open.
pub(crate) fn require_open(command: &mut Command<'_>, case_id: CaseId) -> Result<(DocumentRow, Case)> {
    let (document, case) = require(command, case_id)?;
    if case.status == CaseStatus::Closed { Err(Error::CaseClosed) } else { Ok((document, case)) }
}

fn read(command: &mut Command<'_>, document: &DocumentRow, case_id: CaseId) -> Result<Case> {
    Ok(read_case(case_id, &command.open(document)?.view()))
}

fn participant(
    command: &mut Command<'_>,
    document: &DocumentRow,
    case_id: CaseId,
    id: ParticipantId,
) -> Result<Participant> {
    let case = read(command, document, case_id)?;
    case.participant(id).cloned().ok_or_else(|| Error::not_found("participant", id))
}

/// Two cases with one reference are an issue after a merge, and a refusal before one.
fn check_reference(command: &Command<'_>, reference: &str, own: Option<CaseId>) -> Result<()> {
    let others = command.reading().cases_of_reference(reference)?;
    match others.iter().find(|other| own.is_none_or(|own| *other != own.as_bytes())) {
        Some(other) => Err(Error::ReferenceTaken { case: CaseId::from_slice(other)? }),
        None => Ok(()),
    }
}

fn check_born(field: &str, born: Option<Day>, today: Day) -> Result<()> {
    if born.is_some_and(|born| born > today) { Err(Error::invalid(field, "range")) } else { Ok(()) }
}

impl NewParticipant {
    /// A case's primary client, as an app opens it: the child, from the day on which it is opened.
    fn primary(person: &NewPerson) -> Self {
        Self { person: person.clone(), role: ParticipantRole::Child, from: None, origin: None }
    }
}

impl From<&str> for NewPerson {
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), born: None }
    }
}
