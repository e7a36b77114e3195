//! Defects on purpose: the simulator shows by them that it can fail. Without the feature `planted`, which only tests
//! turn on, there is none, and each place that asks compiles to nothing.

/// A defect, named after what it leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// A batch is acknowledged now and committed when the next one comes.
    AckBeforeCommit,
    /// Nobody writes receipts when it learns of an end.
    ReceiptsSkipped,
    /// A change may be by the actor of another device than the one that signed it.
    ActorPrefixUnchecked,
    /// Digests leave out what is held and was not accepted.
    DigestOverAcceptedOnly,
    /// A file is taken whose 72 hours are over.
    ExpiredFileTaken,
    /// A session that is open when a device ends goes on as before.
    EndIgnoredInOpenSession,
    /// A restored store goes on as the actors that it was.
    RotationSkipped,
    /// One batch in sixteen is not taken in, and nobody is told.
    BatchDropped,
}

/// Whether a defect is planted.
#[cfg(not(feature = "planted"))]
pub(crate) const fn is(_: Defect) -> bool {
    false
}

/// Whether a defect is planted.
#[cfg(feature = "planted")]
pub(crate) fn is(defect: Defect) -> bool {
    bed::PLANTED.load(std::sync::atomic::Ordering::SeqCst) == defect as u8
}

#[cfg(feature = "planted")]
pub use bed::plant;

#[cfg(feature = "planted")]
mod bed {
    use super::Defect;
    use std::sync::atomic::{AtomicU8, Ordering};

    const NONE: u8 = u8::MAX;
    pub(super) static PLANTED: AtomicU8 = AtomicU8::new(NONE);

    impl Defect {
        /// All of them.
        pub const ALL: [Self; 8] = [
            Self::AckBeforeCommit,
            Self::ReceiptsSkipped,
            Self::ActorPrefixUnchecked,
            Self::DigestOverAcceptedOnly,
            Self::ExpiredFileTaken,
            Self::EndIgnoredInOpenSession,
            Self::RotationSkipped,
            Self::BatchDropped,
        ];
    }

    /// Plants a defect in every store of this process, in place of the one before; nothing takes it out.
    pub fn plant(defect: Option<Defect>) {
        PLANTED.store(defect.map_or(NONE, |defect| defect as u8), Ordering::SeqCst);
    }
}

/// What comes, except while [`Defect::AckBeforeCommit`] is planted: then it is what came before.
#[derive(Debug)]
pub(crate) struct Late<T>(Option<T>);

impl<T> Default for Late<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Late<T> {
    pub fn instead_of(&mut self, new: T) -> Option<T> {
        if is(Defect::AckBeforeCommit) { self.0.replace(new) } else { Some(new) }
    }
}
