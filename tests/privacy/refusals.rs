//! Every request refused in every way that there is, with secrets in it.

use caseplan_core::case::{
    Case, CaseChange, NewCase, NewParticipant, NewPerson, Participant, PersonCorrection,
};
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::reads::ContactQuery;
use caseplan_core::contact::{
    Attendance, AttendanceStatus, ContactDraft, ContactKind, ContactTime, Correction, NewAddendum, Outcome,
    OutcomeCode, PlannedVisit,
};
use caseplan_core::history::AsOf;
use caseplan_core::identity::{MemoryVault, Role};
use caseplan_core::ids::{CaseId, ContactId, DraftId, ParticipantId, VisitationPlanId, WorkerId};
use caseplan_core::issue::IssueChoice;
use caseplan_core::time::Zone;
use caseplan_core::visitation::{
    CourtOrder, Mandate, NewVisitationPlan, PartyRef, PlanChange, Schedule, Supervision,
};
use caseplan_core::{Store, StoreConfig};
use std::sync::Arc;

use super::words::{self, SECRETS, Said, secret, wrong_lines};
use crate::support::{Device, at, day, occurred, paris, scratch};

fn nobody() -> uuid::Uuid {
    uuid::Uuid::from_u128(0x8000_8000_0000_0000_0000_0001)
}

pub fn of_settling(phone: &Device, said: &mut Said) {
    let conflicts = phone.store.conflicts();
    let conflict = conflicts.list(None).unwrap().remove(0);
    said.hears("settle", conflicts.settle(&conflict.id, &"9@ff".parse().unwrap()));
    conflicts.settle(&conflict.id, &conflict.values[0].id).unwrap();
    said.hears("settle again", conflicts.settle(&conflict.id, &conflict.values[1].id));
    let issue = phone.store.issues().list(None, false).unwrap().remove(0);
    said.hears("keep", phone.store.issues().settle(&issue.id, &IssueChoice::Same { keep: nobody() }, None));
    for why in wrong_lines(0) {
        said.hears("why", phone.store.issues().settle(&issue.id, &IssueChoice::Distinct, Some(&why)));
    }
}

pub fn of_cases(phone: &Device, case: &Case, ana: &Participant, said: &mut Said) {
    let cases = phone.store.cases();
    let new = words::new_case();
    said.hears("taken", cases.create(&new));
    let other = NewCase { reference: "2".to_owned(), ..new.clone() };
    let person = |name: String| NewPerson { name, born: None };
    for line in wrong_lines(1) {
        said.hears("reference", cases.create(&NewCase { reference: line.clone(), ..other.clone() }));
        said.hears("type", cases.create(&NewCase { case_type: Some(line.clone()), ..other.clone() }));
        said.hears("team", cases.create(&NewCase { team: Some(line.clone()), ..other.clone() }));
        said.hears("name", cases.create(&NewCase { primary_client: person(line.clone()), ..other.clone() }));
        let participant = NewParticipant { person: person(line.clone()), ..words::participant() };
        said.hears("participant", cases.add_participant(case.id, &participant));
        let correction = PersonCorrection { name: Some(line.clone()), born: None };
        said.hears("correct", cases.correct_participant(case.id, ana.id, &correction));
        said.hears("end", cases.end_participant(case.id, ana.id, day("2026-03-08"), &line));
        said.hears("close", cases.close(case.id, day("2026-03-08"), &line));
        let none = CaseChange::default();
        said.hears(
            "change",
            cases.change(case.id, &CaseChange { reference: Some(line.clone()), ..none.clone() }),
        );
        said.hears(
            "change",
            cases.change(case.id, &CaseChange { case_type: Some(line.clone()), ..none.clone() }),
        );
        said.hears("change", cases.change(case.id, &CaseChange { team: Some(line), ..none }));
    }
    let born = NewPerson { name: secret(2), born: Some(day("2090-01-01")) };
    said.hears("born", cases.create(&NewCase { primary_client: born.clone(), ..other.clone() }));
    said.hears(
        "born",
        cases.add_participant(case.id, &NewParticipant { person: born, ..words::participant() }),
    );
    let correction = PersonCorrection { name: Some(secret(3)), born: None };
    said.hears("nobody", cases.correct_participant(case.id, ParticipantId(nobody()), &correction));
    said.hears("no case", cases.add_participant(CaseId(nobody()), &words::participant()));
    said.hears("before", cases.end_participant(case.id, ana.id, day("2020-01-01"), SECRETS[4]));
    said.hears("primary", cases.end_participant(case.id, case.primary_client, day("2026-03-08"), SECRETS[5]));
    let primary = CaseChange { primary_client: Some(ParticipantId(nobody())), ..words::change() };
    said.hears("primary", cases.change(case.id, &primary));
    said.hears("overview", cases.overview(CaseId(nobody())));
}

