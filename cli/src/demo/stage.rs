//! Before the story: a caseload on the phone, Léa's case in it, the tablet enrolled and up to date.

use std::path::Path;

use caseplan_core::access::NewGrant;
use caseplan_core::case::reads::CaseFilter;
use caseplan_core::case::{Case, NewCase, NewParticipant, NewPerson, ParticipantRole};
use caseplan_core::contact::drafts::DraftStart;
use caseplan_core::contact::{Attribution, ContactDraft, Outcome, OutcomeCode, OutcomeReason};
use caseplan_core::exchange::CancelToken;
use caseplan_core::ids::{ParticipantId, WorkerId};
use caseplan_core::storage::Location;
use caseplan_core::time::{Day, Zone};
use caseplan_core::visitation::{
    ContactMethod, CourtOrder, DueVisit, Mandate, NewVisitationPlan, PartyRef, Schedule, Supervision,
    SupervisionLevel, VisitationPlan,
};
use chrono::{Days, NaiveTime};

use super::device::Device;
use super::link::{self, Met};
use super::proof;
use crate::door::{self, Profile};
use crate::failed::{Failed, Result};
use crate::screen::Screen;
use crate::seed::{Practice, Seeding};
use crate::show::{qr, tables};

/// How many invented cases stand around Léa's.
const CASES: u32 = 30;
/// After how many bytes the first connection breaks off.
const CUT: u64 = 250_000;
/// How many rows of a longer list are shown.
const ROWS: usize = 8;

/// Two devices, and the case that the story is about.
pub struct Stage {
    /// The caseworker's phone.
    pub phone: Device,
    /// The family centre's tablet.
    pub tablet: Device,
    /// Léa's case.
    pub case: Case,
    /// Her mother's Saturday visits.
    pub plan: VisitationPlan,
    /// The Thursday on which the story begins.
    pub thursday: Day,
}

/// Sets the stage and shows it.
pub fn set(screen: &Screen, folder: &Path) -> Result<Stage> {
    let thursday = Day::from_ymd_opt(2026, 3, 5).unwrap_or_default();
    let zone: Zone = "Europe/Paris".parse().unwrap_or(Zone::UTC);
    let claire = Profile { worker: worker("w-117")?, zone };
    let marc = Profile { worker: worker("w-204")?, zone };

    screen.heading("1  A caseload, on the phone");
    let (case, plan) = plant(screen, folder, &claire, thursday)?;
    let now = zone.instant_of(thursday.and_time(NaiveTime::MIN) + chrono::Duration::hours(8));
    let phone = Device::open(folder, "phone", &claire, 117, now)?;
    let tablet = Device::open(folder, "tablet", &marc, 204, now)?;
    let cases = phone.store.cases().list(&CaseFilter::default())?;
    screen.line("Claire Dubois (w-117) is a caseworker. Her phone holds everything that she works with:\n");
    let from = cases.len().saturating_sub(ROWS);
    tables::cases(screen, zone, &cases[from..]);
    let contacts: u32 = cases.iter().map(|case| case.contacts).sum();
    screen.line(format!(" … and {from} more; {} cases and {contacts} recorded contacts in all", cases.len()));
    proof(
        screen,
        "no list here asked a server, or loaded a single document: lists come from indexed projections",
    );

    screen.heading("2  What is due");
    let to = thursday + Days::new(6);
    let due = phone.store.visitation_plans().due(thursday, to, None)?;
    screen.line(format!("Planned visits from Thursday {thursday} to {to}:\n"));
    let shown: Vec<DueVisit> = due.iter().filter(|visit| on_saturday(visit)).take(ROWS).cloned().collect();
    tables::due(screen, &shown, &tables::references(&phone.store)?);
    screen.line(format!(" … Saturday only; {} visits are due in the week", due.len()));
    proof(
        screen,
        "dates come from each plan's rule in its own time zone, so 14:00 stays 14:00 when clocks change",
    );

    enrol(screen, &phone, &tablet, &marc.worker)?;
    Ok(Stage { phone, tablet, case, plan, thursday })
}

