//! The `[[check]]` tables of a header: what is wrong if a row of the report's answer is so.

use std::borrow::Cow;

use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::conditions::{Conditions, Looked, Name, Texts, parse_number};
use crate::escape::shell_word;
use crate::render::human;
use crate::rows::Column;
use crate::rows::cell::Cell;
use crate::rows::plain::plain;
use crate::sql::{quote_ident, quote_literal};

/// Columns whose numbers are names, so that their digits are not grouped.
const NAMES: &[&str] = &["pid", "leader", "port", "oid", "query_id", "line", "version"];

/// A text with columns in braces. `{name:ident}` and `{name:literal}` quote the value for SQL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sentence(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The name as it is written, what it stands for, and how its value is written.
    Value(String, Name, Quoting),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    /// For people, by the unit of the column.
    Plain,
    Ident,
    Literal,
}

impl Sentence {
    /// Parses a text on rows with these columns. The error says what is wrong.
    pub fn parse(text: &str, columns: &[Column]) -> Result<Sentence, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (inside, after) =
                after.split_once('}').ok_or_else(|| format!("missing closing brace in {text:?}"))?;
            let (name, quoting) = match inside.split_once(':') {
                None => (inside, Quoting::Plain),
                Some((name, "ident")) => (name, Quoting::Ident),
                Some((name, "literal")) => (name, Quoting::Literal),
                Some((_, other)) => {
                    return Err(format!("invalid {other:?} in {text:?}: must be ident or literal"));
                }
            };
            let found =
                Name::find(name, columns).ok_or_else(|| format!("unknown column {name:?} in {text:?}"))?;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(Piece::Value(name.to_owned(), found, quoting));
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Sentence(pieces))
    }

    /// Returns the text for a row. A value that is not known is `?` for people, and NULL for SQL.
    pub fn fill(&self, row: &Looked<'_>) -> String {
        self.fill_with(row, |written, quoting, cell| match quoting {
            Quoting::Plain => for_people(written, cell),
            Quoting::Ident => quote_ident(&plain(cell)),
            Quoting::Literal if *cell == Cell::Null => "NULL".to_owned(),
            Quoting::Literal => quote_literal(&plain(cell)),
        })
    }

    /// Returns the command line for a row. Each value is part of a word, whatever its characters mean to a shell;
    /// `{name:ident}` is the pattern that matches only this name.
    pub fn fill_command(&self, row: &Looked<'_>) -> String {
        self.fill_with(row, |_, quoting, cell| {
            let value = plain(cell);
            let value = match quoting {
                Quoting::Ident => format!("\"{}\"", value.replace('"', "\"\"")).into(),
                Quoting::Plain | Quoting::Literal => value,
            };
            shell_word(&value).into_owned()
        })
    }

    fn fill_with(&self, row: &Looked<'_>, shown: impl Fn(&str, Quoting, &Cell<'_>) -> String) -> String {
        let filled = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => Cow::Borrowed(text.as_str()),
            Piece::Value(written, name, quoting) => {
                let cell = name.cell(row).unwrap_or(Cell::Null);
                Cow::Owned(shown(written, *quoting, &cell))
            }
        });
        filled.collect()
    }

    /// Returns whether it names a column that needs an earlier answer.
    pub fn uses_earlier(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Value(_, name, _) if name.needs_earlier()))
    }
}

/// Returns a value of this column as a sentence shows it.
pub fn for_people(column: &str, cell: &Cell<'_>) -> String {
    // In a table a change has a sign; in a sentence it is a number as any other.
    let column = column.strip_prefix("change_").unwrap_or(column);
    match cell {
        Cell::Null => "?".to_owned(),
        Cell::Int(number)
            if !NAMES.contains(&column) && !column.ends_with("_s") && !column.ends_with("_ms") =>
        {
            let shown = human::show(column, cell, &TimeZone::UTC);
            // One that has a unit is short.
            if *shown == number.to_string() { grouped(&shown) } else { shown.into_owned() }
        }
        Cell::Float(number) if human::short_name(column) == column => {
            let digits = if number.abs() >= 100.0 { 0 } else { 2 };
            let text = format!("{number:.digits$}");
            let text = if digits > 0 { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            grouped(text)
        }
        cell => {
            let scale = if column.ends_with("_ms") { 1e3 } else { 1.0 };
            let days = cell.as_float().map_or(0.0, |number| number / scale / 86_400.0);
            let is_long = (column.ends_with("_s") || column.ends_with("_ms")) && days >= 2.0;
            match is_long {
                true if days < 10.0 => format!("{days:.1} days"),
                true => format!("{days:.0} days"),
                false => human::show(column, cell, &TimeZone::UTC).into_owned(),
            }
        }
    }
}

/// Returns a number with a comma between each three digits before its decimal point.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(a, b)| (a, Some(b)));
    if whole.len() < 5 {
        return number.to_owned();
    }
    let mut out = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// What a check needs to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optional {
    /// A matter of style in a schema: `--lint`.
    Lint,
    /// It reads the data: `--deep`.
    Deep,
}

