//! The readable forms of raw numbers: this is the only place that turns 12582912 into 12 MB.

use std::borrow::Cow;

use humansize::{BaseUnit, FormatSizeOptions, ISizeFormatter, Kilo};
use jiff::tz::TimeZone;

use crate::rows::Column;
use crate::rows::cell::{self, Cell};
use crate::rows::diff::changed;
use crate::rows::plain::plain;
use crate::sql::{self, Reach};

/// The units that a column's name can carry.
const UNITS: &[&str] = &["_bytes", "_ms", "_s", "_pct"];

/// The columns whose texts are SQL to paste.
const SQL: &[&str] = &["remedy", "definition"];

/// Returns the unit at the end of a column's name, with its underscore.
fn unit(name: &str) -> Option<&'static str> {
    UNITS.iter().copied().find(|unit| name.len() > unit.len() && name.ends_with(unit))
}

/// Returns a column's name for users, without its unit.
pub fn short_name(name: &str) -> &str {
    unit(name).map_or(name, |unit| &name[..name.len() - unit.len()])
}

/// Returns a column's heading for users: its short name, or the full one if another column would have the same.
pub fn heading(columns: &[Column], index: usize) -> &str {
    let Some(column) = columns.get(index) else { return "" };
    let short = short_name(&column.name);
    let is_taken =
        columns.iter().enumerate().any(|(i, other)| i != index && short_name(&other.name) == short);
    if is_taken { &column.name } else { short }
}

/// Returns a size as pg_size_pretty writes it: units of 1024, named kB, MB, GB.
pub fn bytes(n: i64) -> String {
    let options = FormatSizeOptions::default()
        .base_unit(BaseUnit::Byte)
        .kilo(Kilo::Binary)
        .units(Kilo::Decimal)
        .decimal_places(usize::from(n.unsigned_abs() < 10 * 1024 * 1024 * 1024))
        .decimal_zeroes(0)
        .space_after_value(true);
    ISizeFormatter::new(n, options).to_string()
}

/// Returns a length of time in a suitable unit.
pub fn seconds(value: f64) -> String {
    // The value is rounded before it is split, so that no minute has 60 seconds.
    let parts = |unit: f64| {
        let whole = (value / unit).round();
        ((whole / 60.0).trunc(), whole.abs() % 60.0)
    };
    match value.abs() {
        0.0 => "0 s".to_owned(),
        s if s < 1e-3 => format!("{:.0} µs", value * 1e6),
        s if s < 0.01 => format!("{:.3} ms", value * 1e3),
        s if s < 0.1 => format!("{:.2} ms", value * 1e3),
        s if s < 0.9995 => format!("{:.0} ms", value * 1e3),
        s if s < 59.95 => format!("{value:.1} s"),
        s if s < 3599.5 => {
            let (minutes, seconds) = parts(1.0);
            format!("{minutes:.0}m {seconds:02.0}s")
        }
        _ => {
            let (hours, minutes) = parts(60.0);
            format!("{hours:.0}h {minutes:02.0}m")
        }
    }
}

/// What a bar beside a number compares it with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bar {
    /// The largest of the column.
    Size,
    /// The whole.
    Share,
}

/// Returns what the bar of a column with this name compares; `None` if it gets none.
pub fn bar(name: &str) -> Option<Bar> {
    match unit(name)? {
        "_bytes" => Some(Bar::Size),
        "_pct" => Some(Bar::Share),
        _ => None,
    }
}

