//! What a session says, in the clear, for tests that look for words in it. Elsewhere nothing is kept.

use crate::sync::wire::Wire;

#[cfg(not(any(test, feature = "testing")))]
#[derive(Default)]
pub(super) struct Overheard {}

#[cfg(not(any(test, feature = "testing")))]
impl Overheard {
    pub fn note(&mut self, _: &Wire) {}
}

/// What was said since somebody began to listen.
#[cfg(any(test, feature = "testing"))]
#[derive(Default)]
pub(super) struct Overheard(Option<Vec<u8>>);

#[cfg(any(test, feature = "testing"))]
impl Overheard {
    pub fn note(&mut self, wire: &Wire) {
        if let Some(said) = &mut self.0 {
            said.extend(wire.in_the_clear());
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl super::Session {
    /// Everything that this side has said since the last call, as it was before compression and encryption. The first
    /// call begins to listen.
    pub fn overhear(&mut self) -> Vec<u8> {
        self.overheard.0.replace(Vec::new()).unwrap_or_default()
    }
}
