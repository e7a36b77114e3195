//! Randomness as an argument: keys, identifiers and actors come from a source that is given at open.

/// A source of random bytes fit for keys.
pub trait Random: Send + Sync {
    /// Fills the buffer, or fails without having filled it.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomFailed>;
}

/// The system gave no random bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct RandomFailed;

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomFailed> {
        getrandom::fill(bytes).map_err(|_| RandomFailed)
    }
}

/// `N` random bytes.
pub fn bytes<const N: usize>(random: &dyn Random) -> Result<[u8; N], RandomFailed> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

/// A random identifier, with the bits of a UUID.
pub fn uuid(random: &dyn Random) -> Result<uuid::Uuid, RandomFailed> {
    Ok(crate::ids::uuid8(bytes(random)?))
}
