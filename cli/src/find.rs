//! Finds what a person names: a case by reference or id, somebody by name or id, a moment by date or time.

use caseplan_core::Store;
use caseplan_core::case::reads::CaseFilter;
use caseplan_core::case::{Case, Participant};
use caseplan_core::history::AsOf;
use caseplan_core::ids::{CaseId, ParticipantId, VisitationPlanId};
use caseplan_core::time::{Day, Instant, Zone};
use caseplan_core::visitation::{PartyRef, VisitationPlanView};

use crate::failed::{Failed, Result};

/// A case by its reference or its id.
pub fn case(store: &Store, text: &str) -> Result<Case> {
    let id = case_id(store, text)?;
    store.cases().get(id)?.ok_or_else(|| Failed::Unclear(format!("no case {text}")))
}

/// A case's id by its reference or itself.
pub fn case_id(store: &Store, text: &str) -> Result<CaseId> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let cases = store.cases().list(&CaseFilter { worker: None, closed_too: true })?;
    let found: Vec<CaseId> =
        cases.into_iter().filter(|case| case.reference == text.trim()).map(|case| case.id).collect();
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(Failed::Unclear(format!("no case {text}"))),
        several => {
            let ids: Vec<String> = several.iter().map(CaseId::to_string).collect();
            Err(Failed::Unclear(format!("several cases have the reference {text}: {}", ids.join(", "))))
        }
    }
}

/// A plan by its id.
pub fn plan(store: &Store, id: VisitationPlanId) -> Result<VisitationPlanView> {
    let plan = store.visitation_plans().get(id)?;
    plan.ok_or_else(|| Failed::Unclear(format!("no visitation plan {id}")))
}

/// A participant of a case: `client` for its primary client, or a name or id.
pub fn participant<'a>(case: &'a Case, text: &str) -> Result<&'a Participant> {
    let wanted =
        if text == "client" { Some(case.primary_client) } else { text.parse::<ParticipantId>().ok() };
    let found: Vec<&Participant> = case
        .participants
        .iter()
        .filter(|participant| match wanted {
            Some(id) => participant.id == id,
            None => participant.name.eq_ignore_ascii_case(text.trim()),
        })
        .collect();
    match found.as_slice() {
        [only] => Ok(only),
        [] => Err(Failed::Unclear(format!("nobody in case {} is {text}", case.reference))),
        _ => Err(Failed::Unclear(format!("several people in case {} are {text}: use an id", case.reference))),
    }
}

/// A participant, or a user of the organisation as `user:ID`.
pub fn party(case: &Case, text: &str) -> Result<PartyRef> {
    match text.strip_prefix("user:") {
        Some(worker) => match worker.parse() {
            Ok(worker) => Ok(PartyRef::User(worker)),
            Err(_) => Err(Failed::Unclear(format!("{text} is no worker id"))),
        },
        None => Ok(PartyRef::Participant(participant(case, text)?.id)),
    }
}

/// Several parties.
pub fn parties(case: &Case, texts: &[String]) -> Result<Vec<PartyRef>> {
    texts.iter().map(|text| party(case, text)).collect()
}

/// The end of a date in the store's zone, or a moment as RFC 3339.
pub fn as_of(zone: Zone, text: &str, known: bool) -> Result<AsOf> {
    let at = match (text.parse::<Day>(), text.parse::<Instant>()) {
        (Ok(day), _) => {
            let next = day.succ_opt().unwrap_or(day);
            zone.instant_of(next.and_time(chrono::NaiveTime::MIN)) - chrono::Duration::seconds(1)
        }
        (_, Ok(at)) => at,
        _ => {
            return Err(Failed::Unclear(format!(
                "{text} is neither a date nor a time such as 2026-03-08T12:00:00Z"
            )));
        }
    };
    Ok(if known { AsOf::Known { at } } else { AsOf::Instant { at } })
}
