//! What of its case a contact is checked against: the case, or its plans where only they are here.

use std::collections::BTreeSet;

use crate::case::Case;
use crate::case::commands::require;
use crate::error::{Error, Result};
use crate::ids::{CaseId, ParticipantId};
use crate::store::command::Command;
use crate::visitation::{PartyRef, reads};

/// A case as far as it is here.
pub(crate) struct Around {
    /// The case.
    pub case: CaseId,
    participants: BTreeSet<ParticipantId>,
}

impl Around {
    /// Whoever is let into one visitation plan has no more of the case than that: who its plans name is known then.
    ///
    /// # Errors
    /// [`Error::NotFound`] when neither the case nor a plan of it is here.
    pub fn of(command: &mut Command<'_>, case: CaseId) -> Result<Self> {
        if command.reading().case_row(case.as_bytes())?.is_some() {
            let (_, Case { participants, .. }) = require(command, case)?;
            return Ok(Self { case, participants: participants.into_iter().map(|it| it.id).collect() });
        }
        let plans = command.reading().plan_rows(Some(case.as_bytes()))?;
        if plans.is_empty() {
            return Err(Error::not_found("case", case));
        }
        let mut participants = BTreeSet::new();
        for row in &plans {
            let plan = reads::read(&command.reading(), row)?;
            let parties = plan.to_visit.iter().chain(&plan.visitors);
            participants.extend(parties.filter_map(|party| match party.party {
                PartyRef::Participant(id) => Some(id),
                PartyRef::User(_) => None,
            }));
        }
        Ok(Self { case, participants })
    }

    /// Somebody at a contact is a participant of the case, or a user of the organisation.
    pub fn check_party(&self, field: &str, party: &PartyRef) -> Result<()> {
        match party {
            PartyRef::Participant(id) if !self.participants.contains(id) => {
                Err(Error::NotFound { kind: "participant", id: format!("{field} {id}") })
            }
            _ => Ok(()),
        }
    }
}
