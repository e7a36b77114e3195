//! Values in a few words, the same in every table.

use caseplan_core::case::{Case, Origin};
use caseplan_core::contact::{ContactTime, Outcome};
use caseplan_core::time::{Instant, Zone};
use caseplan_core::visitation::{Mandate, PartyRef, PlanParty, Schedule, VisitationPlan};

/// A code without underscores.
pub fn code(code: &str) -> String {
    code.replace('_', " ")
}

/// A moment by the clocks of a zone.
pub fn at(zone: Zone, at: Instant) -> String {
    zone.wall_time_of(at).format("%Y-%m-%d %H:%M").to_string()
}

/// Where imported data came from, and who recorded it there.
pub fn origin(zone: Zone, origin: &Origin) -> String {
    let by = origin.recorded_by.as_ref().map(|by| format!(", recorded by {by}"));
    let when = origin.recorded_at.map(|moment| format!(", {}", at(zone, moment)));
    format!("{} {}{}{}", origin.source, origin.external_id, maybe(by), maybe(when))
}

/// Anything that may be missing.
pub fn maybe(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A number, or nothing where it is zero: a table shows what is worth a look.
pub fn count(number: u32) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

/// When a contact was.
pub fn time(time: &ContactTime) -> String {
    let clock = |at: Option<Instant>| at.map(|at| time.zone.wall_time_of(at).format("%H:%M").to_string());
    match (clock(time.start), clock(time.end)) {
        (Some(start), Some(end)) => format!("{} {start}–{end}", time.day),
        (Some(start), None) => format!("{} {start}", time.day),
        _ => time.day.to_string(),
    }
}

/// What became of a contact, and why.
pub fn outcome(outcome: &Outcome) -> String {
    let mut words = code(outcome.code.code());
    if let Some(reason) = &outcome.reason {
        words.push_str(&format!(": {}", code(reason.code())));
    }
    if let Some(side) = &outcome.attributed_to {
        words.push_str(&format!(" ({})", code(side.code())));
    }
    words
}

/// By what right.
pub fn mandate(mandate: &Mandate) -> String {
    match mandate {
        Mandate::CourtOrdered { order } => {
            let court = order.court.as_ref().map(|court| format!(", {court}")).unwrap_or_default();
            format!("court order {} of {}{court}", order.reference, order.on)
        }
        Mandate::MutuallyAgreed { on: Some(on) } => format!("agreed on {on}"),
        Mandate::MutuallyAgreed { on: None } => "agreed".to_owned(),
    }
}

/// When visits take place.
pub fn schedule(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Rule { rule, starts_at, .. } => {
            format!("{} at {}", rule_in_words(rule), starts_at.format("%H:%M"))
        }
        Schedule::Quota { count, period, .. } => format!("{count} a {}", period.code()),
    }
}

/// The rules that people write most, in words; any other as it is.
fn rule_in_words(rule: &str) -> String {
    let part = |name: &str| rule.split(';').find_map(|part| part.strip_prefix(name));
    let day = match part("BYDAY=") {
        Some("MO") => "Monday",
        Some("TU") => "Tuesday",
        Some("WE") => "Wednesday",
        Some("TH") => "Thursday",
        Some("FR") => "Friday",
        Some("SA") => "Saturday",
        Some("SU") => "Sunday",
        _ => return rule.to_owned(),
    };
    match (part("FREQ="), part("INTERVAL="), rule.split(';').count()) {
        (Some("WEEKLY"), None, 2) => format!("every {day}"),
        (Some("WEEKLY"), Some("2"), 3) => format!("every second {day}"),
        _ => rule.to_owned(),
    }
}

/// A plan's schedule in force.
pub fn plan_schedule(plan: &VisitationPlan) -> String {
    plan.schedule().map(|current| schedule(&current.schedule)).unwrap_or_default()
}

/// Names, those who left marked.
pub fn names(parties: &[PlanParty]) -> String {
    let name = |party: &PlanParty| match party.to {
        Some(to) => format!("{} (until {to})", party.name),
        None => party.name.clone(),
    };
    parties.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Who somebody is.
pub fn party(case: Option<&Case>, party: &PartyRef) -> String {
    match party {
        PartyRef::User(worker) => worker.to_string(),
        PartyRef::Participant(id) => {
            let found = case.and_then(|case| case.participant(*id));
            found.map_or_else(|| id.to_string(), |participant| participant.name.clone())
        }
    }
}

/// A field's value: what stands in a structured one, without its braces where it is a single text.
pub fn field_value(value: Option<&str>) -> String {
    let Some(text) = value else { return "(emptied)".to_owned() };
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(map)) if map.len() == 1 => match map.values().next() {
            Some(serde_json::Value::String(only)) => only.clone(),
            _ => text.to_owned(),
        },
        Ok(serde_json::Value::String(only)) => only,
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_rules_are_words_and_others_stay() {
        assert_eq!(rule_in_words("FREQ=WEEKLY;BYDAY=SA"), "every Saturday");
        assert_eq!(rule_in_words("FREQ=WEEKLY;INTERVAL=2;BYDAY=WE"), "every second Wednesday");
        assert_eq!(rule_in_words("FREQ=WEEKLY;BYDAY=SA;COUNT=3"), "FREQ=WEEKLY;BYDAY=SA;COUNT=3");
    }

    #[test]
    fn a_structured_value_with_one_text_is_that_text() {
        assert_eq!(field_value(Some(r#"{"text":"Parc Monceau"}"#)), "Parc Monceau");
        assert_eq!(field_value(Some("2026-03-07")), "2026-03-07");
        assert_eq!(field_value(None), "(emptied)");
    }
}
