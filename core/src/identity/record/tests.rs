//! Every record has one encoding, and one flipped bit breaks it or its signature.

use super::*;
use crate::identity::MemoryVault;
use crate::identity::keys::RootKey;
use crate::random::SystemRandom;

#[test]
fn records_of_a_type_that_comes_later_are_kept_as_they_are() {
    let root = RootKey::make(&MemoryVault::default(), "root", &SystemRandom).unwrap();
    let domain = domain_id(&root.public());
    let record = Record {
        domain,
        log: *domain.as_bytes(),
        issuer: issuer_id(&root.public()),
        number: 7,
        previous: [1; 32],
        issued_at: 5,
        body: RecordBody::Other { kind: 42, body: vec![0x80] },
    };
    let signed = Signed::new(record, &root);
    let again = Signed::decode(&signed.encode()).unwrap();
    assert_eq!(again, signed);
    assert!(again.is_by(&root.public()));
    assert!(!again.is_by(&[9; 32]));
}

#[test]
fn one_flipped_bit_breaks_encoding_or_signature() {
    let root = RootKey::make(&MemoryVault::default(), "root", &SystemRandom).unwrap();
    let domain = domain_id(&root.public());
    let body = RecordBody::Anchor(Anchor { root: root.public(), recovery: [2; 32], domain, after: None });
    let record = Record {
        domain,
        log: *domain.as_bytes(),
        issuer: issuer_id(&root.public()),
        number: 1,
        previous: [0; 32],
        issued_at: 5,
        body,
    };
    let bytes = Signed::new(record, &root).encode();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(!Signed::decode(&bad).is_ok_and(|signed| signed.is_by(&root.public())), "byte {at}");
    }
}
