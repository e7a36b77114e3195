//! Recording contacts: a draft, saved, completed; and amending what was completed.

use caseplan_core::Store;
use caseplan_core::case::Case;
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::{
    Attendance, AttendanceStatus, Attribution, Contact, ContactDraft, ContactKind, ContactTime, Correction,
    NewAddendum, Outcome, OutcomeCode, OutcomeReason,
};
use caseplan_core::ids::{ContactId, DraftId, VisitationPlanId};
use caseplan_core::time::{Day, Instant, Zone};
use caseplan_core::visitation::{ContactMethod, DueVisit, OccurrenceRef};
use chrono::NaiveTime;
use clap::{Args, Subcommand};

use crate::args::{date, known};
use crate::failed::{Failed, Result};
use crate::find;
use crate::screen::Screen;
use crate::show::{json, pages};

/// Record and amend contacts.
#[derive(Debug, Subcommand)]
pub enum VisitCommand {
    /// Record a visit under a plan, or any other contact in a case.
    Record(Box<Record>),
    /// Add to a completed contact or correct it; what was recorded stays.
    Amend(Box<Amend>),
    /// A contact with narrative, addenda and corrections.
    Show {
        /// The contact.
        contact: ContactId,
    },
    /// Drafts on this device.
    Drafts,
    /// Complete a draft.
    Complete {
        /// The draft.
        draft: DraftId,
    },
    /// Discard a draft, for ever.
    Discard {
        /// The draft.
        draft: DraftId,
    },
}

/// What happened.
#[derive(Debug, Args)]
pub struct Happened {
    /// The local time it began.
    #[arg(long, value_name = "HH:MM", value_parser = clock)]
    from: Option<NaiveTime>,
    /// The local time it ended.
    #[arg(long, value_name = "HH:MM", value_parser = clock, requires = "from")]
    to: Option<NaiveTime>,
    /// Why it went otherwise.
    #[arg(long, value_parser = known(OutcomeReason::KNOWN, OutcomeReason::from_code), requires = "outcome")]
    reason: Option<OutcomeReason>,
    /// On whose side the cause lay.
    #[arg(long, value_name = "SIDE", value_parser = known(Attribution::KNOWN, Attribution::from_code), requires = "outcome")]
    attributed_to: Option<Attribution>,
    /// Hours between the notice and the planned start.
    #[arg(long, value_name = "HOURS", requires = "outcome")]
    notice: Option<u32>,
    /// How.
    #[arg(long, value_parser = known(ContactMethod::KNOWN, ContactMethod::from_code))]
    method: Option<ContactMethod>,
    /// Where.
    #[arg(long)]
    place: Option<String>,
    /// Somebody who was there.
    #[arg(long, value_name = "WHO")]
    present: Vec<String>,
    /// Somebody who was not.
    #[arg(long, value_name = "WHO")]
    absent: Vec<String>,
    /// Who conducted it, if not this store's worker.
    #[arg(long, value_name = "WHO")]
    conducted_by: Option<String>,
}

/// A contact that is about to be recorded.
#[derive(Debug, Args)]
pub struct Record {
    /// The plan that it was made under.
    #[arg(long, required_unless_present = "case", conflicts_with = "case")]
    plan: Option<VisitationPlanId>,
    /// The case, for a contact under no plan.
    #[arg(long)]
    case: Option<String>,
    /// What it was about, under no plan.
    #[arg(long, default_value = "caseworker_visit", value_parser = known(ContactKind::KNOWN, ContactKind::from_code))]
    kind: ContactKind,
    /// The local date.
    #[arg(long, value_name = "DATE", value_parser = date)]
    on: Day,
    /// What became of it.
    #[arg(long, value_parser = known(OutcomeCode::KNOWN, OutcomeCode::from_code))]
    outcome: OutcomeCode,
    #[command(flatten)]
    happened: Happened,
    /// What happened: neutral, observed.
    #[arg(long, default_value = "")]
    narrative: String,
    /// Keep it as a draft on this device.
    #[arg(long)]
    draft: bool,
}

