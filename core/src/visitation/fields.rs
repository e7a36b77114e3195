//! How a visitation plan stands in its document: field by field, both ways.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Cancelation, ContactMethod, CourtOrder, Mandate, PartyRef, PlanParty, PlanSchedule, Schedule,
    Supervision, SupervisionLevel, VisitationPlan,
};
use crate::case::fields::{day, register};
use crate::document::layout::visitation_plan::{PARTIES, PLAN, SCHEDULES};
use crate::document::{Entity, Value, View};
use crate::ids::{CaseId, ScheduleId, VisitationPlanId};
use crate::json::{self, NotCanonical};
use crate::time::Day;

/// A plan's role of a party, as stored.
pub const CLIENT: &str = "client";
/// A plan's role of a party, as stored.
pub const VISITOR: &str = "visitor";

/// Reads a plan from its document; nothing if its own fields have not arrived. Its case is its scope's, not a field.
pub fn read_plan(case_id: CaseId, id: VisitationPlanId, view: &View<'_>) -> Option<VisitationPlan> {
    let own = view.fields(PLAN);
    own.get("mandate")?;
    let schedules = read_schedules(own.parse("schedule"), view);
    let start = own
        .parse("start")
        .or_else(|| schedules.last().map(|schedule| schedule.effective_from))
        .unwrap_or(Day::MIN);
    let (to_visit, visitors) = read_parties(view);
    Some(VisitationPlan {
        id,
        case_id,
        mandate: own.register("mandate").unwrap_or(Mandate::MutuallyAgreed { on: None }),
        to_visit,
        visitors,
        schedules,
        methods: own.register("methods").unwrap_or_default(),
        place: own.register::<Place>("place").map(|place| place.text),
        supervision: own.register("supervision").unwrap_or(UNSUPERVISED),
        purpose: own.text("purpose").map(str::to_owned),
        conditions: own.text("conditions").map(str::to_owned),
        transport: own.text("transport").map(str::to_owned),
        excluded: own.text("excluded").map(str::to_owned),
        start,
        end: own.parse("end"),
        activated_on: own.register::<Activated>("activated").map(|activated| activated.on),
        canceled: own.register::<Cancelation>("canceled"),
    })
}

/// What a plan's supervision is if nothing is said.
pub const UNSUPERVISED: Supervision =
    Supervision { level: SupervisionLevel::Unsupervised, supervisor: None, reason: None };

/// The schedule in force and, by what each replaces, those before it. A cycle ends the walk.
fn read_schedules(current: Option<ScheduleId>, view: &View<'_>) -> Vec<PlanSchedule> {
    let mut schedules = Vec::new();
    let mut seen = BTreeSet::new();
    let mut next = current;
    while let Some(id) = next.filter(|id| seen.insert(*id)) {
        let Some(schedule) =
            view.entity(SCHEDULES, &id.to_string()).and_then(|entity| read_schedule(id, &entity))
        else {
            break;
        };
        next = schedule.replaces;
        schedules.push(schedule);
    }
    schedules
}

fn read_schedule(id: ScheduleId, entity: &Entity) -> Option<PlanSchedule> {
    let minutes: Option<Minutes> = entity.register("schedule");
    Some(PlanSchedule {
        id,
        schedule: entity.register("schedule")?,
        minutes: minutes.and_then(|stored| stored.minutes),
        effective_from: entity.parse("effective_from")?,
        replaces: entity.parse("replaces"),
    })
}

fn read_parties(view: &View<'_>) -> (Vec<PlanParty>, Vec<PlanParty>) {
    let mut parties: Vec<(String, PlanParty)> = view
        .entities(PARTIES)
        .iter()
        .filter_map(|(key, entity)| {
            let party = PlanParty {
                id: key.parse().ok()?,
                party: entity.register("party")?,
                name: entity.text("name").unwrap_or_default().to_owned(),
                from: entity.parse("from"),
                to: entity.parse("to"),
            };
            Some((entity.text("role").unwrap_or_default().to_owned(), party))
        })
        .collect();
    parties.sort_by(|(_, a), (_, b)| (a.from, &a.party, a.id).cmp(&(b.from, &b.party, b.id)));
    let (clients, others): (Vec<_>, Vec<_>) = parties.into_iter().partition(|(role, _)| role == CLIENT);
    let strip = |parties: Vec<(String, PlanParty)>| parties.into_iter().map(|(_, party)| party).collect();
    (strip(clients), strip(others))
}

