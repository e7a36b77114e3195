//! Checks of what people type, the same for every request.

use crate::error::{Error, Result};

/// A text of 1 to `max` characters without line breaks, trimmed.
pub fn line(field: &str, text: &str, max: usize) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid(field, "empty"));
    }
    if text.chars().count() > max {
        return Err(Error::invalid(field, "too_long"));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "format"));
    }
    Ok(text.to_owned())
}

/// The same, or nothing; a text of spaces is nothing.
pub fn optional_line(field: &str, text: Option<&str>, max: usize) -> Result<Option<String>> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => line(field, text, max).map(Some),
    }
}

/// A longer text, with line breaks, as it was typed.
pub fn prose(field: &str, text: &str, max: usize) -> Result<String> {
    if text.chars().count() > max { Err(Error::invalid(field, "too_long")) } else { Ok(text.to_owned()) }
}

/// The most characters of a name.
pub const NAME: usize = 200;
/// The most characters of a reference or code.
pub const REFERENCE: usize = 100;
/// The most characters of a reason, a place or a condition.
pub const REMARK: usize = 2_000;
/// The most characters of a narrative: with four bytes a character, within the limit of one change.
pub const NARRATIVE: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_trimmed_and_refused_by_reason() {
        assert_eq!(line("name", "  Léa ", 10).unwrap(), "Léa");
        for (text, reason) in [(" ", "empty"), ("xxxxx", "too_long"), ("a\nb", "format")] {
            assert_eq!(line("name", text, 4).unwrap_err(), Error::invalid("name", reason));
        }
        assert_eq!(optional_line("name", Some(" "), 4).unwrap(), None);
    }
}