/// A check as TOML writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCheck {
    name: String,
    #[serde(default)]
    object: String,
    value: Option<String>,
    database: Option<String>,
    only: Option<Texts>,
    critical: Option<Texts>,
    warning: Option<Texts>,
    note: Option<Texts>,
    unseen: Option<Texts>,
    unseen_because: Option<String>,
    finding: String,
    remedy: Option<String>,
    proof: Option<String>,
    why: String,
    source: String,
    #[serde(default)]
    ignore: String,
    optional: Option<Optional>,
    samples: Option<u32>,
    #[serde(default)]
    elsewhere: bool,
    least: Option<String>,
}

/// A check: which rows of an answer are a finding, and how severe it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its name, which is unique unless several tables are about the same.
    pub name: String,
    /// The object of a finding.
    pub object: Sentence,
    /// The column that the limits are about.
    pub value: Option<usize>,
    /// The column with the database's name, in an answer about the server.
    pub database: Option<usize>,
    /// The rows that it judges, if not all.
    pub only: Option<Conditions>,
    /// The rows of which each is critical.
    pub critical: Conditions,
    /// The rows of which each is a warning, unless it is critical.
    pub warning: Conditions,
    /// The rows of which each is a note, unless it is worse.
    pub note: Conditions,
    /// The rows that could not be looked at.
    pub unseen: Conditions,
    /// Why they could not be looked at.
    pub unseen_because: Sentence,
    /// What is wrong, in one sentence.
    pub finding: Sentence,
    /// A statement, a setting, or what else to do.
    pub remedy: Option<Sentence>,
    /// The command that shows the rows.
    pub proof: Option<Sentence>,
    /// Why it matters.
    pub why: String,
    /// Where the rule and its limits are from.
    pub source: String,
    /// When to ignore it.
    pub ignore: String,
    /// What it needs to be asked for.
    pub optional: Option<Optional>,
    /// In how many of several samples it must hold.
    pub samples: Option<u32>,
    /// Whether it can only be seen from the server's own machine, so that it is no fault if it is not.
    pub elsewhere: bool,
    /// The least value of the rows that the statement returns, if it leaves out those below.
    pub least: Option<f64>,
    /// Its conditions as the header writes them, by severity, for people.
    pub written: Vec<(&'static str, Vec<String>)>,
}

impl Check {
    /// Returns whether none of its conditions can hold without an earlier answer.
    pub fn needs_earlier(&self) -> bool {
        [&self.critical, &self.warning, &self.note].iter().all(|conditions| conditions.need_earlier())
    }

    /// Returns whether it is about one moment: it never looks at an earlier answer.
    pub fn is_about_one_moment(&self) -> bool {
        let all = [&self.critical, &self.warning, &self.note, &self.unseen];
        let only = self.only.iter();
        !all.into_iter().chain(only).any(Conditions::use_earlier) && !self.finding.uses_earlier()
    }
}