/// The tablet is taken in, its worker is granted the cases, and it gets them, although the connection breaks off.
fn enrol(screen: &Screen, phone: &Device, tablet: &Device, marc: &WorkerId) -> Result<()> {
    screen.heading("3  A second device, and a bad connection");
    screen
        .line("Marc Petit (w-204) works at the family centre. His tablet reads a code off Claire's phone:\n");
    let taken = link::take_in(&phone.store, &tablet.store, link::colleague(marc.clone()), "Marc's tablet")?;
    qr::draw(screen, &taken.qr);
    screen.line("");
    screen.line(format!(" tablet  my fingerprint is {}", taken.fingerprint));
    screen.line(format!(
        " phone   \"{}\" asks, fingerprint {}; Claire compares and says yes",
        taken.request.device_name, taken.request.fingerprint
    ));
    for case in phone.store.cases().list(&CaseFilter { worker: None, closed_too: true })? {
        let grant = NewGrant::colleague(marc.clone(), 1);
        phone.store.grants().give(case.id, &grant)?;
    }
    screen.line(
        "\nShe grants him her cases, and the tablet connects. After 250 KB the connection breaks off:\n",
    );
    let cut = link::sync(&tablet.store, &phone.store, Some(CUT))?;
    let resumed = link::sync(&tablet.store, &phone.store, None)?;
    let line = |name: &str, met: &Met| {
        let (received, bytes) = (met.reports[0].received, met.bytes / 1000);
        screen.line(format!(
            " {name:<8} {received:>5} signed changes in {bytes:>4} KB, each checked before it goes in"
        ));
    };
    line("cut off", &cut);
    line("resumed", &resumed);
    screen.line("");
    digests(screen, phone, tablet)?;
    proof(screen, "what was on disk when it broke off is not sent again; equal digests: both hold the same");
    Ok(())
}

/// Both devices' digests.
pub fn digests(screen: &Screen, phone: &Device, tablet: &Device) -> Result<()> {
    screen.pairs(&[(phone.name, phone.digest()?), (tablet.name, tablet.digest()?)]);
    Ok(())
}

fn on_saturday(visit: &DueVisit) -> bool {
    use chrono::Datelike;
    matches!(visit, DueVisit::Occurrence { local, .. } if local.weekday() == chrono::Weekday::Sat)
}

fn worker(id: &str) -> Result<caseplan_core::ids::WorkerId> {
    id.parse().map_err(|_| Failed::Unclear(format!("{id} is no worker id")))
}

/// Invents the caseload and Léa's case in memory, and writes it to the phone's file.
fn plant(screen: &Screen, folder: &Path, claire: &Profile, until: Day) -> Result<(Case, VisitationPlan)> {
    let file = folder.join("phone.db");
    let seeding = Seeding { cases: CASES, years: 1, seed: 2026, until };
    let location = Location::Memory(format!("demo-{}", uuid::Uuid::new_v4()));
    let practice =
        Practice::open(location, claire.worker.clone(), claire.zone, door::vault(&file)?, &seeding)?;
    let bar = screen.bar("cases", CASES.into());
    practice.plant(&seeding, |done| bar.set_position(done.into()))?;
    bar.finish_and_clear();
    let (case, plan) = lea(&practice, until)?;
    practice.store.back_up(&file, |_| {}, &CancelToken::default())?;
    practice.store.close();
    Ok((case, plan))
}

