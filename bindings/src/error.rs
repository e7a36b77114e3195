//! The public errors. A variant exists only when an app acts on it; everything else is `Unexpected`.

/// Says why a call did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CaseplanError {
    /// Nothing an app can act on: show it, log it, report it.
    #[error("unexpected: {reason}")]
    Unexpected {
        /// What went wrong, in ids and values; never case content.
        reason: String,
    },
}

impl CaseplanError {
    /// The error of a text that an app sent and that is not a `what`. UniFFI hands it to the caller as it is.
    pub(crate) fn not_a(what: &str, text: &str) -> Self {
        Self::Unexpected { reason: format!("not a {what}: {text:?}") }
    }
}
