//! Days, instants and zones on their way across; each becomes the platform's own type.
//!
//! What is written here can be read by `java.time` and by Swift for every value that chrono can hold: years beyond
//! four digits keep their sign, and a leap second becomes the last nanosecond of its minute.

use caseplan_core::time::Zone;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Timelike, Utc};

use crate::CaseplanError;

/// A moment, to the millisecond.
pub type Timestamp = DateTime<Utc>;

uniffi::custom_type!(Timestamp, i64, {
    remote,
    try_lift: |millis| match DateTime::from_timestamp_millis(millis) {
        Some(at) => Ok(at),
        None => Err(CaseplanError::not_a("timestamp").into()),
    },
    lower: |at| at.timestamp_millis(),
});

/// A day of the calendar, without a time or a zone.
pub type Day = NaiveDate;

uniffi::custom_type!(Day, String, {
    remote,
    try_lift: |text| match text.parse() {
        Ok(day) => Ok(day),
        Err(_) => Err(CaseplanError::not_a("day").into()),
    },
    lower: |day| day.to_string(),
});

/// A day and a time as read on a wall clock, without a zone.
pub type WallTime = NaiveDateTime;

uniffi::custom_type!(WallTime, String, {
    remote,
    try_lift: |text| match text.parse() {
        Ok(time) => Ok(time),
        Err(_) => Err(CaseplanError::not_a("wall time").into()),
    },
    lower: |time| without_leap_second(time).format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
});

uniffi::custom_type!(Zone, String, {
    remote,
    try_lift: |name| match name.parse() {
        Ok(zone) => Ok(zone),
        Err(_) => Err(CaseplanError::not_a("zone").into()),
    },
    lower: |zone| zone.name().to_owned(),
});

/// Neither `java.time` nor Swift reads `23:59:60`.
fn without_leap_second(time: NaiveDateTime) -> NaiveDateTime {
    if time.nanosecond() < 1_000_000_000 { time } else { time.with_nanosecond(999_999_999).unwrap_or(time) }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;

    use super::*;

    #[test]
    fn a_leap_second_is_written_as_the_last_nanosecond() {
        let leap = NaiveDate::from_ymd_opt(2016, 12, 31)
            .unwrap()
            .and_time(NaiveTime::from_hms_milli_opt(23, 59, 59, 1_500).unwrap());
        assert_eq!(without_leap_second(leap).to_string(), "2016-12-31 23:59:59.999999999");
    }

    #[test]
    fn a_wall_time_is_read_with_and_without_a_fraction() {
        for text in ["2026-03-07T14:00:00", "2026-03-07T14:00:00.5"] {
            assert!(text.parse::<WallTime>().is_ok(), "{text}");
        }
    }
}
