//! Monday: the devices sync; people settle what merging brought up; both hold the same again.

use caseplan_core::contact::{Correction, NewAddendum};
use caseplan_core::exchange::CancelToken;
use caseplan_core::history::AsOf;
use caseplan_core::ids::DeviceId;
use caseplan_core::issue::IssueChoice;
use caseplan_core::visitation::VisitationPlan;
use chrono::{Days, Months};

use super::apart::{Saturday, change_place};
use super::stage::{Stage, digests};
use super::{link, proof};
use crate::failed::{Failed, Result};
use crate::find;
use crate::screen::Screen;
use crate::show::{tables, words};

/// Tells the Monday.
pub fn tell(screen: &Screen, stage: &Stage, saturday: &Saturday) -> Result<()> {
    let monday = saturday.day + Days::new(2);
    stage.phone.at(monday, 9, 0);
    stage.tablet.at(monday, 9, 5);
    meet(screen, stage)?;
    conflict(screen, stage)?;
    duplicate(screen, stage, saturday)?;
    correction(screen, stage, saturday)?;
    last_month(screen, stage, saturday)?;
    equal(screen, stage)
}

fn meet(screen: &Screen, stage: &Stage) -> Result<()> {
    screen.heading("5  Monday, they meet");
    screen.line("No network yet, only each other. The phone connects to the tablet:\n");
    let met = link::sync(&stage.phone.store, &stage.tablet.store, None)?;
    let [phone, tablet] = &met.reports;
    let line = |from: &str, to: &str, count: u64, alone: u64| {
        screen.line(format!(" {from} → {to}  {count} changes; now {alone} are on the {from} alone"));
    };
    line("phone", "tablet", tablet.received, stage.phone.store.today()?.only_here.changes);
    line("tablet", "phone", phone.received, stage.tablet.store.today()?.only_here.changes);
    let again = link::sync(&stage.phone.store, &stage.tablet.store, None)?;
    screen
        .line(format!("\n {} bytes in all. Once more, with nothing new: {} bytes.", met.bytes, again.bytes));
    screen.line("");
    digests(screen, &stage.phone, &stage.tablet)?;
    proof(screen, "both hold the same again, whoever went first; nothing was overwritten");
    Ok(())
}

fn conflict(screen: &Screen, stage: &Stage) -> Result<()> {
    screen.heading("6  One field, two values");
    let store = &stage.phone.store;
    let conflicts = store.conflicts().list(Some(stage.case.id))?;
    let conflict = conflicts.first().ok_or_else(|| missing("conflict"))?;
    screen.line(
        "Both gave the plan another place. Nobody loses: both values are kept, with who, where and when.\n",
    );
    let rows = conflict.values.iter().map(|value| {
        [
            conflict.field.clone(),
            words::field_value(value.value.as_deref()),
            words::maybe(value.by.as_ref()),
            device(stage, value.device).to_owned(),
            words::at(store.zone(), value.at),
        ]
    });
    screen.table(["field", "value", "by", "device", "when"], rows.collect(), "");
    if let Err(refused) = change_place(&stage.phone, stage, "Gare du Nord") {
        screen.line(format!("\n Typing over it is refused: {refused}."));
    }
    let tablets = conflict.values.iter().find(|value| value.device == stage.tablet.id());
    let chosen = tablets.ok_or_else(|| missing("value"))?;
    store.conflicts().settle(&conflict.id, &chosen.id)?;
    let now = find::plan(store, stage.plan.id)?.plan;
    screen.line(format!(" Claire rings Marc and settles: {}.", words::maybe(now.place)));
    proof(screen, "a person decides, not a clock; the value that was not chosen stays in the history");
    Ok(())
}

fn duplicate(screen: &Screen, stage: &Stage, saturday: &Saturday) -> Result<()> {
    screen.heading("7  One visit, recorded twice");
    let store = &stage.tablet.store;
    let issues = store.issues().list(Some(stage.case.id), false)?;
    let issue = issues.first().ok_or_else(|| missing("issue"))?;
    screen.line(format!("Both recorded Saturday's visit: issue {}, a possible duplicate.\n", issue.code));
    let rows = [&saturday.on_phone, &saturday.on_tablet].map(|contact| {
        [
            words::time(&contact.time),
            words::maybe(contact.recorded_by.as_ref()),
            words::maybe(contact.recorded_on.map(|id| device(stage, id))),
            contact.narrative.clone(),
        ]
    });
    screen.table(["visit", "recorded by", "device", "narrative"], rows.to_vec(), "");
    let keep = saturday.on_phone.id.0;
    store.issues().settle(&issue.id, &IssueChoice::Same { keep }, Some("both were there"))?;
    screen.line("\n Marc links them: one visit, Claire's account is the one to read, his stays beside it.\n");
    let due = store.visitation_plans().due(saturday.day, saturday.day + Days::new(7), Some(stage.case.id))?;
    tables::due(screen, &due, &tables::references(store)?);
    proof(screen, "two accounts, one visit in every count; neither account was deleted");
    Ok(())
}

