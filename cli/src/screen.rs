//! What a person or a machine reads: lines, headings, tables, one JSON value; a progress bar on a terminal only.

use std::io::{IsTerminal, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// How wide tables may be where the terminal does not say.
const WIDTH: u16 = 116;
/// Columns up to so wide are not broken.
const UNBROKEN: u16 = 17;
/// How wide an id is.
const ID: u16 = 36;

/// Standard output.
pub struct Screen {
    /// Whether a read answers JSON.
    pub json: bool,
    bold: bool,
    width: u16,
}

impl Screen {
    /// The screen of this process.
    pub fn new(json: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = std::env::var("COLUMNS").ok().and_then(|width| width.parse().ok()).unwrap_or(WIDTH);
        Self { json, bold: std::io::stdout().is_terminal() && !plain, width: width.clamp(60, 200) }
    }

    /// One line, or several.
    pub fn line(&self, text: impl AsRef<str>) {
        // Whoever closed the pipe has read enough.
        let _ = writeln!(std::io::stdout(), "{}", text.as_ref());
    }

    /// A heading, set apart.
    pub fn heading(&self, text: &str) {
        let rule = "─".repeat(text.chars().count());
        if self.bold {
            self.line(format!("\n\u{1b}[1m{text}\u{1b}[0m\n{rule}"));
        } else {
            self.line(format!("\n{text}\n{rule}"));
        }
    }

    /// A table; one line instead when it has no rows.
    pub fn table<const N: usize>(&self, head: [&str; N], rows: Vec<[String; N]>, none: &str) {
        if rows.is_empty() {
            self.line(none);
            return;
        }
        let mut table = Table::new();
        table
            .load_preset("     ──            ")
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.width)
            .set_header(head);
        for row in rows {
            table.add_row(row);
        }
        let widths = table.column_max_content_widths();
        for (column, width) in table.column_iter_mut().zip(widths) {
            // Dates, codes, numbers and ids stay on one line; names and texts give way.
            if width <= UNBROKEN || width == ID {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        for line in table.lines() {
            self.line(line.trim_end());
        }
    }

    /// Name and value, one pair a line; further lines of a value stand below its first.
    pub fn pairs(&self, pairs: &[(&str, String)]) {
        let widest = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
            let value = value.replace('\n', &format!("\n{:1$}", "", widest + 3));
            self.line(format!(" {name:<widest$}  {value}"));
        }
    }

    /// A value for a machine.
    pub fn json(&self, value: &impl Serialize) {
        // The values are this crate's own and have text for keys.
        self.line(serde_json::to_string_pretty(value).unwrap_or_default());
    }

    /// A progress bar on standard error; nothing is drawn unless that is a terminal.
    pub fn bar(&self, what: &'static str, total: u64) -> ProgressBar {
        let target = if std::io::stderr().is_terminal() && !self.json {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        if let Ok(style) = ProgressStyle::with_template(" {msg} [{bar:40}] {pos}/{len}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.with_message(what)
    }
}
