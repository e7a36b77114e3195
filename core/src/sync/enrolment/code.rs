//! The short code that is spoken: eight characters without look-alikes, forgiving when it is typed.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroize;

use crate::random::{self, Random, RandomFailed};

/// Without I, L, O and U: 32 characters, five bits each.
pub const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const LENGTH: usize = 8;
/// Nobody types more, with all separators.
const MOST_TYPED: usize = 64;

/// A short code: 40 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct ShortCode([u8; LENGTH]);

impl ShortCode {
    /// A new code.
    pub fn make(random: &dyn Random) -> Result<Self, RandomFailed> {
        let mut drawn = random::bytes::<LENGTH>(random)?;
        // 256 is a multiple of 32, so every character is as likely as any other.
        let code = Self(drawn.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()]));
        drawn.zeroize();
        Ok(code)
    }

    /// The eight characters: the password of the exchange.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for ShortCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// As it is shown and spoken: two groups of four.
impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        grouped(&self.0, f)
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShortCode")
    }
}

/// Not a short code: too few or too many characters, or one that no code has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a short code")]
pub struct InvalidCode;

/// As somebody types it: either case, any separators, O for 0, I and L for 1.
impl FromStr for ShortCode {
    type Err = InvalidCode;

    fn from_str(typed: &str) -> Result<Self, InvalidCode> {
        if typed.len() > MOST_TYPED {
            return Err(InvalidCode);
        }
        let mut code = [0; LENGTH];
        let mut length = 0;
        for c in typed.chars().filter(|c| c.is_alphanumeric()) {
            let meant = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let known = ALPHABET.iter().find(|known| char::from(**known) == meant).ok_or(InvalidCode)?;
            *code.get_mut(length).ok_or(InvalidCode)? = *known;
            length += 1;
        }
        if length == LENGTH { Ok(Self(code)) } else { Err(InvalidCode) }
    }
}

/// What both people compare: the same for everybody who sees this signing key. Four groups of four characters.
pub fn fingerprint(ed25519: &[u8; 32]) -> String {
    let hash = crate::ids::sha256(&[ed25519]);
    let bits = hash[..10].iter().fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    let text: Vec<u8> = (0..16).rev().map(|at| ALPHABET[(bits >> (5 * at)) as usize % 32]).collect();
    Groups(&text).to_string()
}

struct Groups<'a>(&'a [u8]);

impl fmt::Display for Groups<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        grouped(self.0, f)
    }
}

fn grouped(text: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, c) in text.iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            f.write_str("-")?;
        }
        write!(f, "{}", char::from(*c))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code: ShortCode = "7K3M-0Z1A".parse().unwrap();
        assert_eq!(code.to_string(), "7K3M-0Z1A");
        for typed in ["7k3m0z1a", " 7K3M 0Z1A ", "7k3m.oZlA", "7-K-3-M-O-Z-I-a", "7K3M–0Z1A"] {
            assert_eq!(typed.parse(), Ok(code.clone()), "{typed}");
        }
        for bad in ["", "7K3M-0Z1", "7K3M-0Z1AA", "7K3M-0Z1U", "7K3M-0Z1é", &"-".repeat(65)] {
            assert_eq!(bad.parse::<ShortCode>(), Err(InvalidCode), "{bad}");
        }
    }

    #[test]
    fn codes_are_made_of_the_whole_alphabet_and_come_back() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let code = ShortCode::make(&SystemRandom).unwrap();
            assert_eq!(code.to_string().parse(), Ok(code.clone()));
            seen.extend(code.0);
        }
        assert_eq!(seen.len(), 32);
    }

    #[test]
    fn a_code_is_not_in_its_debug_text() {
        assert_eq!(format!("{:?}", "7K3M-0Z1A".parse::<ShortCode>()), "Ok(ShortCode)");
    }

    #[test]
    fn a_fingerprint_is_four_groups_and_another_for_another_key() {
        let groups: Vec<_> = fingerprint(&[3; 32]).split('-').map(str::len).collect();
        assert_eq!(groups, [4; 4]);
        assert_ne!(fingerprint(&[3; 32]), fingerprint(&[4; 32]));
    }
}
