//! Recurrence rules and quotas made into dates. Pure: local dates first, instants last, so that a weekly visit at
//! 14:00 stays at 14:00 when clocks change.

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime};
use rrule::{Frequency, RRule, RRuleSet, Tz, Unvalidated};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{PlanSchedule, QuotaPeriod, Schedule, VisitationPlan};
use crate::error::{Error, Result};
use crate::ids::ScheduleId;
use crate::time::{Day, Instant, WallTime, Zone};
use crate::wall::walled;

/// The most visits that one schedule is asked for at a time: ten years of daily ones.
const MAX_OCCURRENCES: u16 = 3_660;
/// How often it is asked for so many: thirty years of daily visits, longer than a childhood.
const WINDOWS: usize = 3;
/// The years in which a rule may begin: those that RFC 5545 can write.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9_999;
/// The most characters of a rule.
const MAX_RULE: usize = 500;

/// One planned visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// The schedule that it comes from.
    pub schedule: ScheduleId,
    /// Its local date.
    pub day: Day,
    /// When it starts by the clocks of the schedule's zone.
    pub local: WallTime,
    /// When it starts.
    pub starts_at: Instant,
}

/// Checks a schedule: one occurrence a day at most, nothing finer than a day, at least one visit.
pub fn check(schedule: &Schedule) -> Result<()> {
    match schedule {
        Schedule::Quota { count, period, .. } => {
            if *count == 0 || *count > 366 {
                return Err(Error::invalid("schedule.count", "range"));
            }
            match period {
                QuotaPeriod::Week | QuotaPeriod::Month => Ok(()),
                QuotaPeriod::Unknown { .. } => Err(Error::invalid("schedule.period", "unsupported")),
            }
        }
        Schedule::Rule { rule, starts_at, zone } => {
            let set = rule_set(rule, *starts_at, *zone).ok_or(Error::invalid("schedule.rule", "format"))?;
            let parts = set.get_rrule().first().ok_or(Error::invalid("schedule.rule", "format"))?;
            let daily = matches!(
                parts.get_freq(),
                Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly
            );
            let upper = rule.to_ascii_uppercase();
            let finer = ["BYHOUR", "BYMINUTE", "BYSECOND"].iter().any(|part| upper.contains(part));
            if !daily || finer {
                return Err(Error::invalid("schedule.rule", "unsupported"));
            }
            let numbered = matches!(parts.get_freq(), Frequency::Monthly | Frequency::Yearly);
            if !upper.split(';').all(|part| has_weekdays(part, numbered)) {
                return Err(Error::invalid("schedule.rule", "format"));
            }
            if walled(|| set.limit().all(1).dates.is_empty()).unwrap_or(true) {
                return Err(Error::invalid("schedule.rule", "empty"));
            }
            Ok(())
        }
    }
}

/// Whether a part of a rule that names weekdays names them as RFC 5545 §3.3.10 has it: `SA`, or `2SA` and `-1SA` where the rule
/// is by the month or year. Otherwise the number would be passed over, and the visit be on each of these days.
fn has_weekdays(part: &str, numbered: bool) -> bool {
    let Some(days) = part.trim().strip_prefix("BYDAY=") else { return true };
    days.split(',').all(|day| {
        let Some(at) = day.len().checked_sub(2) else { return false };
        let (number, name) = day.split_at(at);
        let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
        let counts = digits.len() <= 2 && digits.parse::<u8>().is_ok_and(|number| (1..=53).contains(&number));
        ["MO", "TU", "WE", "TH", "FR", "SA", "SU"].contains(&name)
            && (number.is_empty() || numbered && counts)
    })
}

/// The rule on local time, as if that were UTC: rules know nothing of clocks that change, [`Zone::instant_of`] does.
///
/// A rule may come from anybody, and the library that reads it fails on some.
fn rule_set(rule: &str, starts_at: WallTime, zone: Zone) -> Option<RRuleSet> {
    let rule = rule.trim().strip_prefix("RRULE:").unwrap_or(rule.trim());
    if rule.len() > MAX_RULE || !rule.is_ascii() || rule.contains(['\n', '\r']) {
        return None;
    }
    if !YEARS.contains(&starts_at.year()) {
        return None;
    }
    walled(|| built(rule, starts_at, zone)).flatten()
}