/// An addendum with corrections.
#[derive(Debug, Args)]
pub struct Amend {
    /// The contact.
    contact: ContactId,
    /// What there is to add.
    #[arg(long, default_value = "")]
    text: String,
    /// The right date.
    #[arg(long, value_name = "DATE", value_parser = date)]
    on: Option<Day>,
    /// The right outcome.
    #[arg(long, value_parser = known(OutcomeCode::KNOWN, OutcomeCode::from_code))]
    outcome: Option<OutcomeCode>,
    #[command(flatten)]
    happened: Happened,
    /// It should not have been recorded at all, because of this.
    #[arg(long, value_name = "WHY")]
    in_error: Option<String>,
    /// The contact that stands for it.
    #[arg(long, value_name = "CONTACT", requires = "in_error")]
    recorded_as: Option<ContactId>,
}

fn clock(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| "not a time such as 14:30".to_owned())
}

/// Runs one of the visit commands.
pub fn run(store: &Store, command: VisitCommand, screen: &Screen) -> Result<()> {
    let contacts = store.contacts();
    let contact = match command {
        VisitCommand::Record(new) => match record(store, &new)? {
            Recorded::Contact(contact) => *contact,
            Recorded::Draft(draft) => {
                if screen.json {
                    screen.json(&json::draft(&draft));
                } else {
                    screen.line(format!("kept as draft {}", draft.id));
                }
                return Ok(());
            }
        },
        VisitCommand::Amend(amendment) => amend(store, &amendment)?,
        VisitCommand::Show { contact } => {
            contacts.get(contact)?.ok_or_else(|| Failed::Unclear(format!("no contact {contact}")))?
        }
        VisitCommand::Complete { draft } => contacts.complete(draft)?,
        VisitCommand::Drafts => {
            let drafts = contacts.drafts(None)?;
            if screen.json {
                screen.json(&json::list(&drafts, json::draft));
            } else {
                pages::drafts(screen, store.zone(), &drafts);
            }
            return Ok(());
        }
        VisitCommand::Discard { draft } => {
            contacts.discard_draft(draft)?;
            screen.line(format!("discarded draft {draft}"));
            return Ok(());
        }
    };
    if screen.json {
        screen.json(&json::contact(&contact));
    } else {
        let case = store.cases().get(contact.case_id)?;
        pages::contact(screen, store.zone(), case.as_ref(), &contact);
    }
    Ok(())
}

enum Recorded {
    Contact(Box<Contact>),
    Draft(Box<ContactDraft>),
}

fn record(store: &Store, new: &Record) -> Result<Recorded> {
    let contacts = store.contacts();
    let start = match (new.plan, &new.case) {
        (Some(plan), _) => {
            let case = find::plan(store, plan)?.plan.case_id;
            let due = store.visitation_plans().due(new.on, new.on, Some(case))?;
            match occurrence(&due, plan, new.on) {
                Some(occurrence) => DraftStart::Occurrences { occurrences: vec![occurrence] },
                None => DraftStart::Plan { plan },
            }
        }
        (None, case) => {
            let case_id = find::case_id(store, case.as_deref().unwrap_or_default())?;
            DraftStart::InCase { case_id, kind: new.kind.clone() }
        }
    };
    let draft = contacts.start_draft(&start)?;
    let id = draft.id;
    let done = fill(store, draft, new).and_then(|draft| {
        let draft = contacts.save_draft(&draft)?;
        if new.draft {
            return Ok(Recorded::Draft(Box::new(draft)));
        }
        Ok(Recorded::Contact(Box::new(contacts.complete(draft.id)?)))
    });
    if done.is_err() {
        // The whole text is still in the command line; a second draft of it would help nobody.
        contacts.discard_draft(id)?;
    }
    done
}

/// The planned visit of a plan on a day.
pub fn occurrence(due: &[DueVisit], plan: VisitationPlanId, on: Day) -> Option<OccurrenceRef> {
    due.iter().find_map(|visit| match visit {
        DueVisit::Occurrence { occurrence, .. } if occurrence.plan == plan && occurrence.day == on => {
            Some(*occurrence)
        }
        _ => None,
    })
}

