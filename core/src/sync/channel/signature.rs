//! The signature over a handshake: it ties a device's signing key to this one connection (`sync.md` §10).

use crate::identity::DeviceKeys;
use crate::identity::keys::verify;

/// Which side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Connects, and speaks first.
    Initiator,
    /// Was connected to.
    Responder,
}

impl Side {
    /// The side at the other end.
    pub fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// What is signed for. A signature for one is none for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A session between two devices of a domain.
    Hello,
    /// A new device that asks to be taken in.
    Enrol,
}

/// Signs a handshake hash as one side.
pub fn sign_handshake(keys: &DeviceKeys, purpose: Purpose, side: Side, hash: &[u8; 32]) -> [u8; 64] {
    keys.sign(&signed_bytes(purpose, side, hash))
}

/// Whether this key signed a handshake hash as this side.
pub fn verify_handshake(
    ed25519: &[u8; 32],
    purpose: Purpose,
    side: Side,
    hash: &[u8; 32],
    signature: &[u8; 64],
) -> bool {
    verify(ed25519, &signed_bytes(purpose, side, hash), signature)
}

fn signed_bytes(purpose: Purpose, side: Side, hash: &[u8; 32]) -> Vec<u8> {
    let purpose: &[u8] = match purpose {
        Purpose::Hello => b"caseplan/hello/1",
        Purpose::Enrol => b"caseplan/enrol/1",
    };
    let side = match side {
        Side::Initiator => 0,
        Side::Responder => 1,
    };
    [purpose, &[side], hash].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::MemoryVault;
    use crate::random::SystemRandom;

    #[test]
    fn a_signature_is_good_for_one_purpose_one_side_and_one_handshake() {
        let keys = DeviceKeys::make(&MemoryVault::default(), &SystemRandom).unwrap();
        let signature = sign_handshake(&keys, Purpose::Hello, Side::Initiator, &[7; 32]);
        let check = |purpose, side, hash| verify_handshake(&keys.ed25519(), purpose, side, &hash, &signature);
        assert!(check(Purpose::Hello, Side::Initiator, [7; 32]));
        assert!(!check(Purpose::Enrol, Side::Initiator, [7; 32]));
        assert!(!check(Purpose::Hello, Side::Responder, [7; 32]));
        assert!(!check(Purpose::Hello, Side::Initiator, [8; 32]));
    }
}