fn built(rule: &str, starts_at: WallTime, zone: Zone) -> Option<RRuleSet> {
    let parts: Vec<String> = rule
        .split(';')
        .map(|part| match part.to_ascii_uppercase().strip_prefix("UNTIL=") {
            Some(until) => local_until(until, zone).map(|until| format!("UNTIL={until}")),
            None => Some(part.to_owned()),
        })
        .collect::<Option<_>>()?;
    let rule: RRule<Unvalidated> = parts.join(";").parse().ok()?;
    rule.build(starts_at.and_utc().with_timezone(&Tz::UTC)).ok()
}

/// `UNTIL` is a UTC instant where the start has a zone (RFC 5545 §3.3.10); a date or local time is taken as local.
fn local_until(until: &str, zone: Zone) -> Option<String> {
    let local = if let Some(utc) = until.strip_suffix('Z') {
        zone.wall_time_of(NaiveDateTime::parse_from_str(utc, "%Y%m%dT%H%M%S").ok()?.and_utc())
    } else if let Ok(local) = NaiveDateTime::parse_from_str(until, "%Y%m%dT%H%M%S") {
        local
    } else {
        NaiveDate::parse_from_str(until, "%Y%m%d").ok()?.and_time(NaiveTime::from_hms_opt(23, 59, 59)?)
    };
    Some(local.format("%Y%m%dT%H%M%SZ").to_string())
}

/// A schedule with the first and the last day on which it is in force.
pub type InForce<'a> = (&'a PlanSchedule, Day, Option<Day>);

/// When each schedule of a plan is in force, the last first: a newer one from its day on, the oldest from the plan's start.
pub fn in_force(plan: &VisitationPlan) -> Vec<InForce<'_>> {
    let mut windows = Vec::new();
    let mut until = plan.end;
    for (at, schedule) in plan.schedules.iter().enumerate() {
        let is_oldest = at + 1 == plan.schedules.len();
        let first = if is_oldest { plan.start } else { schedule.effective_from.max(plan.start) };
        if until.is_none_or(|until| first <= until) {
            windows.push((schedule, first, until));
        }
        let before = schedule.effective_from.pred_opt();
        until = match (until, before) {
            (Some(until), Some(before)) => Some(until.min(before)),
            (until, before) => before.or(until),
        };
    }
    windows
}

/// The visits of a plan with local dates in [from, to], earliest first, each by the schedule in force on its day.
pub fn occurrences(plan: &VisitationPlan, from: Day, to: Day) -> Vec<Occurrence> {
    let mut all = Vec::new();
    for (schedule, first, last) in in_force(plan) {
        let (first, last) = (first.max(from), last.map_or(to, |last| last.min(to)));
        if first <= last {
            all.extend(expand(schedule, first, last));
        }
    }
    all.sort_by_key(|occurrence| (occurrence.day, occurrence.schedule));
    all
}

/// Whether a schedule has a visit on a day, in force or not.
pub fn falls_on(schedule: &PlanSchedule, day: Day) -> bool {
    !expand(schedule, day, day).is_empty()
}

fn expand(schedule: &PlanSchedule, first: Day, last: Day) -> Vec<Occurrence> {
    let Schedule::Rule { rule, starts_at, zone } = &schedule.schedule else { return Vec::new() };
    let Some(set) = rule_set(rule, *starts_at, *zone) else { return Vec::new() };
    let mut days: Vec<Occurrence> = Vec::new();
    let mut from = first;
    for _ in 0..WINDOWS {
        let Some((dates, more)) = walled(|| window(&set, from, last)).flatten() else { break };
        let next = dates.last().and_then(|last| last.date().succ_opt());
        days.extend(dates.into_iter().map(|local| Occurrence {
            schedule: schedule.id,
            day: local.date(),
            local,
            starts_at: zone.instant_of(local),
        }));
        match next {
            Some(next) if more && next <= last => from = next,
            _ => break,
        }
    }
    days.dedup_by_key(|occurrence| occurrence.day);
    days
}