fn fill(store: &Store, mut draft: ContactDraft, new: &Record) -> Result<ContactDraft> {
    let case = find::case(store, &draft.case_id.to_string())?;
    let happened = &new.happened;
    let zone = draft.time.as_ref().map_or_else(|| store.zone(), |time| time.zone);
    draft.time = Some(time(new.on, happened.from, happened.to, zone));
    draft.outcome = Some(outcome(new.outcome.clone(), happened));
    draft.narrative = new.narrative.clone();
    if happened.method.is_some() {
        draft.method = happened.method.clone();
    }
    if happened.place.is_some() {
        draft.place = happened.place.clone();
    }
    for there in attendance(&case, happened)? {
        draft.attendance.retain(|other| other.party != there.party);
        draft.attendance.push(there);
    }
    draft.conducted_by = happened.conducted_by.as_deref().map(|who| find::party(&case, who)).transpose()?;
    Ok(draft)
}

fn time(on: Day, from: Option<NaiveTime>, to: Option<NaiveTime>, zone: Zone) -> ContactTime {
    let start = from.map(|from| zone.instant_of(on.and_time(from)));
    let end = to.map(|to| {
        let after_midnight = from.is_some_and(|from| to < from);
        let day = if after_midnight { on.succ_opt().unwrap_or(on) } else { on };
        zone.instant_of(day.and_time(to))
    });
    ContactTime { day: on, start, end, zone }
}

fn outcome(code: OutcomeCode, happened: &Happened) -> Outcome {
    Outcome {
        code,
        attributed_to: happened.attributed_to.clone(),
        reason: happened.reason.clone(),
        notice_hours: happened.notice,
        comment: None,
    }
}

fn attendance(case: &Case, happened: &Happened) -> Result<Vec<Attendance>> {
    let one = |who: &String, status| {
        let party = find::party(case, who)?;
        Ok(Attendance { party, status, minutes_late: None, minutes_left_early: None })
    };
    let present = happened.present.iter().map(|who| one(who, AttendanceStatus::Present));
    let absent = happened.absent.iter().map(|who| one(who, AttendanceStatus::Absent));
    present.chain(absent).collect()
}

fn amend(store: &Store, amend: &Amend) -> Result<Contact> {
    let contact = store.contacts().get(amend.contact)?;
    let contact = contact.ok_or_else(|| Failed::Unclear(format!("no contact {}", amend.contact)))?;
    let case = find::case(store, &contact.case_id.to_string())?;
    let happened = &amend.happened;
    let mut corrections = Vec::new();
    if amend.on.is_some() || happened.from.is_some() {
        // A correction is the whole time: what is not typed stays as it was.
        let before = &contact.time;
        let local = |at: Instant| before.zone.wall_time_of(at).time();
        let (from, to) = (happened.from.or(before.start.map(local)), before.end.map(local));
        // An end that was recorded before the start that is typed is not the next day's.
        let to = happened.to.or(to.filter(|to| happened.from.is_none_or(|from| from <= *to)));
        let value = time(amend.on.unwrap_or(before.day), from, to, before.zone);
        corrections.push(Correction::Time { value });
    }
    if let Some(code) = &amend.outcome {
        let comment = contact.outcome.comment.clone();
        corrections
            .push(Correction::Outcome { value: Outcome { comment, ..outcome(code.clone(), happened) } });
    }
    if let Some(method) = &happened.method {
        corrections.push(Correction::Method { value: method.clone() });
    }
    if let Some(place) = &happened.place {
        corrections.push(Correction::Place { value: place.clone() });
    }
    for value in attendance(&case, happened)? {
        corrections.push(Correction::Attendance { value });
    }
    if let Some(who) = &happened.conducted_by {
        corrections.push(Correction::ConductedBy { value: find::party(&case, who)? });
    }
    if let Some(why) = &amend.in_error {
        corrections.push(Correction::EnteredInError { why: why.clone(), recorded_as: amend.recorded_as });
    }
    Ok(store.contacts().amend(amend.contact, &NewAddendum { text: amend.text.clone(), corrections })?)
}
