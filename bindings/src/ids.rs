//! Ids on their way across: text on the wire, a type of its own on either side.
//!
//! Each type here has a hand-written twin of the same name in Kotlin (`Ids.kt`) and in Swift (`Ids.swift`).

use caseplan_core::ids::{
    AddendumId, CaseId, ChangeHash, ConflictId, ConflictValueId, ContactId, DeviceId, DocumentId, DomainId,
    DraftId, GrantId, IssueId, ParticipantId, PartyId, ScheduleId, VisitationPlanId, WorkerId,
};
use uuid::Uuid;

use crate::CaseplanError;

/// Carries ids. A text that is none is the app's error, and the app gets it as one.
macro_rules! carry {
    ($($id:ident: $name:literal,)*) => {$(
        uniffi::custom_type!($id, String, {
            remote,
            try_lift: |text| match text.parse() {
                Ok(id) => Ok(id),
                Err(_) => Err(CaseplanError::not_a($name).into()),
            },
            lower: |id| id.to_string(),
        });
    )*};
}

carry! {
    AddendumId: "addendum id",
    CaseId: "case id",
    ChangeHash: "change hash",
    ConflictId: "conflict id",
    ConflictValueId: "conflict value id",
    ContactId: "contact id",
    DeviceId: "device id",
    DocumentId: "document id",
    DomainId: "domain id",
    DraftId: "draft id",
    GrantId: "grant id",
    IssueId: "issue id",
    ParticipantId: "participant id",
    PartyId: "party id",
    ScheduleId: "schedule id",
    VisitationPlanId: "visitation plan id",
    WorkerId: "worker id",
}

uniffi::custom_type!(Uuid, String, {
    remote,
    try_lift: |text| match Uuid::parse_str(&text) {
        Ok(id) => Ok(id),
        Err(_) => Err(CaseplanError::not_a("id").into()),
    },
    lower: |id| id.to_string(),
});
