//! Names, certificates, records and the signature over a change.

use caseplan_core::document::Kind;
use caseplan_core::identity::founding::{Header, log_name};
use caseplan_core::identity::keys::RootKey;
use caseplan_core::identity::record::{Anchor, Signed, domain_id, issuer_id};
use caseplan_core::identity::signature::Place;
use caseplan_core::identity::{
    Certificate, Founding, KeyVault, MemoryVault, Record, RecordBody, Role, Scope,
};
use caseplan_core::ids::{ChangeHash, VisitationPlanId, uuid8};
use serde_json::{Value, json};

use crate::fixed::{compare, counting, described, device, hex};

const AT: i64 = 1_767_225_600;
const DEVICE: u8 = 0;
const ROOT: u8 = 0x80;
const RECOVERY: u8 = 0xa0;

fn root(from: u8) -> RootKey {
    let vault = MemoryVault::default();
    vault.store("root", &counting::<32>(from)).unwrap();
    RootKey::load(&vault, "root").unwrap().unwrap()
}

fn founding() -> Founding {
    Founding { device: device(DEVICE).device_id(), nonce: counting(0x40), founded_at: AT }
}

fn certificate() -> Certificate {
    let keys = device(DEVICE);
    Certificate {
        device: keys.device_id(),
        ed25519: keys.ed25519(),
        x25519: keys.x25519(),
        worker: "w-117".parse().unwrap(),
        roles: vec![Role::Caseworker, Role::Supervisor],
        level: 5,
        not_before: AT,
        not_after: Some(AT + 2_592_000),
        epoch: 3,
    }
}

#[test]
fn names_are_those_of_the_file() {
    let founding = founding();
    let case = founding.case_id();
    let plan = VisitationPlanId(uuid8(counting(0x50)));
    let scopes = [Scope::Level(1), Scope::Level(5), Scope::Visits(plan)].map(|scope| scope.id(case));
    let document = |scope, kind: Kind, name: Vec<u8>| {
        let header = Header::new(scope, kind, name);
        json!({
            "scope_id": hex(header.scope.as_bytes()),
            "kind": header.kind,
            "genesis": hex(&header.genesis.0),
            "name": hex(&header.name),
            "document_id": hex(header.document_id().as_bytes()),
        })
    };
    let year = log_name(case.as_bytes(), 2026, 1);
    compare(
        "names.json",
        &json!({
            "founder": described(DEVICE),
            "founding": {
                "nonce": hex(&founding.nonce),
                "founded_at": founding.founded_at,
                "bytes": hex(&founding.encode()),
                "signature": hex(&device(DEVICE).sign(&founding.signed_bytes())),
            },
            "case_id": hex(case.as_bytes()),
            "scopes": [
                { "level": 1, "scope_id": hex(scopes[0].as_bytes()) },
                { "level": 5, "scope_id": hex(scopes[1].as_bytes()) },
                { "visitation_plan": hex(plan.as_bytes()), "scope_id": hex(scopes[2].as_bytes()) },
            ],
            "contact_log": { "parent": hex(case.as_bytes()), "year": 2026, "part": 1, "name": hex(&year) },
            "documents": [
                document(scopes[0], Kind::Case, case.as_bytes().to_vec()),
                document(scopes[2], Kind::VisitationPlan, plan.as_bytes().to_vec()),
                document(scopes[0], Kind::ContactLog, year),
            ],
        }),
    );
}

fn described_record(record: &Record, key: &RootKey) -> Value {
    let signed = Signed::new(record.clone(), key);
    json!({
        "log": hex(&record.log),
        "issuer": hex(&record.issuer),
        "number": record.number,
        "previous": hex(&record.previous),
        "issued_at": record.issued_at,
        "bytes": hex(&record.encode()),
        "hash": hex(&record.hash()),
        "signature": hex(&signed.signature),
    })
}

#[test]
fn records_and_signatures_are_those_of_the_file() {
    let key = root(ROOT);
    let domain = domain_id(&key.public());
    let recovery = root(RECOVERY).public();
    let record = |number, previous, body| Record {
        domain,
        log: *domain.as_bytes(),
        issuer: issuer_id(&key.public()),
        number,
        previous,
        issued_at: AT,
        body,
    };
    let anchor =
        record(1, [0; 32], RecordBody::Anchor(Anchor { root: key.public(), recovery, domain, after: None }));
    let certificate = certificate();
    let certified = record(2, anchor.hash(), RecordBody::Certificate(certificate.clone()));
    let case = founding().case_id();
    let scope = Scope::Level(1).id(case);
    let document = Header::new(scope, Kind::Case, case.as_bytes().to_vec()).document_id();
    let change = ChangeHash(counting(0x60));
    let place = Place { scope, document, kind: "case" };
    compare(
        "records.json",
        &json!({
            "root": { "ed25519_seed": hex(&counting::<32>(ROOT)), "ed25519": hex(&key.public()) },
            "recovery": hex(&recovery),
            "domain_id": hex(domain.as_bytes()),
            "anchor": described_record(&anchor, &key),
            "device": described(DEVICE),
            "certificate": {
                "worker": certificate.worker.as_str(),
                "roles": certificate.roles.iter().map(Role::code).collect::<Vec<_>>(),
                "level": certificate.level,
                "not_before": certificate.not_before,
                "not_after": certificate.not_after,
                "epoch": certificate.epoch,
                "bytes": hex(&certificate.encode()),
                "hash": hex(&certificate.hash()),
                "record": described_record(&certified, &key),
            },
            "change": {
                "scope_id": hex(scope.as_bytes()),
                "document_id": hex(document.as_bytes()),
                "kind": place.kind,
                "hash": hex(&change.0),
                "signature": hex(&place.sign(&device(DEVICE), &certificate.hash(), &change)),
            },
        }),
    );
}
