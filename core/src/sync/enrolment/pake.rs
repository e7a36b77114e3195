//! The only file that names spake2: a short code becomes a strong key, at one guess per exchange.
//!
//! Always with sides: the symmetric form lets an attacker send a message back to whom it came from.

use rand_core::{CryptoRng, RngCore};
use spake2::{Ed25519Group, Identity, Password, Spake2};
use zeroize::{Zeroize, Zeroizing};

use super::EnrolmentFailed;
use super::code::ShortCode;
use crate::random::{Random, RandomFailed};

/// The length of an exchange's message.
pub(super) const MESSAGE: usize = 33;

/// One exchange, half done.
pub(super) struct Pake(Spake2<Ed25519Group>);

impl Pake {
    /// The inviter's half, side A, and its message.
    pub fn inviter(
        code: &ShortCode,
        id: &[u8; 16],
        random: &dyn Random,
    ) -> Result<(Self, Vec<u8>), RandomFailed> {
        Self::start(Spake2::start_a_with_rng, code, id, random)
    }

    /// The newcomer's half, side B, and its message.
    pub fn newcomer(
        code: &ShortCode,
        id: &[u8; 16],
        random: &dyn Random,
    ) -> Result<(Self, Vec<u8>), RandomFailed> {
        Self::start(Spake2::start_b_with_rng, code, id, random)
    }

    fn start(
        half: impl FnOnce(&Password, &Identity, &Identity, Drawn) -> (Spake2<Ed25519Group>, Vec<u8>),
        code: &ShortCode,
        id: &[u8; 16],
        random: &dyn Random,
    ) -> Result<(Self, Vec<u8>), RandomFailed> {
        let mut drawn = Drawn([0; 64]);
        random.fill(&mut drawn.0)?;
        let a = Identity::new(&[b"inviter".as_slice(), id].concat());
        let b = Identity::new(&[b"newcomer".as_slice(), id].concat());
        let (pake, message) = half(&Password::new(code.as_bytes()), &a, &b, drawn);
        Ok((Self(pake), message))
    }

    /// The key, which is the other side's too if it used the same code.
    pub fn finish(self, message: &[u8]) -> Result<Zeroizing<[u8; 32]>, EnrolmentFailed> {
        let key = Zeroizing::new(self.0.finish(message).map_err(|_| EnrolmentFailed::Malformed)?);
        let key = <[u8; 32]>::try_from(key.as_slice()).map_err(|_| EnrolmentFailed::Malformed)?;
        Ok(Zeroizing::new(key))
    }
}

/// 64 bytes that were drawn beforehand, from which one scalar is reduced: our source can fail, the trait here cannot.
struct Drawn([u8; 64]);

impl RngCore for Drawn {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        // Each next block is the hash of the one before, so that no number of draws repeats one.
        for block in bytes.chunks_mut(64) {
            block.copy_from_slice(&self.0[..block.len()]);
            let low = crate::ids::sha256(&[&self.0, &[0]]);
            let high = crate::ids::sha256(&[&self.0, &[1]]);
            self.0[..32].copy_from_slice(&low);
            self.0[32..].copy_from_slice(&high);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Drawn {}

impl Drop for Drawn {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SeededRandom;

    fn code(text: &str) -> ShortCode {
        text.parse().unwrap()
    }

    #[test]
    fn the_same_code_gives_both_the_same_key_and_another_gives_another() {
        let random = SeededRandom::new(1);
        let meet = |one: &str, other: &str, id: [u8; 16]| {
            let (a, to_b) = Pake::inviter(&code(one), &[1; 16], &random).unwrap();
            let (b, to_a) = Pake::newcomer(&code(other), &id, &random).unwrap();
            assert_eq!((to_a.len(), to_b.len()), (MESSAGE, MESSAGE));
            *a.finish(&to_a).unwrap() == *b.finish(&to_b).unwrap()
        };
        assert!(meet("7K3M0Z1A", "7K3M0Z1A", [1; 16]));
        assert!(!meet("7K3M0Z1A", "7K3M0Z1B", [1; 16]));
        assert!(!meet("7K3M0Z1A", "7K3M0Z1A", [2; 16]), "the invitation is part of the key");
    }

    #[test]
    fn a_message_sent_back_is_refused() {
        let (a, to_b) = Pake::inviter(&code("7K3M0Z1A"), &[1; 16], &SeededRandom::new(1)).unwrap();
        assert_eq!(a.finish(&to_b).err(), Some(EnrolmentFailed::Malformed));
    }
}
