//! Nobody learns from outside how much a device holds: a stranger, a device of another domain and one that was ended
//! see frames of the same sizes, in the same number, from a store with no case and from one with a thousand.

use caseplan_core::Store;
use caseplan_core::identity::Role;
use caseplan_core::identity::record::EndReason;
use caseplan_core::sync::{Session, SyncReport};

use crate::support::link::{sync, take_in};
use crate::support::{Device, new_case};

/// What the full store holds more.
const CASES: u32 = 1_000;

/// What one side sent: the lengths of its frames, as they stand before each.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen(Vec<usize>);

impl Seen {
    fn of(mut stream: &[u8]) -> Self {
        let mut frames = Vec::new();
        while let Some((length, rest)) = stream.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            frames.push(length);
            stream = &rest[length..];
        }
        Self(frames)
    }
}

/// Carries a session to its end; what the first side sent, and what both say of it.
fn seen(mut watched: Session, mut other: Session) -> (Seen, [SyncReport; 2]) {
    let mut stream = Vec::new();
    loop {
        let sent = watched.take(usize::MAX).unwrap_or_default();
        stream.extend_from_slice(&sent);
        let _ = other.feed(&sent);
        let back = other.take(usize::MAX).unwrap_or_default();
        let _ = watched.feed(&back);
        if sent.is_empty() && back.is_empty() {
            return (Seen::of(&stream), [watched.report(), other.report()]);
        }
    }
}

/// What a store sends to somebody, whichever of the two connects.
fn both_ways(store: &Store, other: &Store) -> [(Seen, [SyncReport; 2]); 2] {
    [
        seen(store.sync().accept().unwrap(), other.sync().connect().unwrap()),
        seen(store.sync().connect().unwrap(), other.sync().accept().unwrap()),
    ]
}

/// A phone with a tablet that it took in, and since then so many cases; the tablet has ended.
fn phone_with(cases: u32) -> (Device, Device) {
    let (phone, tablet) = (Device::new("phone", "w-117"), Device::new("tablet", "w-117"));
    take_in(&phone.store, &tablet.store, "w-117", &[Role::Caseworker]);
    assert!(sync(&phone.store, &tablet.store).iter().all(|report| report.equal));
    for at in 0..cases {
        phone.store.cases().create(&new_case(&format!("2026-{at}"), "Hugo Petit")).unwrap();
    }
    phone.store.identity().end_device(tablet.store.identity().device(), EndReason::Lost).unwrap();
    (phone, tablet)
}

#[test]
fn whoever_is_shut_out_sees_the_same_from_an_empty_store_and_from_a_full_one() {
    let (empty, ended_of_empty) = phone_with(0);
    let (full, ended_of_full) = phone_with(CASES);
    let held = |phone: &Device| phone.store.info().unwrap().documents;
    assert!(held(&full) >= held(&empty) + u64::from(CASES), "{} and {}", held(&full), held(&empty));

    // Without the network's secret: used alone, or in another domain.
    let alone = Device::new("stranger", "w-117");
    let (other, of_other) = (Device::new("other", "w-205"), Device::new("other's", "w-205"));
    take_in(&other.store, &of_other.store, "w-205", &[Role::Caseworker]);
    for outsider in [&alone, &of_other] {
        let [one, two] = [&empty, &full].map(|phone| both_ways(&phone.store, &outsider.store));
        for ((of_empty, reports), (of_full, _)) in one.into_iter().zip(two) {
            assert_eq!(of_empty, of_full);
            assert!(reports[1].peer.is_none(), "{reports:?}");
        }
        let [(answered, _), (called, _)] = both_ways(&full.store, &outsider.store);
        assert_eq!((answered.0.len(), called.0), (0, vec![1_072]), "no answer, and one padded frame");
    }

    let one = both_ways(&empty.store, &ended_of_empty.store);
    let two = both_ways(&full.store, &ended_of_full.store);
    assert!(one[0].0.0.len() > 2, "it was told that it has ended: {one:?}");
    assert_eq!(one[1].0.0, [1_072], "and is called with a secret that it never had");
    for ((of_empty, reports), (of_full, _)) in one.into_iter().zip(two) {
        assert_eq!(of_empty, of_full);
        assert_eq!(reports[1].received, 0, "{reports:?}");
    }
}
