//! A Saturday with no network: both devices record the visit, and both give its plan another place.

use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::{Contact, ContactDraft, OutcomeCode};
use caseplan_core::time::Day;
use caseplan_core::visitation::PlanChange;
use chrono::Days;

use super::device::Device;
use super::proof;
use super::stage::{Stage, outcome};
use crate::commands::visits::occurrence;
use crate::failed::{Failed, Result};
use crate::screen::Screen;

/// What was recorded on the Saturday.
pub struct Saturday {
    /// The day.
    pub day: Day,
    /// What the caseworker recorded on the phone.
    pub on_phone: Contact,
    /// What the centre recorded on the tablet.
    pub on_tablet: Contact,
}

/// Tells the Saturday.
pub fn tell(screen: &Screen, stage: &Stage) -> Result<Saturday> {
    let (phone, tablet) = (&stage.phone, &stage.tablet);
    let day = stage.thursday + Days::new(2);
    screen.heading("4  Saturday, no network");
    screen.line("Ana visits Léa at 14:00. Claire types on her phone, puts it away, and goes on later:\n");

    phone.at(day, 16, 5);
    let draft = start(phone, stage, day)?;
    let draft = ContactDraft { narrative: "Léa ran to her mother. They baked".to_owned(), ..draft };
    let draft = phone.store.contacts().save_draft(&draft)?;
    screen.line(format!(" 16:05  phone   draft saved, revision {}: \"{}\"", draft.revision, draft.narrative));
    phone.at(day, 16, 20);
    let narrative = "Léa ran to her mother. They baked a cake. Léa cried for five minutes at the end.";
    let on_phone = finish(phone, draft, narrative)?;
    screen.line(format!(" 16:20  phone   completed: \"{}\"", on_phone.narrative));
    tablet.at(day, 16, 30);
    let draft = start(tablet, stage, day)?;
    let on_tablet =
        finish(tablet, draft, "Visit held in the kitchen. Léa cried at the end, calm after five minutes.")?;
    screen.line(format!(" 16:30  tablet  completed: \"{}\"", on_tablet.narrative));

    phone.at(day, 17, 0);
    change_place(phone, stage, "Parc Monceau, playground")?;
    screen.line(" 17:00  phone   the plan's place is now Parc Monceau, playground");
    tablet.at(day, 17, 10);
    change_place(tablet, stage, "Bibliothèque, salle des enfants")?;
    screen.line(" 17:10  tablet  the plan's place is now Bibliothèque, salle des enfants");

    let today = phone.store.today()?;
    screen.line(format!(
        "\n The phone says what would be lost with it: {} changes are on no other device.",
        today.only_here.changes
    ));
    proof(
        screen,
        "a draft survives a dead battery; a completed contact is on disk, signed, before the app says so",
    );
    Ok(Saturday { day, on_phone, on_tablet })
}

fn start(device: &Device, stage: &Stage, day: Day) -> Result<ContactDraft> {
    let due = device.store.visitation_plans().due(day, day, Some(stage.case.id))?;
    let planned = occurrence(&due, stage.plan.id, day);
    let planned = planned.ok_or_else(|| Failed::Unclear(format!("no visit is planned on {day}")))?;
    Ok(device.store.contacts().start_draft(&DraftStart::Occurrences { occurrences: vec![planned] })?)
}

fn finish(device: &Device, draft: ContactDraft, narrative: &str) -> Result<Contact> {
    let outcome = Some(outcome(OutcomeCode::Occurred));
    let draft = ContactDraft { narrative: narrative.to_owned(), outcome, ..draft };
    let draft = device.store.contacts().save_draft(&draft)?;
    Ok(device.store.contacts().complete(draft.id)?)
}

/// Gives the plan another place.
pub fn change_place(device: &Device, stage: &Stage, place: &str) -> Result<()> {
    let change = PlanChange { place: Some(place.to_owned()), ..PlanChange::default() };
    device.store.visitation_plans().change(stage.plan.id, &change)?;
    Ok(())
}
