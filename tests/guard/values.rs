//! Well-formed changes with values that no Caseplan writes: read as nothing or as foreign, never a hindrance.

use automerge::transaction::{Transactable, Transaction};
use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValue};
use caseplan_core::case::CaseChange;
use caseplan_core::case::reads::CaseFilter;
use caseplan_core::document::Kind;
use caseplan_core::exchange::{CancelToken, Refusal};
use caseplan_core::visitation::PlanChange;

use crate::support::hostile::{Hostile, document_of, reasons, state};
use crate::support::{Device, day};

type Write = Box<dyn Fn(&mut Transaction<'_>)>;

fn object(tx: &impl ReadDoc, parent: &ObjId, key: &str) -> ObjId {
    tx.get(parent, key).unwrap().unwrap().1
}

/// The first entity of a container.
fn entity(tx: &impl ReadDoc, container: &str) -> (ObjId, String) {
    let container = object(tx, &ROOT, container);
    let key = tx.keys(&container).next().unwrap();
    (container, key)
}

fn put(
    container: &'static str,
    field: &'static str,
    value: impl Into<ScalarValue> + Clone + 'static,
) -> Write {
    Box::new(move |tx| {
        let container = object(tx, &ROOT, container);
        tx.put(&container, field, value.clone()).unwrap();
    })
}

fn put_entity(
    container: &'static str,
    field: &'static str,
    value: impl Into<ScalarValue> + Clone + 'static,
) -> Write {
    Box::new(move |tx| {
        let (container, key) = entity(tx, container);
        let entity = object(tx, &container, &key);
        tx.put(&entity, field, value.clone()).unwrap();
    })
}

/// A phone that has a case, a plan and a contact.
fn busy() -> (Device, Hostile) {
    let phone = Device::new("phone", "w-117");
    let hostile = Hostile::enrolled_by(&phone);
    let (case, ana) = phone.lea("2026-0117");
    phone.saturdays(&case, &ana);
    phone.now("2026-03-07T16:30:00Z");
    phone.records(phone.planned("2026-03-07", "2026-03-07")[0], "Léa ran to her mother.");
    (phone, hostile)
}

fn document(phone: &Device, kind: Kind) -> (crate::support::hostile::Target, Automerge) {
    let (target, _) = document_of(phone, kind);
    let mut file = None;
    let find = |document: caseplan_core::store::maintenance::DumpedDocument| {
        file = file.take().or((document.id == target.id).then_some(document.file));
        Ok(())
    };
    phone.store.dump_documents(find).unwrap();
    (target, Automerge::load(&file.unwrap()).unwrap())
}

/// Reading, writing, rebuilding and restarting all work.
fn still_works(phone: &mut Device, what: &str) {
    let all = CaseFilter { closed_too: true, ..CaseFilter::default() };
    let case = phone.store.cases().list(&all).unwrap().remove(0);
    phone.store.cases().overview(case.id).unwrap();
    if let Some(conflict) = phone.store.conflicts().list(None).unwrap().iter().find(|c| c.field == "closure")
    {
        phone.store.conflicts().settle(&conflict.id, &conflict.values[0].id).unwrap();
    }
    phone.store.cases().reopen(case.id).unwrap();
    phone.store.today().unwrap();
    phone.store.visitation_plans().due(day("2026-01-01"), day("2028-01-01"), None).unwrap();
    for message in ["one", "two"] {
        let change = CaseChange { case_type: Some(format!("{what} {message}")), ..CaseChange::default() };
        phone.store.cases().change(case.id, &change).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    let plan = phone.store.visitation_plans().list(None).unwrap().remove(0).plan;
    let change = PlanChange { conditions: Some(what.to_owned()), ..PlanChange::default() };
    phone.store.visitation_plans().change(plan.id, &change).unwrap_or_else(|error| panic!("{what}: {error}"));
    let contact = phone.store.contacts().page(&Default::default()).unwrap().contacts.remove(0);
    assert!(phone.store.contacts().get(contact.id).unwrap().is_some());
    let start = caseplan_core::contact::drafts::DraftStart::Plan { plan: plan.id };
    let draft = phone.store.contacts().start_draft(&start).unwrap();
    phone.store.contacts().discard_draft(draft.id).unwrap();
    phone.restart();
    let report = phone.store.verify(|_| {}, &CancelToken::default()).unwrap();
    assert!(report.is_sound(), "{what}: {report:?}");
}

#[test]
fn what_the_genesis_made_and_whole_entities_are_never_replaced_or_deleted() {
    let (phone, hostile) = busy();
    let wrong: Vec<(Kind, Write)> = vec![
        (Kind::Case, Box::new(|tx| tx.put(ROOT, "case", "gone").unwrap())),
        (Kind::Case, Box::new(|tx| tx.delete(ROOT, "participants").unwrap())),
        (Kind::Case, Box::new(|tx| drop(tx.put_object(ROOT, "case", ObjType::Map).unwrap()))),
        (Kind::Case, Box::new(|tx| tx.put(ROOT, "own", "room").unwrap())),
        (Kind::VisitationPlan, Box::new(|tx| tx.delete(ROOT, "plan").unwrap())),
        (
            Kind::ContactLog,
            Box::new(|tx| {
                let (container, key) = entity(tx, "contacts");
                tx.delete(&container, key.as_str()).unwrap();
            }),
        ),
        (
            Kind::ContactLog,
            Box::new(|tx| {
                let (container, key) = entity(tx, "contacts");
                tx.put(&container, key.as_str(), "gone").unwrap();
            }),
        ),
        (
            Kind::Case,
            Box::new(|tx| {
                let (container, key) = entity(tx, "participants");
                tx.put_object(&container, key.as_str(), ObjType::Map).unwrap();
            }),
        ),
    ];
    for (at, (kind, write)) in wrong.into_iter().enumerate() {
        let (target, document) = document(&phone, kind);
        let chunk = hostile.writes_as(hostile.actor(at as u8), &document, |tx| write(tx));
        let before = state(&phone);
        let report = hostile.sends(&phone, &target, vec![hostile.signs(&target, chunk)]);
        assert_eq!(reasons(&report), [Refusal::Poisoned], "{at}");
        assert!(state(&phone) == before, "{at}");
    }
    let mut phone = phone;
    still_works(&mut phone, "vandals");
}

fn in_cases() -> Vec<Write> {
    vec![
        put("case", "team", (1_i64 << 60) + 1),
        put("case", "team", u64::MAX),
        put("case", "team", f64::NAN),
        put("case", "team", vec![0_u8, 159, 146, 150]),
        put("case", "team", ScalarValue::counter(i64::MAX)),
        put("case", "team", ScalarValue::Timestamp(i64::MIN)),
        put("case", "reference", 7_i64),
        put("case", "primary_client", "nobody"),
        put("case", "closure", r#"{"on":"-262143-01-01","reason":"x"}"#),
        put("case", "opened_on", "+262142-12-31"),
        put("case", "origin", r#"{"source":"","external_id":""}"#),
        put("decisions", "nothing/at all", r#"{"choice":"same","keep":"x"}"#),
        put("participants", "not an id", "not an entity"),
        put_entity("participants", "name", 3_i64),
        put_entity("participants", "born", "-262143-01-01"),
        put_entity("participants", "from", "+262142-12-31"),
        Box::new(|tx| {
            let case = object(tx, &ROOT, "case");
            let list = tx.put_object(&case, "team", ObjType::List).unwrap();
            tx.insert(&list, 0, "x").unwrap();
        }),
        Box::new(|tx| {
            let case = object(tx, &ROOT, "case");
            let text = tx.put_object(&case, "team", ObjType::Text).unwrap();
            tx.splice_text(&text, 0, 0, "a text").unwrap();
        }),
        Box::new(|tx| {
            let (container, key) = entity(tx, "participants");
            let mut map = object(tx, &container, &key);
            for _ in 0..200 {
                map = tx.put_object(&map, "deeper", ObjType::Map).unwrap();
            }
        }),
        Box::new(|tx| {
            let case = object(tx, &ROOT, "case");
            tx.delete(&case, "reference").unwrap();
            tx.delete(&case, "primary_client").unwrap();
        }),
    ]
}

fn in_plans() -> Vec<Write> {
    let rule = |rule: &str, starts_at: &str, zone: &str| {
        put_entity(
            "schedules",
            "schedule",
            format!(
                r#"{{"kind":"rule","rule":"{rule}","starts_at":"{starts_at}","zone":"{zone}","minutes":4294967295}}"#
            ),
        )
    };
    vec![
        put("plan", "start", "-262143-01-01"),
        put("plan", "end", "+262142-12-31"),
        rule("FREQ=DAILY", "-262143-01-01T00:00:00", "Europe/Paris"),
        rule("FREQ=DAILY", "0001-01-01T14:00:00", "Europe/Paris"),
        rule("FREQ=DAILY", "+262142-12-31T23:59:59", "Pacific/Kiritimati"),
        put_entity("schedules", "effective_from", "-262143-01-01"),
        put_entity("schedules", "effective_from", "+262142-12-31"),
        // On these the library that reads rules panics.
        rule("FREQ=WEEKLY;BYDAY=€", "2026-03-07T14:00:00", "Europe/Paris"),
        rule("FREQ=WEEKLY;BYDAY=TU", "+262142-12-31T00:00:00", "Europe/Paris"),
        rule("FREQ=YEARLY;BYWEEKNO=10;WKST=SU", "-262143-01-01T00:00:00", "Europe/Paris"),
        rule("FREQ=SECONDLY", "2026-03-07T14:00:00", "Europe/Paris"),
        rule("FREQ=SECONDLY;BYHOUR=25", "2026-03-07T14:00:00", "Europe/Paris"),
        rule("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "1000-03-07T14:00:00", "Europe/Paris"),
        rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2026-03-07T14:00:00", "Europe/Paris"),
        rule("FREQ=DAILY;INTERVAL=65535;COUNT=4294967295", "2026-03-07T14:00:00", "Europe/Paris"),
        rule("FREQ=DAILY;UNTIL=99991231T235959Z", "2026-03-07T14:00:00", "Nowhere/Never"),
        rule("", "", ""),
        put_entity(
            "schedules",
            "schedule",
            r#"{"kind":"quota","count":4294967295,"period":"week","zone":"UTC"}"#,
        ),
        put_entity("schedules", "schedule", r#"{"kind":"quota","count":0,"period":"hour","zone":"UTC"}"#),
        put("plan", "schedule", "00000000-0000-4000-8000-000000000001"),
        put("plan", "methods", "{}"),
        put("plan", "mandate", r#"{"kind":"a newer one"}"#),
        put("plan", "activated", r#"{"on":"-262143-01-01"}"#),
        Box::new(|tx| {
            // A schedule that replaces itself.
            let (container, key) = entity(tx, "schedules");
            let entity = object(tx, &container, &key);
            tx.put(&entity, "replaces", key).unwrap();
        }),
    ]
}

fn in_logs() -> Vec<Write> {
    let time = |text: &str| put_entity("contacts", "time", text.to_owned());
    vec![
        time(r#"{"day":"-262143-01-01","zone":"Europe/Paris"}"#),
        time(r#"{"day":"+262142-12-31","zone":"Pacific/Kiritimati"}"#),
        time(r#"{"day":"2026-03-07","start":9223372036854775807,"end":-9223372036854775808,"zone":"UTC"}"#),
        time(r#"{"day":"2026-03-07","start":8210266876799,"zone":"Pacific/Kiritimati"}"#),
        time("[]"),
        put_entity("contacts", "outcome", r#"{"code":"a newer one","notice_hours":4294967295}"#),
        put_entity("contacts", "planned", r#"[{"plan":"00000000-0000-4000-8000-000000000001"}]"#),
        put_entity("contacts", "narrative", "x".repeat(200_000)),
        put_entity("contacts", "conducted_by", "{}"),
        put("corrected", "nothing", "{}"),
        Box::new(|tx| {
            let (_, key) = entity(tx, "contacts");
            let corrected = object(tx, &ROOT, "corrected");
            let value = r#"{"addendum":null,"value":{"day":"-262143-01-01","zone":"UTC"}}"#;
            tx.put(&corrected, format!("{key}.time"), value).unwrap();
        }),
    ]
}

fn all_are_harmless(kind: Kind, writes: Vec<Write>) {
    let (mut phone, hostile) = busy();
    let friend = phone.enrol("friend", "w-300");
    for (at, write) in writes.iter().enumerate() {
        // Twice, made apart: a field with two such values as well.
        let (target, document) = document(&phone, kind);
        let mut changes = Vec::new();
        for twin in 0..2 {
            let chunk = hostile.writes_as(hostile.actor((at * 2 + twin) as u8), &document, |tx| {
                if twin == 1 {
                    let extra = object(tx, &ROOT, kind.containers()[0]);
                    tx.put(&extra, "twin", 1).unwrap();
                }
                write(tx);
            });
            changes.push(hostile.signs(&target, chunk));
        }
        let report = hostile.sends(&phone, &target, changes);
        assert!(report.complete, "{at}");
        still_works(&mut phone, &format!("{} {at}", kind.code()));
    }
    phone.meet(&friend);
    assert_eq!(phone.store.exchange().digest(), friend.store.exchange().digest());
    assert!(friend.store.verify(|_| {}, &CancelToken::default()).unwrap().is_sound());
}

#[test]
fn values_that_mean_nothing_hinder_no_case() {
    all_are_harmless(Kind::Case, in_cases());
}

#[test]
fn values_that_mean_nothing_and_differ_hinder_nothing() {
    let (mut phone, hostile) = busy();
    let sends = |phone: &Device, writes: Vec<Write>| {
        let (target, document) = document(phone, Kind::Case);
        let changes = writes.iter().enumerate().map(|(at, write)| {
            let chunk = hostile.writes_as(hostile.actor(at as u8), &document, |tx| write(tx));
            hostile.signs(&target, chunk)
        });
        let report = hostile.sends(phone, &target, changes.collect());
        assert!(report.complete && reasons(&report).is_empty(), "{report:?}");
    };
    // The field `y/f` of one entity, and `f` of another whose key ends like the first one's map.
    let made: Write = Box::new(|tx| {
        let people = object(tx, &ROOT, "participants");
        let one = tx.put_object(&people, "x", ObjType::Map).unwrap();
        tx.put_object(&one, "y", ObjType::Map).unwrap();
        tx.put_object(&people, "x/y", ObjType::Map).unwrap();
    });
    sends(&phone, vec![made]);
    let differs = |value: ScalarValue| -> Write {
        Box::new(move |tx| {
            let people = object(tx, &ROOT, "participants");
            let one = object(tx, &people, "x");
            for map in [object(tx, &one, "y"), object(tx, &people, "x/y"), object(tx, &ROOT, "case")] {
                tx.put(&map, "team", value.clone()).unwrap();
            }
        })
    };
    sends(&phone, vec![differs((1_i64 << 60).into()), differs("north".into()), differs(i64::MIN.into())]);
    let conflicts = phone.store.conflicts().list(None).unwrap();
    assert_eq!(conflicts.len(), 3, "{conflicts:?}");
    for conflict in conflicts {
        let north = conflict.values.iter().find(|value| value.value.as_deref() == Some("north")).unwrap();
        phone.store.conflicts().settle(&conflict.id, &north.id).unwrap();
    }
    assert_eq!(phone.store.conflicts().list(None).unwrap(), []);
    still_works(&mut phone, "differing");
}

#[test]
fn values_that_mean_nothing_hinder_no_plan() {
    all_are_harmless(Kind::VisitationPlan, in_plans());
}

#[test]
fn values_that_mean_nothing_hinder_no_contact() {
    all_are_harmless(Kind::ContactLog, in_logs());
}
