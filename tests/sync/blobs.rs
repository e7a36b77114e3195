//! The bytes of attachments between devices: resumed where they were cut, and never outside a scope that both may read.

use caseplan_core::access::NewGrant;
use caseplan_core::identity::{Role, Scope};
use caseplan_core::ids::{CaseId, ScopeId, sha256};

use crate::support::link::{Link, sync, take_in};
use crate::support::{Device, new_case};

fn phone_and_colleague() -> (Device, Device, CaseId, ScopeId) {
    let phone = Device::new("blob-phone", "w-117");
    let colleague = Device::new("blob-colleague", "w-204");
    take_in(&phone.store, &colleague.store, "w-204", &[Role::Caseworker]);
    let case = phone.store.cases().create(&new_case("2026-0117", "Léa Martin")).unwrap().id;
    (phone, colleague, case, Scope::Level(1).id(case))
}

fn scan(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * at / 7) as u8).collect()
}

#[test]
fn an_attachment_comes_with_its_scope_and_goes_on_where_it_was_cut() {
    let (phone, colleague, case, scope) = phone_and_colleague();
    let order = scan(600_000);
    let hash = phone.store.blobs().keep(scope, &order).unwrap();
    phone.store.grants().give(case, &NewGrant::colleague("w-204".parse().unwrap(), 1)).unwrap();
    sync(&phone.store, &colleague.store);
    colleague.store.blobs().want(scope, &hash, order.len() as u64).unwrap();
    let (mut carried, mut sessions) = (0, 0);
    while colleague.store.blobs().get(scope, &hash).unwrap().is_none() {
        let (one, other) = if sessions % 2 == 0 { (&phone, &colleague) } else { (&colleague, &phone) };
        let mut link = Link::between(&one.store, &other.store);
        while link.carried.iter().sum::<u64>() < 250_000 {
            if !(link.carry(0, 10_000) | link.carry(1, 10_000)) {
                break;
            }
        }
        carried += link.carried.iter().sum::<u64>();
        sessions += 1;
        assert!(sessions < 10, "it never comes whole");
    }
    assert!(sessions > 2, "it was not cut");
    assert_eq!(colleague.store.blobs().get(scope, &hash).unwrap().unwrap(), order);
    let least = order.len() as u64;
    assert!(carried < least + sessions * (64 * 1024 + 8_192), "{carried} B in {sessions} sessions");
}

#[test]
fn a_hash_alone_opens_nothing() {
    let (phone, colleague, case, scope) = phone_and_colleague();
    // The colleague has a case of his own, and has heard the hash of what lies in another's.
    let own = colleague.store.cases().create(&new_case("2026-0204", "Hugo Petit")).unwrap().id;
    let own = Scope::Level(1).id(own);
    let order = scan(1_000);
    let hash = phone.store.blobs().keep(scope, &order).unwrap();
    assert_eq!(hash, sha256(&[&order]));
    colleague.store.blobs().want(own, &hash, 1_000).unwrap();
    phone.store.grants().give(case, &NewGrant::colleague("w-999".parse().unwrap(), 1)).unwrap();
    for _ in 0..2 {
        let reports = sync(&colleague.store, &phone.store);
        assert!(reports.iter().all(|report| report.equal && report.failed.is_none()), "{reports:?}");
    }
    assert_eq!(colleague.store.blobs().get(own, &hash).unwrap(), None);
}

#[test]
fn an_attachment_that_only_a_colleague_has_keeps_a_taken_back_case_from_going() {
    let (phone, colleague, case, scope) = phone_and_colleague();
    let grant = phone.store.grants().give(case, &NewGrant::colleague("w-204".parse().unwrap(), 1)).unwrap();
    sync(&phone.store, &colleague.store);
    let order = scan(1_000);
    let hash = colleague.store.blobs().keep(scope, &order).unwrap();
    sync(&phone.store, &colleague.store);
    phone.store.blobs().want(scope, &hash, 1_000).unwrap();
    let mut link = Link::between(&phone.store, &colleague.store);
    link.run(usize::MAX);
    let _ = link.end();
    assert_eq!(phone.store.blobs().get(scope, &hash).unwrap().unwrap(), order);
    let second = colleague.store.blobs().keep(scope, &scan(2_000)).unwrap();
    phone.store.grants().take_back(case, &[grant.id]).unwrap();
    sync(&phone.store, &colleague.store);
    assert!(colleague.store.cases().get(case).unwrap().is_some(), "nobody else has the second one");
    assert!(colleague.store.blobs().get(scope, &second).unwrap().is_some());
}
