//! Reading contacts: from projections only, no document is loaded.

use super::drafts::Contacts;
use super::{Contact, ContactPage, ContactSummary};
use crate::error::{Error, Result};
use crate::ids::{Actor, CaseId, ContactId, VisitationPlanId};
use crate::storage::Reading;
use crate::storage::contacts::{ContactFilter, ContactRow, RecordedRow};
use crate::store::command::Command;
use crate::time::from_unix;

/// Which page of contacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactQuery {
    /// Of one case only.
    pub case: Option<CaseId>,
    /// Of one plan only.
    pub plan: Option<VisitationPlanId>,
    /// Where the page begins: [`ContactPage::next`] of the one before.
    pub after: Option<String>,
    /// At most so many, 1 to 500.
    pub limit: u32,
}

impl ContactQuery {
    /// The first page of a case.
    pub fn of_case(case: CaseId, limit: u32) -> Self {
        Self { case: Some(case), limit, ..Self::default() }
    }

    /// The first page of a plan.
    pub fn of_plan(plan: VisitationPlanId, limit: u32) -> Self {
        Self { plan: Some(plan), limit, ..Self::default() }
    }
}

/// The most contacts of a page.
const MAX_PAGE: u32 = 500;

impl Contacts<'_> {
    /// A page of contacts, newest first.
    ///
    /// # Errors
    /// [`Error::Invalid`] when `after` is no page's `next`.
    pub fn page(&self, query: &ContactQuery) -> Result<ContactPage> {
        let limit = query.limit.clamp(1, MAX_PAGE);
        let after = query.after.as_deref().map(parse_token).transpose()?;
        let filter = ContactFilter {
            case: query.case.map(|id| *id.as_bytes()),
            plan: query.plan.map(|id| *id.as_bytes()),
            after,
            limit: limit + 1,
        };
        self.store.read(|reading| {
            let mut rows = reading.contact_page(&filter)?;
            let more = rows.len() > limit as usize;
            rows.truncate(limit as usize);
            let next = rows.last().filter(|_| more).map(|(row, _)| token(row));
            Ok(ContactPage { contacts: rows.iter().map(summary).collect::<Result<_>>()?, next })
        })
    }

    /// A contact with narrative, addenda and corrections.
    pub fn get(&self, id: ContactId) -> Result<Option<Contact>> {
        self.store.read(|reading| one(reading, id))
    }

    /// Contacts whose narrative or addenda hold every word, or words that begin with it; accents and case do not
    /// matter: `lea` finds `Léa`. Best first, at most so many.
    pub fn search(&self, words: &str, case: Option<CaseId>, limit: u32) -> Result<Vec<ContactSummary>> {
        let Some(query) = match_query(words) else { return Ok(Vec::new()) };
        self.store.read(|reading| {
            let rows = reading.search_contacts(
                &query,
                case.as_ref().map(|id| id.as_bytes()),
                limit.clamp(1, MAX_PAGE),
            )?;
            rows.iter().map(summary).collect()
        })
    }
}

/// One contact with its narrative.
pub(crate) fn one(reading: &Reading<'_>, id: ContactId) -> Result<Option<Contact>> {
    let Some((row, recorded)) = reading.contact_row(id.as_bytes())? else { return Ok(None) };
    let mut contact = read(&row, &recorded)?;
    contact.narrative = reading.narrative(id.as_bytes())?;
    Ok(Some(contact))
}

/// What a command has made of a contact, read before it is committed: afterwards the store may be suspended, and what was done
/// would look as if it had failed.
pub(crate) fn shown(command: &Command<'_>, id: ContactId) -> Result<Contact> {
    one(&command.reading(), id)?.ok_or_else(|| Error::not_found("contact", id))
}

/// Words as an FTS5 query: each a quoted prefix, so that nothing in them is an operator.
fn match_query(words: &str) -> Option<String> {
    let terms: Vec<String> = words
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(16)
        .map(|word| format!("\"{word}\"*"))
        .collect();
    if terms.is_empty() { None } else { Some(terms.join(" ")) }
}

fn token(row: &ContactRow) -> String {
    format!("{}:{}", row.sorts_at, uuid::Uuid::from_bytes(row.contact_id))
}

fn parse_token(token: &str) -> Result<(i64, [u8; 16])> {
    let bad = || Error::invalid("after", "format");
    let (sorts_at, id) = token.split_once(':').ok_or_else(bad)?;
    let id: ContactId = id.parse().map_err(|_| bad())?;
    Ok((sorts_at.parse().map_err(|_| bad())?, *id.as_bytes()))
}

/// A contact from its row, without its narrative.
pub(super) fn read(row: &ContactRow, recorded: &RecordedRow) -> Result<Contact> {
    let mut contact: Contact =
        crate::json::from_text(&row.detail).ok_or(Error::Unexpected { reason: "projection" })?;
    contact.recorded_by = recorded.worker.as_deref().and_then(|worker| worker.parse().ok());
    contact.recorded_on = Some(Actor(recorded.actor).device());
    contact.recorded_at = Some(from_unix(recorded.time));
    Ok(contact)
}

fn summary((row, recorded): &(ContactRow, RecordedRow)) -> Result<ContactSummary> {
    let contact = read(row, recorded)?;
    Ok(ContactSummary {
        id: contact.id,
        case_id: contact.case_id,
        kind: contact.kind,
        planned_kind: contact.planned_kind,
        outcome: contact.outcome,
        time: contact.time,
        method: contact.method,
        place: contact.place,
        conducted_by: contact.conducted_by,
        recorded_by: contact.recorded_by,
        recorded_at: from_unix(recorded.time),
        addenda: u32::try_from(contact.addenda.len()).unwrap_or(u32::MAX),
        in_error: contact.in_error.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_prefixes_and_never_operators() {
        assert_eq!(match_query("lea NOT (x)").as_deref(), Some("\"lea\"* \"NOT\"* \"x\"*"));
        assert_eq!(match_query(" \"*-"), None);
    }
}