/// The local times of a rule from one day to another, as many as are asked for at a time, and whether there are more.
fn window(set: &RRuleSet, first: Day, last: Day) -> Option<(Vec<WallTime>, bool)> {
    let utc = |wall: WallTime| wall.and_utc().with_timezone(&Tz::UTC);
    let evening = last.and_time(NaiveTime::from_hms_opt(23, 59, 59)?);
    let found = set
        .clone()
        .after(utc(first.and_time(NaiveTime::MIN)))
        .before(utc(evening))
        .limit()
        .all(MAX_OCCURRENCES);
    Some((found.dates.into_iter().map(|date| date.naive_utc()).collect(), found.limited))
}

/// The periods of a quota that overlap [from, to], first and last day each.
pub fn periods(period: &QuotaPeriod, from: Day, to: Day) -> Vec<(Day, Day)> {
    let mut all = Vec::new();
    let mut start = match period {
        QuotaPeriod::Week => from - Days::new(from.weekday().num_days_from_monday().into()),
        QuotaPeriod::Month => from.with_day(1).unwrap_or(from),
        QuotaPeriod::Unknown { .. } => return all,
    };
    while start <= to && all.len() < usize::from(MAX_OCCURRENCES) {
        let next = match period {
            QuotaPeriod::Week => start.checked_add_days(Days::new(7)),
            _ => start.checked_add_months(Months::new(1)),
        };
        let Some(next) = next else { break };
        all.push((start, next - Days::new(1)));
        start = next;
    }
    all
}

