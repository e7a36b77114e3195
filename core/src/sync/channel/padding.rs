//! Padding: what is said before and just after two devices know each other has the same few sizes for everybody.

/// Padded things are multiples of this.
pub const BLOCK: usize = 1024;

/// Whether a message hides its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// As long as it is: batches of changes, whose size says little.
    None,
    /// Each frame's plaintext is filled up with zeros to a multiple of [`BLOCK`]: Hello, Authority, enrolment.
    Block,
}

/// `u32 length ‖ payload ‖ zeros`, filled up to a multiple of [`BLOCK`].
pub(super) fn pad(payload: &[u8]) -> Vec<u8> {
    let mut padded = Vec::with_capacity((4 + payload.len()).next_multiple_of(BLOCK));
    padded.extend((payload.len() as u32).to_be_bytes());
    padded.extend(payload);
    fill(&mut padded);
    padded
}

/// The payload of what [`pad`] gives; nothing of anything else.
pub(super) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<4>()?;
    let (payload, zeros) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    (padded.len().is_multiple_of(BLOCK) && is_fill(padded.len(), zeros)).then_some(payload)
}

/// Fills up with zeros to a multiple of [`BLOCK`].
pub(super) fn fill(plaintext: &mut Vec<u8>) {
    plaintext.resize(plaintext.len().next_multiple_of(BLOCK), 0);
}

/// Whether what follows in a plaintext of this length is what [`fill`] put there, or nothing.
pub(super) fn is_fill(length: usize, rest: &[u8]) -> bool {
    rest.is_empty()
        || length.is_multiple_of(BLOCK) && rest.len() < BLOCK && rest.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_comes_back_from_a_multiple_of_a_block() {
        for length in [0, 1, 1019, 1020, 1021, 2044, 2045, 10_000] {
            let payload = vec![7; length];
            let padded = pad(&payload);
            assert_eq!(padded.len() % BLOCK, 0);
            assert!(padded.len() >= BLOCK && padded.len() < length + 4 + BLOCK);
            assert_eq!(unpad(&padded), Some(payload.as_slice()));
        }
    }

    #[test]
    fn there_is_one_padding_of_each_payload() {
        let good = pad(b"payload");
        let mut written = good.clone();
        written[1023] = 1;
        let mut longer = good.clone();
        longer.resize(2 * BLOCK, 0);
        let mut too_far = good.clone();
        too_far[..4].copy_from_slice(&1021_u32.to_be_bytes());
        for bad in [&[][..], &[0; 3], &good[..1023], &written, &longer, &too_far] {
            assert_eq!(unpad(bad), None);
        }
    }
}
