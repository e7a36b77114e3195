//! Why a change is not part of its document: the codes that an app shows in words.

use crate::document::chunk;
use crate::storage::changes::ChangeState;

crate::code_enum! {
    /// Why a change is not part of its document.
    Refusal {
        /// It waits for changes that it follows.
        Waiting = "waiting",
        /// No certificate that counts here is its author's.
        UnknownAuthor = "unknown_author",
        /// Its author's device was ended before this device knew of it: it waits for a person.
        AuthorEnded = "author_ended",
        /// Its author has no grant for it, or none any more.
        NotGranted = "not_granted",
        /// It made the document engine fail.
        Poisoned = "poisoned",
        /// Its document is of a kind that a newer version knows.
        NewerKind = "newer_kind",
        /// Its bytes are no change.
        Malformed = "malformed",
        /// It is over a limit.
        OverLimit = "over_limit",
        /// It is compressed, a bundle or a document.
        WrongType = "wrong_type",
        /// Its actor is not its signer's.
        WrongActor = "wrong_actor",
        /// Its signature is not its author's for this place.
        BadSignature = "bad_signature",
        /// Its numbers do not follow from its ancestors.
        BadStructure = "bad_structure",
        /// Another change has its actor and number.
        Forked = "forked",
        /// Its document's id is not the hash of its header.
        BadHeader = "bad_header",
        /// Nobody founded its scope here.
        UnknownScope = "unknown_scope",
    }
}

impl Refusal {
    /// What an app may show of it, in English; an app of another language has words of its own for each code.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Waiting => "Parts are still on their way.",
            Self::UnknownAuthor => "From a device that is not known here yet.",
            Self::AuthorEnded => {
                "Written on a device that was ended: somebody with the right has to look at it."
            }
            Self::NotGranted => "Written without a right to the case: somebody who may grant has to decide.",
            Self::Poisoned => "It could not be read: please report it.",
            Self::NewerKind => "A newer version of the app is needed.",
            Self::Malformed | Self::OverLimit | Self::WrongType | Self::BadStructure | Self::BadHeader => {
                "It is not valid: please report the device that sent it."
            }
            Self::WrongActor | Self::BadSignature => {
                "Somebody tried to write in another's name: please report it."
            }
            Self::Forked => {
                "Written on a copy of a device: its author makes it again, or somebody has to look at it."
            }
            Self::UnknownScope => "Of a case that is not known here.",
            Self::Unknown { .. } => "For a reason that this version does not know.",
        }
    }

    /// Whether what is refused so is kept all the same: to be tried again, or for a person.
    pub(crate) fn is_kept(&self) -> bool {
        matches!(
            self,
            Self::Waiting
                | Self::AuthorEnded
                | Self::NotGranted
                | Self::Poisoned
                | Self::NewerKind
                | Self::Forked
        )
    }

    /// The reason of a state.
    pub fn of_state(state: ChangeState) -> Self {
        match state {
            ChangeState::UnknownAuthor => Self::UnknownAuthor,
            ChangeState::AuthorEnded => Self::AuthorEnded,
            ChangeState::NotGranted => Self::NotGranted,
            ChangeState::Poisoned => Self::Poisoned,
            ChangeState::NewerKind => Self::NewerKind,
            ChangeState::Forked => Self::Forked,
            ChangeState::Waiting | ChangeState::Accepted => Self::Waiting,
        }
    }

    pub(super) fn of_chunk(refused: chunk::ChunkRefused) -> Self {
        match refused {
            chunk::ChunkRefused::OverLimit => Self::OverLimit,
            chunk::ChunkRefused::WrongType | chunk::ChunkRefused::Compressed => Self::WrongType,
            chunk::ChunkRefused::Malformed => Self::Malformed,
            chunk::ChunkRefused::Unsigned => Self::BadSignature,
        }
    }
}
