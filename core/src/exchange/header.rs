//! A document's header: what its id is the hash of, and which names its kind has in which scope.

use super::message::DocumentHeader;
use super::refusal::Refusal;
use crate::document::Kind;
use crate::identity::founding::Header;
use crate::ids::DocumentId;
use crate::storage::documents::ScopeRow;

/// Whether a header is the one that the id is the hash of, and its kind's genesis is ours.
pub(crate) fn check(document: DocumentId, header: &DocumentHeader) -> Result<(), Refusal> {
    let full = Header {
        scope: header.scope,
        kind: header.kind.clone(),
        genesis: header.genesis,
        name: header.name.clone(),
    };
    let genesis = Kind::from_code(&header.kind).is_none_or(|kind| kind.genesis_hash() == header.genesis);
    if full.document_id() == document && genesis { Ok(()) } else { Err(Refusal::BadHeader) }
}

/// Whether the name is one that the kind has in the scope: a plan cannot stand in another plan's scope, nor a log under
/// another parent.
pub(crate) fn check_name(header: &DocumentHeader, scope: &ScopeRow) -> Result<(), Refusal> {
    let name = header.name.as_slice();
    let parent = scope.plan_id.unwrap_or(scope.case_id);
    let named = match Kind::from_code(&header.kind) {
        Some(Kind::Case) => scope.plan_id.is_none() && name == scope.case_id,
        Some(Kind::VisitationPlan) => scope.plan_id.is_some_and(|plan| name == plan),
        Some(Kind::ContactLog) => name.len() == 22 && name.starts_with(&parent),
        None => true,
    };
    if named { Ok(()) } else { Err(Refusal::BadHeader) }
}