pub fn of_plans(phone: &Device, case: &Case, ana: &Participant, id: VisitationPlanId, said: &mut Said) {
    let plans = phone.store.visitation_plans();
    let good = words::plan(case, ana);
    let stranger = || vec![PartyRef::Participant(ParticipantId(nobody()))];
    let rule = |rule: &str| Schedule::Rule {
        rule: rule.to_owned(),
        starts_at: "2026-03-07T14:00:00".parse().unwrap(),
        zone: paris(),
    };
    let named = |reference: String| CourtOrder { reference, ..words::order() };
    let ordered = |reference| Mandate::CourtOrdered { order: named(reference) };
    let mut bad = vec![
        NewVisitationPlan { to_visit: Vec::new(), ..good.clone() },
        NewVisitationPlan { visitors: good.to_visit.clone(), ..good.clone() },
        NewVisitationPlan { visitors: stranger(), ..good.clone() },
        NewVisitationPlan { mandate: ordered(" ".to_owned()), ..good.clone() },
        NewVisitationPlan { min_age: Some(90), ..good.clone() },
        NewVisitationPlan { methods: Vec::new(), ..good.clone() },
        NewVisitationPlan { minutes: Some(0), ..good.clone() },
        NewVisitationPlan { end: Some(day("2020-01-01")), ..good.clone() },
    ];
    for text in [SECRETS[0], "FREQ=Zerbinette", "FREQ=DAILY;X-NAME=Quasimodo", "FREQ=DAILY;UNTIL=Cendrillon"]
    {
        bad.push(NewVisitationPlan { schedule: rule(text), ..good.clone() });
    }
    for line in wrong_lines(6) {
        let some = || Some(line.clone());
        let reason = Supervision { reason: some(), ..good.supervision.clone().unwrap() };
        bad.extend([
            NewVisitationPlan { mandate: ordered(line.clone()), ..good.clone() },
            NewVisitationPlan { place: some(), ..good.clone() },
            NewVisitationPlan { supervision: Some(reason), ..good.clone() },
            NewVisitationPlan { purpose: some(), ..good.clone() },
            NewVisitationPlan { conditions: some(), ..good.clone() },
            NewVisitationPlan { transport: some(), ..good.clone() },
            NewVisitationPlan { excluded: some(), ..good.clone() },
        ]);
        let none = PlanChange::default();
        let changes = [
            PlanChange { place: some(), ..none.clone() },
            PlanChange { purpose: some(), ..none.clone() },
            PlanChange { conditions: some(), ..none.clone() },
            PlanChange { new_order: Some(named(line.clone())), ..none.clone() },
            PlanChange { schedule: Some(rule(&line)), new_order: Some(words::order()), ..none },
        ];
        changes.iter().for_each(|change| said.hears("change plan", plans.change(id, change)));
        said.hears("cancel", plans.cancel(id, &line));
    }
    bad.iter().for_each(|new| said.hears("plan", plans.create(case.id, new)));
    let unordered = PlanChange { minutes: Some(60), purpose: Some(secret(7)), ..PlanChange::default() };
    said.hears("no order", plans.change(id, &unordered));
    said.hears("no plan", plans.cancel(VisitationPlanId(nobody()), SECRETS[8]));
}