/// How a schedule stands in its register. Codes and fields as in `sync.md` §10: integers and texts only.
#[derive(Serialize, Deserialize)]
struct Stored {
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    starts_at: Option<String>,
    zone: Zone,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<QuotaPeriod>,
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Rule { rule, starts_at, zone } => Stored {
                kind: "rule".to_owned(),
                rule: Some(rule.clone()),
                starts_at: Some(starts_at.format("%Y-%m-%dT%H:%M:%S").to_string()),
                zone: *zone,
                count: None,
                period: None,
            },
            Self::Quota { count, period, zone } => Stored {
                kind: "quota".to_owned(),
                rule: None,
                starts_at: None,
                zone: *zone,
                count: Some(*count),
                period: Some(period.clone()),
            },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let starts_at = stored.starts_at.as_deref().and_then(|text| text.parse().ok());
        match (stored.rule, starts_at, stored.count, stored.period) {
            (Some(rule), Some(starts_at), ..) => Ok(Self::Rule { rule, starts_at, zone: stored.zone }),
            (_, _, Some(count), Some(period)) => Ok(Self::Quota { count, period, zone: stored.zone }),
            _ => Err(serde::de::Error::custom("neither a rule nor a quota")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Weekday;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn rule(rule: &str, starts_at: &str, zone: &str) -> Schedule {
        Schedule::Rule {
            rule: rule.to_owned(),
            starts_at: starts_at.parse().unwrap(),
            zone: zone.parse().unwrap(),
        }
    }

    fn expanded(schedule: Schedule, from: &str, to: &str) -> Vec<Occurrence> {
        let id = ScheduleId(uuid::Uuid::nil());
        let schedule =
            PlanSchedule { id, schedule, minutes: None, effective_from: day("2000-01-01"), replaces: None };
        expand(&schedule, day(from), day(to))
    }

    #[test]
    fn a_weekly_visit_at_14_stays_at_14_across_the_29th_of_march() {
        let visits = expanded(
            rule("FREQ=WEEKLY;BYDAY=SU", "2026-03-22T14:00:00", "Europe/Paris"),
            "2026-03-22",
            "2026-04-05",
        );
        let utc: Vec<String> = visits.iter().map(|visit| visit.starts_at.to_rfc3339()).collect();
        let expected =
            ["2026-03-22T13:00:00+00:00", "2026-03-29T12:00:00+00:00", "2026-04-05T12:00:00+00:00"];
        assert_eq!(utc, expected);
        assert!(visits.iter().all(|visit| visit.local.format("%H:%M").to_string() == "14:00"));
    }

    #[test]
    fn until_in_utc_is_inclusive_in_local_time() {
        let until = "FREQ=DAILY;UNTIL=20260330T120000Z";
        let visits = expanded(rule(until, "2026-03-28T14:00:00", "Europe/Paris"), "2026-03-01", "2026-04-30");
        assert_eq!(visits.len(), 3);
    }

    #[test]
    fn what_is_finer_than_a_day_or_never_happens_is_refused() {
        for bad in [
            "FREQ=HOURLY",
            "FREQ=DAILY;BYHOUR=9,15",
            "FREQ=DAILY;BYMINUTE=5",
            "nonsense",
            "FREQ=DAILY;UNTIL=20200101T000000Z",
            "FREQ=WEEKLY;BYDAY=€",
            "FREQ=WEEKLY;BYDAY=2SA",
            "FREQ=DAILY;BYDAY=1MO",
            "FREQ=MONTHLY;BYDAY=2 SA",
            "FREQ=MONTHLY;BYDAY=0SA",
            "FREQ=MONTHLY;BYDAY=",
        ] {
            assert!(check(&rule(bad, "2026-03-07T14:00:00", "Europe/Paris")).is_err(), "{bad}");
        }
        assert!(
            check(&rule("FREQ=MONTHLY;BYDAY=2SA;COUNT=6", "2026-03-14T10:00:00", "Europe/Paris")).is_ok()
        );
        for good in ["FREQ=MONTHLY;BYDAY=-1SA,+1SU", "freq=weekly;byday=sa", "FREQ=YEARLY;BYDAY=20MO"] {
            assert!(check(&rule(good, "2026-03-14T10:00:00", "Europe/Paris")).is_ok(), "{good}");
        }
        let quota = |count| Schedule::Quota { count, period: QuotaPeriod::Month, zone: Zone::UTC };
        assert!(check(&quota(0)).is_err());
        assert!(check(&quota(2)).is_ok());
    }

    #[test]
    fn a_rule_that_its_reader_fails_on_has_no_visits() {
        for (bad, starts_at) in [
            ("FREQ=WEEKLY;BYDAY=土", "2026-03-07T14:00:00"),
            ("FREQ=WEEKLY;BYDAY=TU", "+262142-12-31T00:00:00"),
            ("FREQ=YEARLY;BYWEEKNO=10;WKST=SU", "-262143-01-01T00:00:00"),
        ] {
            assert_eq!(expanded(rule(bad, starts_at, "Europe/Paris"), "2026-03-01", "2026-04-30"), []);
            assert!(check(&rule(bad, starts_at, "Europe/Paris")).is_err(), "{bad}");
        }
        let weekly = rule("FREQ=WEEKLY;BYDAY=SA", "2026-03-07T14:00:00", "Europe/Paris");
        assert_eq!(expanded(weekly, &Day::MIN.to_string(), "2026-03-20").len(), 2);
    }

    #[test]
    fn a_daily_plan_has_its_visits_after_ten_years() {
        let daily = rule("FREQ=DAILY", "2014-01-01T14:00:00", "Europe/Paris");
        let visits = expanded(daily, "2014-01-01", "2026-12-31");
        assert_eq!(visits.len(), 13 * 365 + 3);
        assert_eq!(visits.last().map(|visit| visit.day), Some(day("2026-12-31")));
    }

    #[test]
    fn weeks_are_iso_weeks_and_months_are_calendar_months() {
        let weeks = periods(&QuotaPeriod::Week, day("2026-03-04"), day("2026-03-10"));
        assert_eq!(weeks, [(day("2026-03-02"), day("2026-03-08")), (day("2026-03-09"), day("2026-03-15"))]);
        assert!(weeks.iter().all(|(first, _)| first.weekday() == Weekday::Mon));
        let months = periods(&QuotaPeriod::Month, day("2026-01-31"), day("2026-02-01"));
        assert_eq!(months, [(day("2026-01-01"), day("2026-01-31")), (day("2026-02-01"), day("2026-02-28"))]);
    }

    #[test]
    fn a_schedule_survives_its_register() {
        let schedule = rule("FREQ=WEEKLY", "2026-03-07T14:00:00", "Europe/Paris");
        let text = crate::json::to_text(&schedule).unwrap();
        assert_eq!(
            text,
            r#"{"kind":"rule","rule":"FREQ=WEEKLY","starts_at":"2026-03-07T14:00:00","zone":"Europe/Paris"}"#
        );
        assert_eq!(crate::json::from_text::<Schedule>(&text), Some(schedule));
    }
}
