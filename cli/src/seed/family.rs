//! One invented case: its people and its visitation plans.

use std::ops::Range;

use caseplan_core::Result;
use caseplan_core::case::{Case, NewCase, NewParticipant, NewPerson, Participant, ParticipantRole};
use caseplan_core::time::Day;
use caseplan_core::visitation::{
    ContactMethod, CourtOrder, Mandate, NewVisitationPlan, PartyRef, QuotaPeriod, Schedule, Supervision,
    SupervisionLevel, VisitationPlan,
};
use chrono::{Datelike, Days, NaiveTime, Weekday};

use super::dice::Dice;
use super::words::{NAMES, PLACES};
use super::{Planted, Practice};

/// Where children's first names stand in a list, and adults'.
const CHILDREN: Range<usize> = 0..10;
const ADULTS: Range<usize> = 10..16;

/// A case as it was invented.
pub struct Family {
    /// The case.
    pub case: Case,
    /// The child's first name.
    pub child: &'static str,
    /// Each plan with its visitor and the visitor's first name.
    pub plans: Vec<(VisitationPlan, Participant)>,
}

/// Opens a case, adds its people and makes its plans.
pub fn plant(
    practice: &Practice,
    dice: &mut Dice,
    number: u32,
    opened: Day,
    planted: &mut Planted,
) -> Result<Family> {
    let names = dice.pick(&NAMES);
    let surname = dice.pick(&names.families);
    let mut used = Vec::new();
    let first = if dice.chance(50) { &names.women } else { &names.men };
    let child = first_of(dice, first, CHILDREN, &mut used);
    let born = opened - Days::new(365 + dice.below(13 * 365));
    let new = NewCase {
        reference: format!("{}-{number:04}", opened.year()),
        case_type: Some(dice.pick(&["placement", "placement", "family_support", "kinship"]).to_owned()),
        primary_client: NewPerson { name: format!("{child} {surname}"), born: Some(born) },
        assigned_worker: None,
        team: Some(dice.pick(&["North", "South", "Harbour"]).to_owned()),
        opened_on: Some(opened),
        origin: None,
    };
    let case = practice.store.cases().create(&new)?;
    let mut add = |dice: &mut Dice, first, range, surname: &str, role| {
        let name = format!("{} {surname}", first_of(dice, first, range, &mut used));
        let person = NewPerson { name, born: None };
        let new = NewParticipant { person, role, from: Some(opened), origin: None };
        practice.store.cases().add_participant(case.id, &new)
    };
    let mut visitors = vec![add(dice, &names.women, ADULTS, surname, ParticipantRole::Parent)?];
    if dice.chance(55) {
        visitors.push(add(dice, &names.men, ADULTS, surname, ParticipantRole::Parent)?);
    }
    if dice.chance(20) {
        visitors.push(add(dice, &names.women, CHILDREN, surname, ParticipantRole::Sibling)?);
    }
    if dice.chance(20) {
        visitors.push(add(dice, &names.men, ADULTS, surname, ParticipantRole::Relative)?);
    }
    let others = dice.pick(&NAMES);
    let carer = dice.pick(&others.families);
    add(dice, &others.women, ADULTS, carer, ParticipantRole::Caregiver)?;
    let mut plans = Vec::new();
    for (at, visitor) in visitors.into_iter().enumerate() {
        // The first visitor always has a plan, the others often.
        if at == 0 || dice.chance(45) {
            let plan = plan(practice, dice, &case, &visitor, opened)?;
            plans.push((plan, visitor));
        }
    }
    let case = practice.store.cases().get(case.id)?.unwrap_or(case);
    planted.participants += u32::try_from(case.participants.len()).unwrap_or(0);
    planted.plans += u32::try_from(plans.len()).unwrap_or(0);
    Ok(Family { case, child, plans })
}

/// A first name that nobody in the family has yet.
fn first_of(
    dice: &mut Dice,
    names: &[&'static str; 16],
    range: Range<usize>,
    used: &mut Vec<&'static str>,
) -> &'static str {
    let all = names.get(range).unwrap_or(names);
    let at = dice.below(all.len() as u64) as usize;
    let free = all.iter().cycle().skip(at).take(all.len()).find(|name| !used.contains(name));
    let name = free.copied().unwrap_or("Kim");
    used.push(name);
    name
}

fn plan(
    practice: &Practice,
    dice: &mut Dice,
    case: &Case,
    visitor: &Participant,
    opened: Day,
) -> Result<VisitationPlan> {
    let zone = practice.store.zone();
    let first = opened + Days::new(3 + dice.below(11));
    let schedule = match dice.below(10) {
        0..5 => weekly(dice, "FREQ=WEEKLY", first, zone),
        5..8 => weekly(dice, "FREQ=WEEKLY;INTERVAL=2", first, zone),
        _ => Schedule::Quota {
            count: 1 + u32::try_from(dice.below(3)).unwrap_or(0),
            period: QuotaPeriod::Month,
            zone,
        },
    };
    let mandate = if dice.chance(40) {
        let reference = format!("{}/{}", opened.year() % 100, 100 + dice.below(900));
        let order = CourtOrder { reference, on: opened, court: Some("Family court".to_owned()) };
        Mandate::CourtOrdered { order }
    } else {
        Mandate::MutuallyAgreed { on: Some(opened) }
    };
    let level = dice.pick(&[0, 1, 1, 2]);
    let supervision =
        [SupervisionLevel::Unsupervised, SupervisionLevel::Monitored, SupervisionLevel::Supervised];
    let video = dice.chance(15);
    let new = NewVisitationPlan {
        mandate,
        to_visit: vec![PartyRef::Participant(case.primary_client)],
        visitors: vec![PartyRef::Participant(visitor.id)],
        schedule,
        minutes: Some(dice.pick(&[60, 90, 120])),
        methods: vec![if video { ContactMethod::Video } else { ContactMethod::InPerson }],
        place: (!video).then(|| dice.pick(&PLACES).to_owned()),
        supervision: supervision.get(level).cloned().map(|level| Supervision {
            level,
            supervisor: None,
            reason: None,
        }),
        purpose: Some("Keep the bond while the child is placed".to_owned()),
        conditions: None,
        transport: None,
        excluded: None,
        start: Some(first),
        end: None,
        min_age: None,
        max_age: None,
        as_draft: false,
        origin: None,
    };
    Ok(practice.store.visitation_plans().create(case.id, &new)?.plan)
}

fn weekly(dice: &mut Dice, rule: &str, first: Day, zone: caseplan_core::time::Zone) -> Schedule {
    let (day, code) =
        dice.pick(&[(Weekday::Wed, "WE"), (Weekday::Fri, "FR"), (Weekday::Sat, "SA"), (Weekday::Tue, "TU")]);
    let ahead = (7 + day.num_days_from_monday() - first.weekday().num_days_from_monday()) % 7;
    let hour = dice.pick(&[10, 14, 15, 16, 17]);
    let starts_at =
        (first + Days::new(ahead.into())).and_time(NaiveTime::MIN) + chrono::Duration::hours(hour);
    Schedule::Rule { rule: format!("{rule};BYDAY={code}"), starts_at, zone }
}

/// The first name of a full one.
pub fn first_name(name: &str) -> &str {
    name.split(' ').next().unwrap_or(name)
}
