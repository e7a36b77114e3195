//! What a device shows of the roots of its domain.

use super::*;
use crate::identity::Joining;
use crate::identity::authority::issuing::{Entitled, Issuing};
use crate::identity::keys::RootKey;
use crate::identity::record::IssuerPower;
use crate::sync::proof::MAX_RECORDS;

/// Replaces the root again and again, as a thief of its key would.
fn replaced(store: &Store, times: u8) -> RootKey {
    let mut by = store.root_key().unwrap().unwrap();
    for time in 1..=times {
        let (next, recovery) = (RootKey::of_seed(&[time; 32]), RootKey::of_seed(&[100 + time; 32]));
        let replaced = store.change_records(|change| {
            Ok(change.authority.replace_root(&by, &next, &recovery.public(), change.now).unwrap())
        });
        assert!(replaced.is_ok());
        by = next;
    }
    by
}

#[test]
fn a_device_shows_no_roots_but_those_that_its_certificate_hangs_on() {
    let phone = store(91);
    let tablet = enrolled(&phone, 92);
    let before = phone.own_chain().len();
    let last = replaced(&phone, 40);
    assert_eq!(phone.own().authority.judgement().roots.len(), 41);
    let chain = phone.own_chain();
    assert_eq!(chain.len(), before, "however many came later");
    assert_eq!(tablet.proven_by(&chain).unwrap().device, phone.identity().device());
    // Whoever was certified by the last of them shows them all, and the other side reads that.
    let newcomer = store(93);
    let joining = Joining::decode(&newcomer.identity().request().unwrap()).unwrap();
    let answer = phone.change_records(|change| {
        let by = Issuing { key: &last, power: IssuerPower::All, root: true };
        let entitled = Entitled {
            worker: "w-117".parse().unwrap(),
            roles: vec![Role::Caseworker],
            level: 1,
            not_after: None,
        };
        change.authority.certify(&by, &joining, entitled, change.now).unwrap();
        Ok(change.authority.answer(false))
    });
    newcomer.identity().adopt(&answer.unwrap()).unwrap();
    let chain = newcomer.own_chain();
    assert!((41..=MAX_RECORDS as usize).contains(&chain.len()));
    assert_eq!(tablet.proven_by(&chain).unwrap().device, newcomer.identity().device());
    let hello = Wire::Hello { chain, signature: [0; 64], clock: 0 };
    let (kind, body) = hello.encode();
    assert_eq!(Wire::decode(kind, &body), Ok(Some(hello)));
}
