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

fn every_body() -> Vec<RecordBody> {
    let device = crate::ids::DeviceId(uuid8([4; 16]));
    let last = Last { number: 3, hash: [6; 32] };
    let grant = Grant {
        case: crate::ids::CaseId(uuid8([3; 16])),
        worker: "w-204".parse().unwrap(),
        extent: Extent::Level(2),
        writes: vec!["case".to_owned(), "contact_log".to_owned()],
        may_grant: true,
        until: Some(1_772_438_400),
    };
    let visits = Extent::Visits(crate::ids::VisitationPlanId(uuid8([2; 16])));
    let document = crate::ids::DocumentId(uuid8([8; 16]));
    let (actor, keep) = (crate::ids::Actor([1; 24]), crate::ids::ChangeHash([9; 32]));
    let anchor = Anchor { root: [1; 32], recovery: [2; 32], domain: domain_id(&[1; 32]), after: Some(last) };
    vec![
        RecordBody::Anchor(Anchor { after: None, ..anchor.clone() }),
        RecordBody::Anchor(anchor),
        RecordBody::Issuer(Issuer { device, power: IssuerPower::RenewOnly }),
        RecordBody::End(End { device, issuer: None, why: EndReason::Lost }),
        RecordBody::End(End { device, issuer: Some(None), why: EndReason::Left }),
        RecordBody::End(End { device, issuer: Some(Some(last)), why: EndReason::from_code("later") }),
        RecordBody::Grant(Grant { extent: visits, until: None, ..grant.clone() }),
        RecordBody::Grant(grant),
        RecordBody::EndOfGrant(EndOfGrant { grants: vec![[1; 32], [2; 32]] }),
        RecordBody::Receipt(Receipt {
            end: [5; 32],
            records: vec![([1; 16], [2; 16], last)],
            changes: vec![(document, actor, 7)],
            by_person: false,
        }),
        RecordBody::Receipt(Receipt {
            end: [5; 32],
            records: Vec::new(),
            changes: vec![(document, actor, 7)],
            by_person: true,
        }),
        RecordBody::ForkChoice(ForkChoice { document, actor, seq: 7, keep }),
        RecordBody::NetworkSecret(NetworkSecret { generation: 2, secret: [7; 32].into() }),
    ]
}

#[test]
fn every_body_reads_back_and_only_in_its_one_encoding() {
    for body in every_body() {
        let bytes = body.encode();
        assert_eq!(RecordBody::decode(body.kind(), &bytes), Ok(body.clone()));
        assert!(RecordBody::decode(body.kind(), &[bytes.as_slice(), &[0]].concat()).is_err(), "{body:?}");
        assert!(RecordBody::decode(body.kind(), &bytes[..bytes.len() - 1]).is_err(), "{body:?}");
    }
    let unsorted = RecordBody::EndOfGrant(EndOfGrant { grants: vec![[2; 32], [1; 32]] });
    assert!(RecordBody::decode(6, &unsorted.encode()).is_err());
    // A receipt that a device wrote by itself does not say so: there is nothing after its third field.
    let by_itself = Receipt { end: [5; 32], records: Vec::new(), changes: Vec::new(), by_person: false };
    let bytes = RecordBody::Receipt(by_itself).encode();
    assert_eq!((bytes[0], &bytes[bytes.len() - 2..]), (0x83, [0x80, 0x80].as_slice()));
    let said_anyway = [&[0x84], &bytes[1..], &[0x00]].concat();
    assert!(RecordBody::decode(7, &said_anyway).is_err());
}

#[test]
fn a_full_receipt_fits_into_a_record() {
    let last = Last { number: u64::MAX, hash: [6; 32] };
    let records = (0..8).map(|at| ([at; 16], [2; 16], last)).collect();
    let document = crate::ids::DocumentId(uuid8([8; 16]));
    let changes = (0..48).map(|at| (document, crate::ids::Actor([at; 24]), u64::MAX)).collect();
    let record = Record {
        domain: domain_id(&[1; 32]),
        log: [2; 16],
        issuer: [3; 16],
        number: u64::MAX,
        previous: [1; 32],
        issued_at: i64::MAX,
        body: RecordBody::Receipt(Receipt { end: [5; 32], records, changes, by_person: true }),
    };
    assert!(record.encode().len() <= MAX_RECORD, "{}", record.encode().len());
}