pub fn of_contacts(phone: &Device, case: &Case, ana: &Participant, id: ContactId, said: &mut Said) {
    let contacts = phone.store.contacts();
    let start = DraftStart::InCase { case_id: case.id, kind: ContactKind::Unknown { raw: secret(0) } };
    let started = contacts.start_draft(&start).unwrap();
    said.hears("incomplete", contacts.complete(started.id));
    let party = PartyRef::Participant(ana.id);
    let there = |party| Attendance {
        party,
        status: AttendanceStatus::Present,
        minutes_late: None,
        minutes_left_early: None,
    };
    let stranger = PartyRef::Participant(ParticipantId(nobody()));
    let good = ContactDraft {
        outcome: Some(occurred()),
        method: Some(caseplan_core::visitation::ContactMethod::Phone),
        attendance: vec![there(party.clone())],
        narrative: secret(1),
        place: Some(secret(2)),
        ..started
    };
    let good = contacts.save_draft(&good).unwrap();
    said.hears(
        "stale",
        contacts.save_draft(&ContactDraft { revision: 1, narrative: secret(3), ..good.clone() }),
    );
    let when = |start: &str, end: Option<&str>| ContactTime {
        day: day("2026-03-07"),
        start: Some(at(start)),
        end: end.map(at),
        zone: paris(),
    };
    let refused = OutcomeCode::NoShow;
    let mut bad = vec![
        ContactDraft { time: Some(when("2030-01-01T10:00:00Z", None)), ..good.clone() },
        ContactDraft {
            time: Some(when("2026-03-07T10:00:00Z", Some("2026-03-07T09:00:00Z"))),
            ..good.clone()
        },
        ContactDraft { outcome: Some(Outcome { code: refused, ..occurred() }), ..good.clone() },
        ContactDraft { attendance: vec![there(stranger.clone())], ..good.clone() },
        ContactDraft { attendance: vec![there(party.clone()), there(party)], ..good.clone() },
        ContactDraft { conducted_by: Some(stranger.clone()), ..good.clone() },
        ContactDraft { narrative: SECRETS[4].repeat(10_000), ..good.clone() },
        ContactDraft {
            planned: vec![PlannedVisit { plan: VisitationPlanId(nobody()), occurrence: None }],
            ..good.clone()
        },
    ];
    for line in wrong_lines(5) {
        let comment = Outcome { comment: Some(line.clone()), ..occurred() };
        bad.extend([
            ContactDraft { place: Some(line.clone()), ..good.clone() },
            ContactDraft { purposes: vec![line.clone()], ..good.clone() },
            ContactDraft { outcome: Some(comment), ..good.clone() },
        ]);
        let wrong = [
            Correction::Place { value: line.clone() },
            Correction::Purposes { value: vec![line.clone()] },
            Correction::EnteredInError { why: line, recorded_as: None },
        ];
        for correction in wrong {
            said.hears("correction", contacts.amend(id, &adds(vec![correction])));
        }
    }
    bad.iter().for_each(|draft| said.hears("record", contacts.record(draft)));
    let place = || Correction::Place { value: secret(6) };
    said.hears("twice", contacts.amend(id, &adds(vec![place(), place()])));
    said.hears("no contact", contacts.amend(ContactId(nobody()), &adds(vec![place()])));
    said.hears("nobody", contacts.amend(id, &adds(vec![Correction::ConductedBy { value: stranger }])));
    let as_another = Correction::EnteredInError { why: secret(7), recorded_as: Some(ContactId(nobody())) };
    said.hears("no other", contacts.amend(id, &adds(vec![as_another])));
    let long = NewAddendum { text: SECRETS[8].repeat(10_000), corrections: Vec::new() };
    said.hears("long", contacts.amend(id, &long));
    said.hears("no draft", contacts.complete(DraftId(nobody())));
    said.hears(
        "page",
        contacts.page(&ContactQuery { after: Some(secret(9)), ..ContactQuery::of_case(case.id, 5) }),
    );
    let version = AsOf::Version { heads: vec![caseplan_core::ids::ChangeHash([7; 32])] };
    said.hears("version", phone.store.history().contact_as_of(id, &version));
}

fn adds(corrections: Vec<Correction>) -> NewAddendum {
    NewAddendum { text: secret(10), corrections }
}

pub fn of_bytes_and_files(phone: &Device, said: &mut Said) {
    let bytes = SECRETS.concat().into_bytes();
    said.hears("import", phone.store.exchange().import().unwrap().feed(&bytes));
    said.hears("export", phone.store.exchange().export(Some(&bytes)).map(drop));
    said.hears("certify", phone.store.identity().certify(&bytes, &[Role::Caseworker], 1, None));
    said.hears("adopt", phone.store.identity().adopt(&bytes));
    let folder = scratch();
    let file = folder.path().join(format!("{}.db", SECRETS[11]));
    std::fs::write(&file, bytes.repeat(40)).unwrap();
    let open = |path: &std::path::Path, worker: &str| {
        let config = StoreConfig::file(path, worker.parse().unwrap(), paris());
        Store::open(config, Arc::new(MemoryVault::default())).map(drop)
    };
    said.hears("open", open(&file, "w-117"));
    said.hears("open", open(&folder.path().join(SECRETS[12]).join("x.db"), "w-117"));
    said.hears("in use", open(&phone.file(), "w-117"));
    said.hears("restore", Store::restore(&file, &folder.path().join("restored.db")));
    said.hears(
        "restore",
        Store::restore(&folder.path().join(SECRETS[13]), &folder.path().join("restored.db")),
    );
}

pub fn of_ids_and_names(said: &mut Said) {
    said.hears("case id", SECRETS[0].parse::<CaseId>());
    said.hears("contact id", SECRETS[1].parse::<ContactId>());
    said.hears("hash", SECRETS[2].parse::<caseplan_core::ids::ChangeHash>());
    said.hears("zone", SECRETS[3].parse::<Zone>());
    said.hears("worker", SECRETS[4].repeat(100).parse::<WorkerId>());
}

pub fn of_a_closed_store(phone: &Device, case: &Case, said: &mut Said) {
    phone.store.suspend();
    said.hears("suspended", phone.store.cases().change(case.id, &words::change()));
    phone.store.close();
    said.hears("closed", phone.store.cases().create(&words::new_case()));
    said.hears("closed", phone.store.contacts().search(SECRETS[0], None, 5));
}
