//! Issues: what two legal acts, done apart, broke together. Raised by projections, settled by a person.
//!
//! The same facts raise the same issue with the same id on every device. What people decide is recorded in a document
//! under that id; two decisions that disagree leave the issue open until somebody settles between them.

use serde::{Deserialize, Serialize};

use crate::document::layout::{case, contact_log};
use crate::document::{Edit, FieldPath, Kind};
use crate::error::{Error, Result};
use crate::identity::Scope;
use crate::ids::{CaseId, ContactId, IssueId, derive};
use crate::storage::issues::IssueRow;
use crate::store::{Store, Topic};

/// I-10: the same visit recorded twice.
pub(crate) const DUPLICATE_CONTACT: &str = "I-10";
/// I-21: two cases with one reference.
pub(crate) const DUPLICATE_CASE: &str = "I-21";

/// An issue's row: the pair in a fixed order, so that both sides of a merge make the same one.
pub(crate) fn issue_row(code: &str, case_id: &[u8; 16], one: &[u8; 16], other: &[u8; 16]) -> IssueRow {
    let (first, second) = if one < other { (one, other) } else { (other, one) };
    let case_id = if code == DUPLICATE_CASE { first } else { case_id };
    IssueRow {
        issue_id: derive(&[b"caseplan/issue/1", code.as_bytes(), first, second]).to_string(),
        code: code.to_owned(),
        case_id: *case_id,
        first: *first,
        second: *second,
        decision: None,
    }
}

/// What an issue is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueSubject {
    /// I-10: these two contacts may be one visit. It counts once meanwhile.
    PossibleDuplicateContacts {
        /// One.
        first: ContactId,
        /// The other.
        second: ContactId,
    },
    /// I-21: these two cases have one reference.
    PossibleDuplicateCases {
        /// One.
        first: CaseId,
        /// The other.
        second: CaseId,
    },
}

/// What a person decides about two things that may be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssueChoice {
    /// They are the same: linked, counted once.
    Same {
        /// The id of the one to read: one of the two subjects.
        keep: uuid::Uuid,
    },
    /// They are two: parted, each counts.
    Distinct,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The choice.
    pub choice: IssueChoice,
    /// Why.
    pub why: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct StoredDecision {
    choice: String,
    #[serde(default)]
    keep: Option<uuid::Uuid>,
    #[serde(default)]
    why: Option<String>,
}

/// An issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// Its id: the same on every device.
    pub id: IssueId,
    /// Its code in the specification: `I-10`, `I-21`.
    pub code: String,
    /// The case.
    pub case_id: CaseId,
    /// What it is about.
    pub subject: IssueSubject,
    /// What was decided; nothing while it is open.
    pub decision: Option<Decision>,
}

/// Issues of a store.
pub struct Issues<'a> {
    pub(crate) store: &'a Store,
}

impl Issues<'_> {
    /// Issues of a case, or of all; open ones only, or settled ones too.
    pub fn list(&self, case: Option<CaseId>, settled_too: bool) -> Result<Vec<Issue>> {
        self.store.read(|reading| {
            let rows = reading.issue_rows(case.as_ref().map(|id| id.as_bytes()))?;
            let issues = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
            Ok(issues.into_iter().filter(|issue| settled_too || issue.decision.is_none()).collect())
        })
    }

    /// Decides an issue, or decides it anew.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such issue, [`Error::Invalid`] when `keep` is neither subject.
    pub fn settle(&self, id: &IssueId, choice: &IssueChoice, why: Option<&str>) -> Result<Issue> {
        let why = crate::text::optional_line("why", why, crate::text::REMARK)?;
        self.store.command("issue.settle", |command| {
            let row = command
                .reading()
                .issue_row(id.as_str())?
                .ok_or_else(|| Error::not_found("issue", id.as_str()))?;
            let stored = match choice {
                IssueChoice::Same { keep } if [row.first, row.second].contains(keep.as_bytes()) => {
                    StoredDecision { choice: "same".to_owned(), keep: Some(*keep), why: why.clone() }
                }
                IssueChoice::Same { .. } => return Err(Error::invalid("keep", "range")),
                IssueChoice::Distinct => {
                    StoredDecision { choice: "distinct".to_owned(), keep: None, why: why.clone() }
                }
            };
            let document = match row.code.as_str() {
                DUPLICATE_CONTACT => {
                    let row = command.reading().document_of_contact(&row.first)?;
                    command
                        .reading()
                        .document_of_row(row.ok_or_else(|| Error::not_found("issue", id.as_str()))?)?
                }
                _ => {
                    let case_id = CaseId::from_slice(&row.first)?;
                    command.document(case_id, Scope::Level(1), Kind::Case, case_id.as_bytes().to_vec())?
                }
            };
            debug_assert_eq!(case::DECISIONS, contact_log::DECISIONS);
            let path = FieldPath::flat(contact_log::DECISIONS, id.as_str());
            let contested =
                command.open(&document)?.view().fields(contact_log::DECISIONS).fields.remove(id.as_str());
            let value = crate::json::to_text(&stored)?.into();
            let edit = match contested.filter(|field| !field.rivals.is_empty()) {
                Some(field) => {
                    Edit::Settle { path, seen: field.rivals.iter().map(|rival| rival.op).collect(), value }
                }
                None => Edit::Put { path, value },
            };
            command.write(&document, &[edit])?;
            command.changed(Topic::Issues, CaseId::from_slice(&row.case_id)?);
            let row = command
                .reading()
                .issue_row(id.as_str())?
                .ok_or_else(|| Error::not_found("issue", id.as_str()))?;
            read(row)
        })
    }
}

/// What was decided in a row.
pub(crate) fn read_decision(detail: &str) -> Option<Decision> {
    let stored: StoredDecision = crate::json::from_text(detail)?;
    let choice = match (stored.choice.as_str(), stored.keep) {
        ("same", Some(keep)) => IssueChoice::Same { keep },
        ("distinct", _) => IssueChoice::Distinct,
        _ => return None,
    };
    Some(Decision { choice, why: stored.why })
}

fn read(row: IssueRow) -> Result<Issue> {
    let subject = match row.code.as_str() {
        DUPLICATE_CONTACT => IssueSubject::PossibleDuplicateContacts {
            first: ContactId::from_slice(&row.first)?,
            second: ContactId::from_slice(&row.second)?,
        },
        _ => IssueSubject::PossibleDuplicateCases {
            first: CaseId::from_slice(&row.first)?,
            second: CaseId::from_slice(&row.second)?,
        },
    };
    Ok(Issue {
        id: IssueId(row.issue_id),
        code: row.code,
        case_id: CaseId::from_slice(&row.case_id)?,
        subject,
        decision: row.decision.as_deref().and_then(read_decision),
    })
}
