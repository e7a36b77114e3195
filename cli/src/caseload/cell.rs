//! One value of a row, or why it is none: dates as ISO 8601, codes as they are stored, times by the clocks of a zone.

use std::str::FromStr;

use caseplan_core::time::{Day, Instant, WallTime, Zone};
use chrono::{DateTime, NaiveTime};

use super::rows::{Cell, Row};
use crate::args;

/// Why a row was refused, in a few words.
pub type Why = String;

impl Row {
    /// A column's one text; nothing if its cell is empty.
    pub fn text(&self, column: &str) -> Result<Option<&str>, Why> {
        match self.cells.get(column) {
            None => Ok(None),
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::List(_)) => Err(format!("{column}: a list, where one value is meant")),
        }
    }

    /// The same, owned.
    pub fn owned(&self, column: &str) -> Result<Option<String>, Why> {
        Ok(self.text(column)?.map(str::to_owned))
    }

    /// A text that must be there.
    pub fn need(&self, column: &str) -> Result<&str, Why> {
        self.text(column)?.ok_or_else(|| format!("{column} is empty"))
    }

    /// The texts of a column that can hold several.
    pub fn texts(&self, column: &str) -> Vec<&str> {
        self.cells.get(column).map(Cell::values).unwrap_or_default()
    }

    /// A civil date.
    pub fn day(&self, column: &str) -> Result<Option<Day>, Why> {
        self.parsed(column, "a date such as 2026-03-07", |text| text.parse().ok())
    }

    /// A time of day.
    pub fn clock(&self, column: &str) -> Result<Option<NaiveTime>, Why> {
        self.parsed(column, "a time such as 14:30", clock)
    }

    /// A local date and time.
    pub fn wall_time(&self, column: &str) -> Result<Option<WallTime>, Why> {
        self.parsed(column, "a local time such as 2026-03-07T14:00", wall_time)
    }

    /// A moment: with its offset, or by the clocks of a zone.
    pub fn instant(&self, column: &str, zone: Zone) -> Result<Option<Instant>, Why> {
        self.parsed(column, "a moment such as 2026-03-07T14:00 or 2026-03-07T13:00:00Z", |text| {
            let exact = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).ok();
            exact.or_else(|| wall_time(text).map(|wall| zone.instant_of(wall)))
        })
    }

    /// A whole number.
    pub fn number(&self, column: &str) -> Result<Option<u32>, Why> {
        self.parsed(column, "a whole number", |text| text.parse().ok())
    }

    /// An IANA zone.
    pub fn zone(&self, own: Zone) -> Result<Zone, Why> {
        Ok(self.parsed("zone", "an IANA zone such as Europe/Paris", |text| text.parse().ok())?.unwrap_or(own))
    }

    /// A worker's id.
    pub fn id<T: FromStr>(&self, column: &str) -> Result<Option<T>, Why> {
        self.parsed(column, "a worker's id", |text| text.parse().ok())
    }

    /// A coded value that this version knows.
    pub fn code<T>(&self, column: &str, codes: &[&str], read: fn(&str) -> T) -> Result<Option<T>, Why> {
        self.text(column)?.map(|text| code(column, text, codes, read)).transpose()
    }

    fn parsed<T>(
        &self,
        column: &str,
        meant: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Why> {
        let Some(text) = self.text(column)? else { return Ok(None) };
        read(text).map(Some).ok_or_else(|| format!("{column}: {text:?} is not {meant}"))
    }
}

/// One coded value.
pub fn code<T>(column: &str, text: &str, codes: &[&str], read: fn(&str) -> T) -> Result<T, Why> {
    if codes.contains(&text) {
        return Ok(read(text));
    }
    Err(format!("{column}: {text:?} is none of {}", codes.join(", ")))
}

fn clock(text: &str) -> Option<NaiveTime> {
    ["%H:%M", "%H:%M:%S"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok())
}

fn wall_time(text: &str) -> Option<WallTime> {
    args::wall_time(&text.replacen(' ', "T", 1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(column: &str, text: &str) -> Row {
        Row { at: 1, cells: [(column.to_owned(), Cell::Text(text.to_owned()))].into() }
    }

    #[test]
    fn a_moment_is_exact_or_by_the_clocks_of_the_zone() {
        let paris: Zone = "Europe/Paris".parse().unwrap();
        for text in ["2026-03-29T01:30:00Z", "2026-03-29T03:30:00+02:00", "2026-03-29 03:30"] {
            let at = row("recorded_at", text).instant("recorded_at", paris).unwrap().unwrap();
            assert_eq!(at.to_rfc3339(), "2026-03-29T01:30:00+00:00", "{text}");
        }
    }

    #[test]
    fn what_could_be_read_two_ways_is_refused_with_what_was_meant() {
        let why = row("born", "07/03/2019").day("born").unwrap_err();
        assert_eq!(why, "born: \"07/03/2019\" is not a date such as 2026-03-07");
        assert!(row("start", "2 pm").clock("start").is_err());
        assert!(row("minutes", "1,5").number("minutes").is_err());
        let why = row("role", "mum").code("role", &["parent", "child"], str::to_owned).unwrap_err();
        assert_eq!(why, "role: \"mum\" is none of parent, child");
    }
}