impl RawCheck {
    /// Checks what a header says against the columns of its report. The error says what is wrong with which check.
    pub(super) fn checked(self, columns: &[Column]) -> Result<Check, String> {
        let blame = |why: String| format!("check {:?}: {why}", self.name);
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.name.is_empty() || !self.name.chars().all(is_name) {
            return Err(format!("check {:?}: the name must consist of a to z, 0 to 9 and -", self.name));
        }
        let column = |key: &str, name: &Option<String>| match name {
            None => Ok(None),
            Some(name) => match columns.iter().position(|column| column.name == *name) {
                Some(at) => Ok(Some(at)),
                None => Err(blame(format!("{key}: unknown column {name:?}"))),
            },
        };
        let conditions = |key: &str, texts: &Option<Texts>| {
            let list = texts.as_ref().map(Texts::list).unwrap_or_default();
            Conditions::parse(list, columns).map_err(|why| blame(format!("{key}: {why}")))
        };
        let sentence = |key: &str, text: &str| {
            Sentence::parse(text, columns).map_err(|why| blame(format!("{key}: {why}")))
        };
        let optional =
            |key: &str, text: &Option<String>| text.as_deref().map(|text| sentence(key, text)).transpose();
        let (critical, warning, note) = (
            conditions("critical", &self.critical)?,
            conditions("warning", &self.warning)?,
            conditions("note", &self.note)?,
        );
        if critical.is_empty() && warning.is_empty() && note.is_empty() {
            return Err(blame("it has no condition: critical, warning or note is missing".to_owned()));
        }
        if self.unseen.is_some() != self.unseen_because.is_some() {
            return Err(blame("unseen and unseen_because belong together".to_owned()));
        }
        let least = match (&self.least, &self.value) {
            (None, _) => None,
            (Some(least), Some(value)) => {
                Some(parse_number(least, value).map_err(|why| blame(format!("least: {why}")))?)
            }
            (Some(_), None) => return Err(blame("least can only be used with value".to_owned())),
        };
        let levels = [("critical", &self.critical), ("warning", &self.warning), ("note", &self.note)];
        let written = [("only", &self.only)].into_iter().chain(levels).chain([("unseen", &self.unseen)]);
        let written = written.filter_map(|(key, texts)| Some((key, texts.as_ref()?.list().to_vec())));
        Ok(Check {
            object: sentence("object", &self.object)?,
            value: column("value", &self.value)?,
            database: column("database", &self.database)?,
            only: self.only.is_some().then(|| conditions("only", &self.only)).transpose()?,
            critical,
            warning,
            note,
            unseen: conditions("unseen", &self.unseen)?,
            unseen_because: sentence("unseen_because", self.unseen_because.as_deref().unwrap_or_default())?,
            finding: sentence("finding", &self.finding)?,
            remedy: optional("remedy", &self.remedy)?,
            proof: optional("proof", &self.proof)?,
            elsewhere: self.elsewhere,
            least,
            written: written.collect(),
            name: self.name,
            why: self.why,
            source: self.source,
            ignore: self.ignore,
            optional: self.optional,
            samples: self.samples,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;

    fn filled(text: &str) -> Result<String, String> {
        let columns =
            rows::columns(&["name text", "size_bytes int8", "age int8", "pid int4", "share_pct float8"]);
        let cells = [
            Cell::Text("a \"b\" 'c'".into()),
            Cell::Int(12 << 20),
            Cell::Int(1_234_567_890),
            Cell::Int(123_456),
            Cell::Null,
        ];
        Sentence::parse(text, &columns)
            .map(|sentence| sentence.fill(&Looked { cells: &cells, earlier: None }))
    }

    #[test]
    fn a_sentence_shows_each_value_for_its_reader() {
        for (text, expected) in [
            ("no column", "no column"),
            ("{name} is {size_bytes}", "a \"b\" 'c' is 12 MB"),
            ("{age} of {pid}", "1,234,567,890 of 123456"),
            ("DROP {name:ident}", "DROP \"a \"\"b\"\" 'c'\""),
            ("SELECT {name:literal}, {share_pct:literal}", "SELECT 'a \"b\" ''c''', NULL"),
            ("{share_pct}", "?"),
        ] {
            assert_eq!(filled(text).unwrap(), expected);
        }
        assert_eq!(for_people("n", &Cell::Float(1234.56)), "1235");
        assert_eq!(for_people("n", &Cell::Float(0.5)), "0.5");
        assert_eq!(for_people("age_s", &Cell::Int(30 * 86_400)), "30 days");
        assert_eq!(for_people("age_s", &Cell::Float(3600.0)), "1h 00m");
        assert_eq!(for_people("change_n", &Cell::Float(12.0)), "12");
        assert_eq!(for_people("n", &Cell::Float(-12345.6)), "-12,346");
    }

    #[test]
    fn a_command_line_has_each_value_as_a_word() {
        let columns = rows::columns(&["schema text", "name text"]);
        let cells = [Cell::Text("it's".into()), Cell::Text("$(rm) `rm`\n".into())];
        let row = Looked { cells: &cells, earlier: None };
        let sentence =
            Sentence::parse("pgkit tables {schema:ident}.{name:ident} {schema}", &columns).unwrap();
        assert_eq!(
            sentence.fill_command(&row),
            "pgkit tables '\"it'\\''s\"'.$'\"$(rm) `rm`\\012\"' 'it'\\''s'"
        );
    }

    #[test]
    fn a_sentence_that_is_wrong_is_refused() {
        for text in ["{szies}", "{name", "{name:sql}"] {
            assert!(filled(text).is_err(), "{text}");
        }
    }
}
