//! Time and zones: the clock that is given at open, and wall time made exact.
//!
//! Plans keep local wall time and a zone; facts keep instants in UTC and a zone; civil dates stay dates. Nothing here
//! reads a clock except [`SystemClock`].

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Duration, LocalResult, NaiveDate, NaiveDateTime, TimeZone, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC.
pub type Instant = DateTime<Utc>;
/// A civil date, without zone.
pub type Day = NaiveDate;
/// What a clock on the wall shows, without zone.
pub type WallTime = NaiveDateTime;

/// Where a store gets the time from. Called with no lock held.
pub trait Clock: Send + Sync {
    /// The time now. An error leaves the command undone.
    fn now(&self) -> Result<Instant, ClockFailed>;
}

/// The app's clock failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the clock gave no time")]
pub struct ClockFailed;

/// The device's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Result<Instant, ClockFailed> {
        Ok(Utc::now())
    }
}

/// An IANA time zone, such as `Europe/Paris`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(chrono_tz::Tz);

/// The text is not the name of an IANA time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an IANA time zone")]
pub struct UnknownZone;

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(chrono_tz::UTC);

    /// The IANA name.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// The civil date at this moment in this zone.
    pub fn day_of(&self, at: Instant) -> Day {
        at.with_timezone(&self.0).date_naive()
    }

    /// What a clock on the wall shows at this moment in this zone.
    pub fn wall_time_of(&self, at: Instant) -> WallTime {
        at.with_timezone(&self.0).naive_local()
    }

    /// The moment at which a clock on the wall shows this time.
    ///
    /// A time that occurs twice, when clocks go back, is its first occurrence; a time that is skipped, when they go
    /// forward, is that much after the gap's beginning (RFC 5545 §3.3.5).
    pub fn instant_of(&self, wall: WallTime) -> Instant {
        match self.0.from_local_datetime(&wall) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.to_utc(),
            LocalResult::None => {
                let before = wall - Duration::hours(3);
                match self.0.from_local_datetime(&before).earliest() {
                    Some(at) => at.to_utc() + Duration::hours(3),
                    None => Utc.from_utc_datetime(&wall),
                }
            }
        }
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;
    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        name.parse().map(Self).map_err(|_| UnknownZone)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// The instant of a number of unix seconds; the epoch itself for what no calendar can hold.
pub fn from_unix(seconds: i64) -> Instant {
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paris() -> Zone {
        "Europe/Paris".parse().unwrap()
    }

    fn wall(text: &str) -> WallTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_skipped_wall_time_moves_past_the_gap() {
        let at = paris().instant_of(wall("2026-03-29T02:30:00"));
        assert_eq!(at.to_rfc3339(), "2026-03-29T01:30:00+00:00");
        assert_eq!(paris().wall_time_of(at), wall("2026-03-29T03:30:00"));
    }

    #[test]
    fn a_repeated_wall_time_is_its_first_occurrence() {
        let at = paris().instant_of(wall("2026-10-25T02:30:00"));
        assert_eq!(at.to_rfc3339(), "2026-10-25T00:30:00+00:00");
    }

    #[test]
    fn a_zone_is_an_iana_name() {
        assert_eq!("Europe/Atlantis".parse::<Zone>(), Err(UnknownZone));
        assert_eq!(paris().to_string(), "Europe/Paris");
    }
}
