//! Ids on their way across: text on the wire, a type of its own on either side.
//!
//! Each type here has a hand-written twin of the same name in Kotlin (`Ids.kt`) and in Swift (`Ids.swift`).

use uuid::Uuid;

use crate::CaseplanError;

/// Names a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CaseId(pub Uuid);

/// Names a worker as the agency does; any text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkerId(pub String);

/// Carries ids that are UUIDs. A text that is none is the app's error, and the app gets it as one.
macro_rules! carry_uuids {
    ($($id:ident: $name:literal,)*) => {$(
        uniffi::custom_type!($id, String, {
            remote,
            try_lift: |text| match Uuid::parse_str(&text) {
                Ok(id) => Ok($id(id)),
                Err(_) => Err(CaseplanError::not_a($name, &text).into()),
            },
            lower: |id| id.0.to_string(),
        });
    )*};
}

/// Carries ids that are any text.
macro_rules! carry_texts {
    ($($id:ident,)*) => {$(
        uniffi::custom_type!($id, String, { remote, try_lift: |text| Ok($id(text)), lower: |id| id.0 });
    )*};
}

carry_uuids! {
    CaseId: "case id",
}

carry_texts! {
    WorkerId,
}