fn correction(screen: &Screen, stage: &Stage, saturday: &Saturday) -> Result<()> {
    screen.heading("8  A correction");
    let store = &stage.phone.store;
    let amended = store.contacts().amend(
        saturday.on_phone.id,
        &NewAddendum {
            text: "Salle 2 was taken, we were in the kitchen.".to_owned(),
            corrections: vec![Correction::Place { value: "Maison de la famille, kitchen".to_owned() }],
        },
    )?;
    screen
        .line("A completed contact is never edited. Claire adds to it, and what she recorded first stays:\n");
    tables::corrections(screen, &amended);
    for addendum in &amended.addenda {
        let at = words::maybe(addendum.at.map(|at| words::at(store.zone(), at)));
        screen.line(format!("\n {at}  {}: \"{}\"", words::maybe(addendum.by.as_ref()), addendum.text));
    }
    proof(screen, "the record shows what was written when, and what counts now");
    Ok(())
}

fn last_month(screen: &Screen, stage: &Stage, saturday: &Saturday) -> Result<()> {
    screen.heading("9  The plan, as of last month");
    let store = &stage.phone.store;
    let day = saturday.day - Months::new(1);
    let AsOf::Instant { at } = find::as_of(store.zone(), &day.to_string(), false)? else {
        return Err(missing("moment"));
    };
    let then = store.history().plan_as_of(stage.plan.id, &AsOf::Instant { at })?;
    let then = then.ok_or_else(|| missing("plan"))?;
    let now = find::plan(store, stage.plan.id)?.plan;
    screen.line("The court asks what was in force when it last looked:\n");
    let row = |name: &str, value: fn(&VisitationPlan) -> String| {
        let (then, now) = (value(&then), value(&now));
        let mark = if then == now { "" } else { "changed" };
        [name.to_owned(), then, now, mark.to_owned()]
    };
    let rows = vec![
        row("mandate", |plan| words::mandate(&plan.mandate)),
        row("schedule", words::plan_schedule),
        row("visitors", |plan| words::names(&plan.visitors)),
        row("place", |plan| words::maybe(plan.place.as_ref())),
    ];
    screen.table(["", &format!("on {day}"), "now", ""], rows, "");
    proof(screen, "any document reads as it stood on any day, or in any version, from the same file");
    Ok(())
}

fn equal(screen: &Screen, stage: &Stage) -> Result<()> {
    screen.heading("10  Nothing lost, nothing forged");
    link::sync(&stage.tablet.store, &stage.phone.store, None)?;
    screen.line("They sync once more. Then each checks every page, hash, signature and projection:\n");
    let mut rows = Vec::new();
    let mut sound = true;
    for device in [&stage.phone, &stage.tablet] {
        let bar = screen.bar("documents", 0);
        let report = device.store.verify(
            |progress| {
                bar.set_length(progress.total);
                bar.set_position(progress.done);
            },
            &CancelToken::default(),
        )?;
        bar.finish_and_clear();
        let open =
            device.store.conflicts().list(None)?.len() + device.store.issues().list(None, false)?.len();
        sound &= report.is_sound() && open == 0;
        rows.push([
            device.name.to_owned(),
            report.documents.to_string(),
            report.changes.to_string(),
            open.to_string(),
            if report.is_sound() { "sound" } else { "not sound" }.to_owned(),
            report.digest,
        ]);
    }
    let equal = matches!(rows.as_slice(), [one, other] if one[5] == other[5]);
    screen.table(["device", "documents", "changes", "to settle", "verdict", "digest"], rows, "");
    if !(sound && equal) {
        return Err(Failed::Unclear("the two stores are not sound and equal".to_owned()));
    }
    proof(
        screen,
        "equal digests: the two devices hold the same record, change by change, signature by signature",
    );
    Ok(())
}

fn device(stage: &Stage, id: DeviceId) -> &'static str {
    if id == stage.phone.id() { stage.phone.name } else { stage.tablet.name }
}

fn missing(what: &str) -> Failed {
    Failed::Unclear(format!("the story lacks its {what}"))
}
