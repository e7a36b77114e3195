//! R1, R2, F1: lists that load no document, making their tables anew, and handing them over to another language.

use caseplan_core::case::CaseSummary;
use caseplan_core::case::reads::CaseFilter;
use caseplan_core::document::{Document, Kind};
use caseplan_core::storage::{Database, Location};
use caseplan_core::time::Day;
use caseplan_core::visitation::{PartyRef, VisitationPlanView};
use rusqlite::{Connection, OpenFlags, params};
use uniffi::{Lift, Lower};

use crate::Places;
use crate::measure::{Line, in_turn};
use crate::ours::{Ours, paris};
use crate::plain::Plain;

const CONTACTS_PER_CASE: usize = 5;

pub fn r(places: &Places) -> Vec<Line> {
    let mut lines = Vec::new();
    // A case has three documents: its own, its plan's, its contact log.
    for cases in [30, 1_000] {
        let folder = places.memory();
        let ours = Ours::open(folder.path());
        for number in 0..cases {
            let family = ours.family(number);
            ours.record(&family, 0, CONTACTS_PER_CASE);
        }
        let documents = ours.store.info().unwrap().documents;
        let plain = Plain::open(&folder.path().join("plain.db"));
        let (from, to): (Day, Day) = ("2026-05-04".parse().unwrap(), "2026-05-10".parse().unwrap());
        plant(&plain, &ours);
        let start = |day: Day| paris().instant_of(day.and_time(chrono::NaiveTime::MIN)).timestamp();
        let (first, last) = (start(from), start(to) + 86_399);
        let before = ours.store.stats().documents_loaded;
        let pair = in_turn(
            if cases > 100 { 30 } else { 100 },
            || assert_eq!(ours.store.visitation_plans().due(from, to, None).unwrap().len(), cases),
            || assert_eq!(plain.due(first, last).len(), cases),
        );
        let loaded = ours.store.stats().documents_loaded - before;
        let what = format!("due this week, {documents} documents ({loaded} loaded)");
        lines.push(Line::ratio("R1", what, pair.ratio(), 1.2, &pair.detail()));
        lines.push(rebuild(&ours, documents, cases));
        if cases > 100 {
            lines.extend(f1(&ours));
        }
    }
    lines
}

/// What R1 measures of ours, alone.
pub fn due(places: &Places, cases: usize, times: usize) {
    let folder = places.memory();
    let ours = Ours::open(folder.path());
    (0..cases).for_each(|number| {
        ours.family(number);
    });
    let (from, to): (Day, Day) = ("2026-05-04".parse().unwrap(), "2026-05-10".parse().unwrap());
    for _ in 0..times {
        assert_eq!(ours.store.visitation_plans().due(from, to, None).unwrap().len(), cases);
    }
}

/// The same plans and planned visits in plain tables.
fn plant(plain: &Plain, ours: &Ours) {
    let transaction = plain.connection.unchecked_transaction().unwrap();
    let plans = ours.store.visitation_plans().list(None).unwrap();
    let cases = ours.store.cases().list(&CaseFilter { worker: None, closed_too: true }).unwrap();
    let references: std::collections::HashMap<_, _> =
        cases.into_iter().map(|case| (case.id, case.reference)).collect();
    for VisitationPlanView { plan, .. } in plans {
        let names = |parties: &[caseplan_core::visitation::PlanParty]| {
            parties.iter().map(|party| party.name.clone()).collect::<Vec<_>>().join(", ")
        };
        assert!(matches!(plan.visitors[0].party, PartyRef::Participant(_)));
        transaction
            .execute(
                "INSERT INTO plan (plan_id, case_id, reference, place, minutes, to_visit, visitors)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    plan.id.as_bytes().as_slice(),
                    plan.case_id.as_bytes().as_slice(),
                    references[&plan.case_id],
                    plan.place,
                    plan.schedules[0].minutes,
                    names(&plan.to_visit),
                    names(&plan.visitors)
                ],
            )
            .unwrap();
        let until = plan.start + chrono::Days::new(500);
        for visit in caseplan_core::visitation::schedule::occurrences(&plan, plan.start, until) {
            transaction
                .execute(
                    "INSERT INTO occurrence (plan_id, day, starts_at) VALUES (?1, ?2, ?3)",
                    params![
                        plan.id.as_bytes().as_slice(),
                        visit.day.to_string(),
                        visit.starts_at.timestamp()
                    ],
                )
                .unwrap();
        }
    }
    transaction.commit().unwrap();
}

/// R2: every projection made anew, beside loading every document.
fn rebuild(ours: &Ours, documents: u64, cases: usize) -> Line {
    let copy = ours.file().with_file_name("copy.db");
    ours.store.back_up(&copy, |_| {}, &caseplan_core::exchange::CancelToken::default()).unwrap();
    let list = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let kinds: Vec<(i64, String)> = list
        .prepare("SELECT id, kind FROM document")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<rusqlite::Result<_>>()
        .unwrap();
    drop(list);
    let database = Database::open(Location::File(copy)).unwrap();
    let load_all = || {
        database
            .read(|reading| {
                for (row, kind) in &kinds {
                    let kind = Kind::from_code(kind).unwrap();
                    let snapshot = reading.snapshot(*row)?;
                    let pending = reading.pending_chunks(*row)?;
                    Document::load(kind, snapshot.as_deref().unwrap_or(kind.genesis_bytes()), &pending)
                        .unwrap();
                }
                Ok::<_, caseplan_core::storage::StorageFailed>(())
            })
            .unwrap();
    };
    let pair = in_turn(
        if cases > 100 { 3 } else { 15 },
        || ours.store.rebuild(|_| {}, &Default::default()).unwrap(),
        load_all,
    );
    Line::ratio("R2", format!("rebuild : load all, {documents} documents"), pair.ratio(), 1.5, &pair.detail())
}

/// F1: what handing 1,000 summaries over costs beside finding them; lifting as the generated Rust does it.
fn f1(ours: &Ours) -> Vec<Line> {
    let filter = CaseFilter { worker: None, closed_too: true };
    let query = || ours.store.cases().list(&filter).unwrap();
    let cases = query();
    let lower = |cases: &Vec<CaseSummary>| {
        <Vec<CaseSummary> as Lower<caseplan::UniFfiTag>>::lower_into_rust_buffer(cases.clone())
    };
    let cloned = in_turn(
        30,
        || {
            assert_eq!(cases.clone().len(), 1_000);
        },
        || assert_eq!(query().len(), 1_000),
    );
    let lowered = in_turn(30, || lower(&cases).destroy(), || assert_eq!(query().len(), 1_000));
    let lifted = in_turn(
        30,
        || {
            let back =
                <Vec<CaseSummary> as Lift<caseplan::UniFfiTag>>::try_lift_from_rust_buffer(lower(&cases));
            assert_eq!(back.unwrap().len(), 1_000);
        },
        || assert_eq!(query().len(), 1_000),
    );
    let query = format!("(the query: {})", crate::measure::short(lowered.theirs));
    let (cloned, lowered, lifted) = (cloned.ratio(), lowered.ratio(), lifted.ratio());
    vec![
        Line::ratio("F1", "lowering 1,000 summaries : the query", lowered - cloned, 0.1, &query),
        Line::ratio("F1", "lifting them, in Rust : the query", lifted - lowered, 0.4, &query),
    ]
}