/// Returns a cell of the column `name` in readable form, not yet made safe for a terminal. NULL is empty.
pub fn show<'a>(name: &str, cell: &'a Cell<'_>, zone: &TimeZone) -> Cow<'a, str> {
    let with_unit = match (unit(name), cell) {
        (Some("_bytes"), Cell::Int(n)) => Some(bytes(*n)),
        (Some("_ms"), cell) => cell.as_float().map(|ms| seconds(ms / 1e3)),
        (Some("_s"), cell) => cell.as_float().map(seconds),
        (Some("_pct"), cell) => cell.as_float().map(|pct| format!("{pct:.1} %")),
        _ => None,
    };
    if changed(name).is_some() && cell.as_float().is_some_and(|number| number > 0.0) {
        let text = with_unit.unwrap_or_else(|| plain(cell).into_owned());
        return Cow::Owned(format!("+{text}"));
    }
    match (with_unit, cell) {
        (Some(text), _) => Cow::Owned(text),
        // The escapes of a terminal would be part of a name if they were pasted.
        (None, Cell::Text(text)) if SQL.contains(&name) => match sql::harmless_line(text, Reach::Unicode) {
            Cow::Borrowed(_) => plain(cell),
            Cow::Owned(text) => Cow::Owned(text),
        },
        (None, Cell::Timestamp { micros, zoned }) => Cow::Owned(cell::local_timestamp(*micros, *zoned, zone)),
        (None, cell) => plain(cell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_in_the_name_tells_how_a_number_reads() {
        let show = |name: &str, cell: Cell<'_>| show(name, &cell, &TimeZone::UTC).into_owned();
        assert_eq!(show("total_bytes", Cell::Int(12_582_912)), "12 MB");
        assert_eq!(show("total_bytes", Cell::Int(14_724_538_368)), "14 GB");
        assert_eq!(show("total_bytes", Cell::Int(8192)), "8 kB");
        assert_eq!(show("total_bytes", Cell::Int(1_650_000)), "1.6 MB");
        assert_eq!(show("total_bytes", Cell::Null), "");
        assert_eq!(show("members", Cell::Int(12_582_912)), "12582912");
        assert_eq!(show("median_ms", Cell::Float(2.28)), "2.280 ms");
        assert_eq!(show("median_ms", Cell::Float(22.8)), "22.80 ms");
        assert_eq!(show("waiting_s", Cell::Float(0.0)), "0 s");
        assert_eq!(show("waiting_s", Cell::Float(0.809)), "809 ms");
        assert_eq!(show("waiting_s", Cell::Float(0.9996)), "1.0 s");
        assert_eq!(show("waiting_s", Cell::Int(75)), "1m 15s");
        assert_eq!(show("waiting_s", Cell::Float(59.94)), "59.9 s");
        assert_eq!(show("waiting_s", Cell::Float(59.96)), "1m 00s");
        assert_eq!(show("waiting_s", Cell::Float(119.6)), "2m 00s");
        assert_eq!(show("waiting_s", Cell::Float(3599.7)), "1h 00m");
        assert_eq!(show("waiting_s", Cell::Float(7195.0)), "2h 00m");
        assert_eq!(show("waiting_s", Cell::Float(-75.0)), "-1m 15s");
        assert_eq!(show("hit_pct", Cell::Float(99.54)), "99.5 %");
        assert_eq!(show("change_total_bytes", Cell::Int(12_582_912)), "+12 MB");
        assert_eq!(show("change_total_bytes", Cell::Int(-8192)), "-8 kB");
        assert_eq!(show("change_calls", Cell::Int(7)), "+7");
        assert_eq!(show("changes", Cell::Int(7)), "7");
        assert_eq!(short_name("total_bytes"), "total");
        assert_eq!(short_name("_bytes"), "_bytes");
        let columns =
            crate::rows::columns(&["pid int4", "statement_s float8", "statement", "read_bytes int8"]);
        let headings: Vec<&str> = (0..columns.len()).map(|i| heading(&columns, i)).collect();
        assert_eq!(headings, ["pid", "statement_s", "statement", "read"]);
    }

    #[test]
    fn what_is_to_be_pasted_has_escapes_of_sql_and_not_of_the_terminal() {
        let show = |name: &str, text: &str| {
            let cell = Cell::Text(text.into());
            show(name, &cell, &TimeZone::UTC).into_owned()
        };
        assert_eq!(show("remedy", "DROP INDEX public.\"x\ny\""), "DROP INDEX public.U&\"x\\000ay\"");
        // The name that the terminal's escape would stand for is another one.
        assert_eq!(show("remedy", "DROP INDEX public.\"x\\ny\""), "DROP INDEX public.\"x\\ny\"");
        assert_eq!(show("detail", "x\ny"), "x\ny");
    }
}