/// A party's fields.
pub fn party_fields(
    role: &str,
    party: &PartyRef,
    name: &str,
    from: Option<Day>,
) -> Result<BTreeMap<String, Value>, NotCanonical> {
    Ok(BTreeMap::from([
        ("role".to_owned(), role.into()),
        ("party".to_owned(), register(Some(party))?),
        ("name".to_owned(), name.into()),
        ("from".to_owned(), day(from)),
    ]))
}

/// A schedule's fields.
pub fn schedule_fields(
    schedule: &Schedule,
    minutes: Option<u32>,
    effective_from: Day,
    replaces: Option<ScheduleId>,
) -> Result<BTreeMap<String, Value>, NotCanonical> {
    let mut stored = serde_json::to_value(schedule).map_err(|_| NotCanonical)?;
    if let (Some(map), Some(minutes)) = (stored.as_object_mut(), minutes) {
        map.insert("minutes".to_owned(), minutes.into());
    }
    Ok(BTreeMap::from([
        ("schedule".to_owned(), json::to_text(&stored)?.into()),
        ("effective_from".to_owned(), day(Some(effective_from))),
        ("replaces".to_owned(), replaces.map(|id| id.to_string()).into()),
    ]))
}

/// Methods as stored: sorted, each once.
pub fn methods(methods: &[ContactMethod]) -> Result<Value, NotCanonical> {
    let sorted: BTreeSet<&str> = methods.iter().map(ContactMethod::code).collect();
    register(Some(&sorted))
}

/// A place as stored.
pub fn place(place: Option<&str>) -> Result<Value, NotCanonical> {
    register(place.map(|text| Place { text: text.to_owned() }).as_ref())
}

/// A place's register.
#[derive(Serialize, Deserialize)]
pub struct Place {
    /// In words.
    pub text: String,
}

/// The register of when a plan was activated.
#[derive(Serialize, Deserialize)]
pub struct Activated {
    /// The day.
    pub on: Day,
}

#[derive(Deserialize)]
struct Minutes {
    #[serde(default)]
    minutes: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct StoredMandate {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    court: Option<String>,
}

impl Serialize for Mandate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::CourtOrdered { order } => StoredMandate {
                kind: "court_ordered".to_owned(),
                reference: Some(order.reference.clone()),
                on: Some(order.on),
                court: order.court.clone(),
            },
            Self::MutuallyAgreed { on } => {
                StoredMandate { kind: "mutually_agreed".to_owned(), reference: None, on: *on, court: None }
            }
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Mandate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredMandate::deserialize(deserializer)?;
        match (stored.kind.as_str(), stored.reference, stored.on) {
            ("court_ordered", Some(reference), Some(on)) => {
                Ok(Self::CourtOrdered { order: CourtOrder { reference, on, court: stored.court } })
            }
            ("mutually_agreed", _, on) => Ok(Self::MutuallyAgreed { on }),
            _ => Err(serde::de::Error::custom("no mandate")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mandate_and_its_order_are_one_register() {
        let mandate = Mandate::CourtOrdered {
            order: CourtOrder {
                reference: "TE 24/118".to_owned(),
                on: "2026-03-02".parse().unwrap(),
                court: None,
            },
        };
        let text = json::to_text(&mandate).unwrap();
        assert_eq!(text, r#"{"kind":"court_ordered","on":"2026-03-02","reference":"TE 24/118"}"#);
        assert_eq!(json::from_text::<Mandate>(&text), Some(mandate));
    }

    #[test]
    fn methods_are_a_sorted_set() {
        let text = methods(&[ContactMethod::Video, ContactMethod::InPerson, ContactMethod::Video]).unwrap();
        assert_eq!(text, Value::from(r#"["in_person","video"]"#));
    }
}
