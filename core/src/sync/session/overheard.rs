//! What a session says, in the clear, for tests that look for words in it, and what a hostile one says instead.
//! Elsewhere nothing is kept.

use crate::sync::wire::Wire;

#[cfg(not(any(test, feature = "testing")))]
#[derive(Default)]
pub(super) struct Overheard {}

#[cfg(not(any(test, feature = "testing")))]
impl Overheard {
    pub fn note(&mut self, _: &Wire) {}
}

/// What was said since somebody began to listen: in the clear, and as messages.
#[cfg(any(test, feature = "testing"))]
#[derive(Default)]
pub(super) struct Overheard(Option<Vec<u8>>, Vec<(u8, Vec<u8>)>);

#[cfg(any(test, feature = "testing"))]
impl Overheard {
    pub fn note(&mut self, wire: &Wire) {
        if let Some(said) = &mut self.0 {
            said.extend(wire.in_the_clear());
            self.1.push(wire.encode());
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

    /// The type and body of every message that this side has said since [`Self::overhear`] was first called.
    pub fn overheard_messages(&mut self) -> Vec<(u8, Vec<u8>)> {
        std::mem::take(&mut self.overheard.1)
    }

    /// Says whatever it is told, in its turn or not, with the keys of a device that keeps to the rules.
    pub fn say_whatever(&mut self, kind: u8, body: &[u8]) {
        let _ = self.channel.send(kind, body, crate::sync::channel::Padding::None);
    }
}
