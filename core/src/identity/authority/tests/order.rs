//! Any order and any split of records come to the same.

use proptest::prelude::*;

use super::*;
use crate::identity::record::issuer_id;

/// Everything that follows, in a form that can be compared.
fn told(authority: &Authority, facts: &ScopeFacts) -> String {
    let (domain, case) = (authority.judgement(), authority.case_judgement(facts.case, facts.founder));
    let mut receipts: Vec<_> = case.receipts.iter().collect();
    receipts.sort();
    let certificates: Vec<_> = domain.certificates.iter().map(|(hash, c)| (hash, &c.certificate)).collect();
    let ended = domain.ended.keys();
    let reviews: Vec<_> = ended
        .map(|device| authority.review(*device, facts, document(), Actor::new(*device, [1; 8])))
        .collect();
    format!(
        "{certificates:?} {:?} {:?} {:?} {receipts:?} {reviews:?} {:?}",
        domain.ended, domain.issuers, domain.secrets, case.grants
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_order_and_any_split_of_records_come_to_the_same(order in prop::collection::vec(any::<u32>(), 40)) {
        let mut world = World::new();
        let (marc, lise, sub) = (world.enrol("w-2", &[]), world.enrol("w-3", &[]), world.enrol("w-4", &[]));
        let by = Issuing { key: &world.root, power: IssuerPower::All, root: true };
        world.authority.make_issuer(&by, lise.device_id(), IssuerPower::All, NOW).unwrap();
        let phone = world.phone.clone();
        let first = world.grant(&phone, "w-2", true);
        world.grant(&marc, "w-4", false);
        world.grant(&phone, "w-3", false);
        let back = world.take_back(&phone, first);
        world.receipt(&phone, back, &marc, 3);
        let end = world.end_device(&lise, &phone);
        world.receipt(&sub, end, &phone, 5);
        world.receipt_at(&sub, end, &phone, 4, NOW + 1, true);
        world.end_device(&marc, &lise);
        let own = world.authority.end_device(&world.root, lise.device_id(), EndReason::Lost, NOW).unwrap().record.hash();
        world.receipt(&phone, own, &lise, 2);
        world.receipt_at(&phone, own, &lise, 1, NOW + 1, true);
        let next = root_key();
        world.authority.replace_root(&world.recovery, &next, &[6; 32], NOW).unwrap();

        let mut records: Vec<(u32, Signed)> = world.authority.held().all().skip(1)
            .enumerate().map(|(at, entry)| (order[at % order.len()], entry.signed.clone())).collect();
        records.sort_by_key(|(key, _)| *key);
        let anchor = world.authority.held().all().next().unwrap().signed.clone();
        let mut other = Authority::from_records([anchor]).unwrap();
        other.know_scope(world.facts);
        while !records.is_empty() {
            let before = records.len();
            records.retain(|(_, signed)| other.insert(signed.clone()).is_err());
            // What is judged in between is begun anew with the next record.
            told(&other, &world.facts);
            prop_assert!(records.len() < before, "a record that nothing lets in");
        }
        prop_assert_eq!(told(&other, &world.facts), told(&world.authority, &world.facts));
        prop_assert_eq!(issuer_id(&next.public()), issuer_id(&other.judgement().roots.last().unwrap().anchor.root));
    }
}