/// Léa Martin, placed in January; her mother visits on Saturdays.
fn lea(practice: &Practice, until: Day) -> Result<(Case, VisitationPlan)> {
    let day = |month, day| Day::from_ymd_opt(2026, month, day).unwrap_or(until);
    let at = |day: Day, hour| {
        practice.store.zone().instant_of(day.and_time(NaiveTime::MIN) + chrono::Duration::hours(hour))
    };
    practice.clock.set(at(day(1, 8), 9));
    let cases = practice.store.cases();
    let new = NewCase {
        reference: "2026-0117".to_owned(),
        case_type: Some("placement".to_owned()),
        primary_client: NewPerson { name: "Léa Martin".to_owned(), born: Day::from_ymd_opt(2019, 4, 2) },
        assigned_worker: None,
        team: Some("North".to_owned()),
        opened_on: None,
        origin: None,
    };
    let case = cases.create(&new)?;
    let add = |name: &str, role| {
        let person = NewPerson { name: name.to_owned(), born: None };
        cases.add_participant(case.id, &NewParticipant { person, role, from: None, origin: None })
    };
    let ana = add("Ana Martin", ParticipantRole::Parent)?;
    add("Hélène Faure", ParticipantRole::Caregiver)?;
    let plan = practice.store.visitation_plans().create(case.id, &saturdays(&case, ana.id, day(1, 10)))?.plan;
    for (number, visit) in
        practice.store.visitation_plans().due(day(1, 10), until, Some(case.id))?.iter().enumerate()
    {
        let DueVisit::Occurrence { occurrence, starts_at, .. } = visit else { continue };
        practice.clock.set(*starts_at + chrono::Duration::hours(3));
        let start = DraftStart::Occurrences { occurrences: vec![*occurrence] };
        let draft = practice.store.contacts().start_draft(&start)?;
        let missed = number == 3;
        let (narrative, outcome) = if missed {
            (
                "Ana sent a message at noon: she has a fever. Léa was told at once.",
                outcome(OutcomeCode::CanceledInAdvance),
            )
        } else {
            (
                "Léa and Ana read together and played cards. They said goodbye at 16:00.",
                outcome(OutcomeCode::Occurred),
            )
        };
        let draft = ContactDraft { narrative: narrative.to_owned(), outcome: Some(outcome), ..draft };
        let draft = practice.store.contacts().save_draft(&draft)?;
        practice.store.contacts().complete(draft.id)?;
    }
    practice.clock.set(at(until, 8));
    let case = cases.get(case.id)?.unwrap_or(case);
    Ok((case, plan))
}

/// What became of a visit; a reason where it did not take place.
pub fn outcome(code: OutcomeCode) -> Outcome {
    let missed = !code.took_place();
    Outcome {
        code,
        attributed_to: missed.then_some(Attribution::Visitor),
        reason: missed.then_some(OutcomeReason::Illness),
        notice_hours: missed.then_some(2),
        comment: None,
    }
}

fn saturdays(case: &Case, ana: ParticipantId, first: Day) -> NewVisitationPlan {
    let order = CourtOrder { reference: "TE 26/004".to_owned(), on: first - Days::new(3), court: None };
    NewVisitationPlan {
        mandate: Mandate::CourtOrdered { order },
        to_visit: vec![PartyRef::Participant(case.primary_client)],
        visitors: vec![PartyRef::Participant(ana)],
        schedule: Schedule::Rule {
            rule: "FREQ=WEEKLY;BYDAY=SA".to_owned(),
            starts_at: first.and_time(NaiveTime::MIN) + chrono::Duration::hours(14),
            zone: "Europe/Paris".parse().unwrap_or(Zone::UTC),
        },
        minutes: Some(120),
        methods: vec![ContactMethod::InPerson],
        place: Some("Maison de la famille, salle 2".to_owned()),
        supervision: Some(Supervision {
            level: SupervisionLevel::Supervised,
            supervisor: None,
            reason: None,
        }),
        purpose: Some("Keep the bond while Léa is placed".to_owned()),
        conditions: None,
        transport: None,
        excluded: None,
        start: None,
        end: None,
        min_age: None,
        max_age: None,
        as_draft: false,
        origin: None,
    }
}
