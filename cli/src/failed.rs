//! Why a command was refused, in one line for a person.

use std::path::{Path, PathBuf};

use caseplan_core::Error;
use caseplan_core::sync::HandOverFailed;

/// The result of a command.
pub type Result<T, E = Failed> = std::result::Result<T, E>;

/// Why a command was refused.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// No store was named.
    #[error("no store: give --store FILE or set CASEPLAN_STORE")]
    NoStore,
    /// There is no store in this file.
    #[error("no store in {}: make one with `caseplan --store FILE init --worker ID --zone ZONE`", .0.display())]
    NotAStore(PathBuf),
    /// The file is taken.
    #[error("{} is there already", .0.display())]
    Taken(PathBuf),
    /// A file could not be read or written.
    #[error("{}: {why}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A device could not be reached, or an address not be used.
    #[error("{address}: {why}")]
    Network {
        /// The address.
        address: String,
        /// What the system said.
        why: String,
    },
    /// What was typed names nothing, or too much.
    #[error("{0}")]
    Unclear(String),
    /// The core's answer.
    #[error("{}", in_words(.0))]
    Core(#[from] Error),
}

impl Failed {
    /// A file's failure, with its name.
    pub fn file(file: &Path, error: &std::io::Error) -> Self {
        Self::File { file: file.to_owned(), why: error.kind().to_string() }
    }

    /// A network's failure, with the address.
    pub fn network(address: impl ToString, error: &std::io::Error) -> Self {
        Self::Network { address: address.to_string(), why: error.kind().to_string() }
    }
}

/// An error of the core with what its line alone does not say.
pub fn in_words(error: &Error) -> String {
    match error {
        Error::RuleBroken { rule, data, .. } => {
            let figures: Vec<String> = data.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let figures =
                if figures.is_empty() { String::new() } else { format!(" ({})", figures.join(", ")) };
            format!("{}, rule {rule}{figures}", rule_in_words(rule))
        }
        Error::Incomplete { missing, .. } => format!("the contact lacks {}", missing.join(", ")),
        Error::Invalid { field, reason } => format!("{field} {}", reason_in_words(reason)),
        Error::FieldInConflict { .. } => {
            "this field holds two values; settle the conflict first: see `caseplan conflicts`".to_owned()
        }
        Error::NotGranted { .. } => "this device has no grant for that in this case".to_owned(),
        Error::NotAnExport { reason } => match *reason {
            "domain" => "the file comes from another agency's domain".to_owned(),
            _ => format!("the file is no export for this store ({reason})"),
        },
        Error::HandOver(HandOverFailed::Cut) => {
            "the file is cut; what was whole in it is kept: copy it again, and read it again".to_owned()
        }
        other => other.to_string(),
    }
}

fn rule_in_words(rule: &str) -> &'static str {
    match rule {
        "VP-01" => "a plan needs a client to visit and a visitor, and nobody can be both",
        "VP-03" => "a court-ordered plan needs its order's reference, and changes only by a new order",
        "VP-04" => "a client is outside the plan's ages",
        "CT-01" => "a contact cannot be in the future",
        "CT-04" => "a contact that did not take place needs a reason",
        _ => "the specification forbids it",
    }
}

fn reason_in_words(reason: &str) -> &str {
    match reason {
        "empty" => "is empty",
        "too_long" => "is too long",
        "format" => "has the wrong format",
        "range" => "is out of range",
        "unsupported" => "is not supported",
        "duplicate" => "is there twice",
        other => other,
    }
}
