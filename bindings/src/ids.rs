//! Ids on their way across: text on the wire, a type of its own on either side.
//!
//! Each type here has a hand-written twin of the same name in Kotlin (`Ids.kt`) and in Swift (`Ids.swift`).

use uuid::Uuid;

use crate::CaseplanError;

/// Names a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CaseId(pub Uuid);

uniffi::custom_type!(CaseId, String, {
    try_lift: |text| match Uuid::parse_str(&text) {
        Ok(id) => Ok(CaseId(id)),
        Err(_) => Err(CaseplanError::not_a("case id", &text).into()),
    },
    lower: |id| id.0.to_string(),
});

/// Names a worker as the agency does; any text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkerId(pub String);

uniffi::custom_type!(WorkerId, String, {
    try_lift: |text| Ok(WorkerId(text)),
    lower: |id| id.0,
});
