//! The record of what was switched on. It is kept on the server, in the same place as the setting itself, so that
//! any machine can restore exactly what was there. This module has no side effects: it computes what to write and
//! what to restore from what was found.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The name of the setting that holds the record, beside the settings themselves.
pub const KEY: &str = "pgkit.log";

/// The settings that pgkit switches, and the only ones that a record may name.
pub const SETTINGS: [&str; 2] = ["log_statement", "log_min_duration_statement"];

/// The version of the record's format.
const VERSION: u32 = 1;

/// The settings in one place, by name. A setting that is not set there is missing.
pub type Values = BTreeMap<String, String>;

/// What pgkit did to one setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The value that pgkit set.
    pub set: String,
    /// The value in this place before; `None` if there was none.
    pub was: Option<String>,
}

/// A period of logging. Sessions that began in it may still log after its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The time of switching on.
    pub since: Timestamp,
    /// The time of switching off.
    pub off: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchRecord {
    version: u32,
    /// The ID of the `log on` that made this record; each has its own.
    pub id: String,
    /// Who did it: the role, the user and the machine.
    pub by: String,
    /// The time of switching on, by the server's clock.
    pub since: Timestamp,
    /// When it ends, by the server's clock; `None` if it never ends by itself.
    pub until: Option<Timestamp>,
    /// By how many bytes the log may grow in the meantime.
    pub max_bytes: Option<u64>,
    /// The changes. If empty, everything has been restored, and only `lingering` still matters.
    pub settings: BTreeMap<String, Change>,
    /// Earlier periods from which there may be sessions that still log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lingering: Vec<Period>,
}

/// What is to be switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRequest {
    /// The ID of this `log on`.
    pub id: String,
    /// Who asks for it.
    pub by: String,
    /// The settings with the values that they are to have.
    pub settings: Values,
    /// When it is to end.
    pub until: Option<Timestamp>,
    /// By how many bytes the log may grow.
    pub max_bytes: Option<u64>,
}

/// What to do with one setting to restore it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restore {
    /// Restore this value; `None` means to remove the setting.
    Put(Option<String>),
    /// It is restored already.
    Done,
    /// It has been changed by someone else since: this is the present value, which is never overwritten silently.
    Changed(Option<String>),
}

impl SwitchRecord {
    /// Parses a record. `place` is for messages.
    ///
    /// Errors: bad data (65). That includes a record that names any setting except those that pgkit switches: such
    /// a record is not pgkit's.
    pub fn parse(text: &str, place: &str) -> Result<SwitchRecord> {
        let bad = |why: String| {
            Error::data(format!("{place}: this pgkit cannot read the record {KEY}"))
                .caused_by(why)
                .hint(format!("show it with SHOW {KEY}; remove it with ALTER … RESET {KEY}, and fix log_statement by hand"))
        };
        let note: SwitchRecord = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        if note.version != VERSION {
            return Err(bad(format!("its version is {}, but this pgkit knows only {VERSION}", note.version)));
        }
        if let Some(name) = note.settings.keys().find(|name| !SETTINGS.contains(&name.as_str())) {
            return Err(bad(format!("it names the setting {name:?}, which pgkit never changes")));
        }
        Ok(note)
    }

    /// Returns the record as it is stored: one line of ASCII, so that it means the same in a database of any
    /// encoding.
    pub fn print(&self) -> Result<String> {
        let json = serde_json::to_string(self)
            .map_err(|e| Error::bug("could not write a record as JSON").caused_by(e))?;
        let mut out = String::with_capacity(json.len());
        for c in json.chars() {
            if c.is_ascii() {
                out.push(c);
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
        Ok(out)
    }

    /// Returns whether anything is still switched on.
    pub fn is_on(&self) -> bool {
        !self.settings.is_empty()
    }

    /// Returns whether its time is over.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.is_on() && self.until.is_some_and(|until| until <= now)
    }

    /// Returns the record after this request. The values from before the first `log on` are never lost.
    pub fn on(
        old: Option<&SwitchRecord>,
        found: &Values,
        request: &LogRequest,
        now: Timestamp,
    ) -> SwitchRecord {
        let mut settings = old.map(|note| note.settings.clone()).unwrap_or_default();
        for (name, value) in &request.settings {
            let was = match settings.get(name) {
                Some(change) => change.was.clone(),
                None => found.get(name).cloned(),
            };
            settings.insert(name.clone(), Change { set: value.clone(), was });
        }
        let since = old.filter(|note| note.is_on()).map_or(now, |note| note.since);
        SwitchRecord {
            version: VERSION,
            id: request.id.clone(),
            by: request.by.clone(),
            since,
            until: request.until,
            max_bytes: request.max_bytes,
            settings,
            lingering: old.map(|note| note.lingering.clone()).unwrap_or_default(),
        }
    }

    /// Returns what to do to restore everything, by setting.
    pub fn restore(&self, found: &Values) -> BTreeMap<String, Restore> {
        let one = |name: &String, change: &Change| {
            let found = found.get(name);
            if found == change.was.as_ref() {
                Restore::Done
            } else if found == Some(&change.set) {
                Restore::Put(change.was.clone())
            } else {
                Restore::Changed(found.cloned())
            }
        };
        self.settings.iter().map(|(name, change)| (name.clone(), one(name, change))).collect()
    }

    /// Returns the record after everything was restored, which is kept while there are sessions that began in the
    /// meantime.
    pub fn off(&self, now: Timestamp) -> SwitchRecord {
        let mut note = self.clone();
        if self.is_on() {
            note.lingering.push(Period { since: self.since, off: now });
        }
        note.settings.clear();
        note.until = None;
        note.max_bytes = None;
        note
    }

    /// Returns whether a session that began at this time may have taken settings that are switched off now.
    pub fn may_linger(&self, began: Timestamp) -> bool {
        self.lingering.iter().any(|period| period.since <= began && began <= period.off)
    }
}

/// The SQL that gives a session all existing records and the time by the server's clock; for [`overdue`].
pub const RECORDS: &str = include_str!("../queries/log/overdue.sql");

/// Returns a warning to show after connecting if settings should have been switched back by now. `records` are the
/// server's records, one per line, and `now` is its clock, in seconds since 1970.
pub fn overdue(records: &str, now: f64) -> Option<String> {
    let now = Timestamp::from_millisecond((now * 1e3) as i64).ok()?;
    let mut notes: Vec<SwitchRecord> =
        records.lines().filter_map(|text| SwitchRecord::parse(text, "").ok()).collect();
    notes.retain(|note| note.is_overdue(now));
    // The record of the session's own database is found in two ways.
    notes.sort_by(|a, b| (a.since, &a.id).cmp(&(b.since, &b.id)));
    notes.dedup_by(|a, b| a.id == b.id);
    let note = notes.first()?;
    let settings: Vec<String> =
        note.settings.iter().map(|(name, change)| format!("{name} = {}", change.set)).collect();
    let more = if notes.len() > 1 { format!(" (and {} more)", notes.len() - 1) } else { String::new() };
    Some(format!(
        "WARNING: {} was switched on by {} at {}, should have ended at {}, and is still on{more}: end it with pgkit log off",
        settings.join(", "),
        note.by,
        minute(note.since),
        note.until.map(minute).unwrap_or_default(),
    ))
}

/// Formats a time for messages.
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn values(list: &[(&str, &str)]) -> Values {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn request(id: &str, list: &[(&str, &str)]) -> LogRequest {
        LogRequest {
            id: id.into(),
            by: "me".into(),
            settings: values(list),
            until: Some(at(600)),
            max_bytes: None,
        }
    }

    #[test]
    fn the_original_value_survives_any_number_of_switchings_on() {
        let mut found = values(&[("log_statement", "ddl")]);
        let first = SwitchRecord::on(None, &found, &request("a", &[("log_statement", "all")]), at(0));
        found.insert("log_statement".into(), "all".into());
        let second =
            SwitchRecord::on(Some(&first), &found, &request("b", &[("log_statement", "mod")]), at(10));
        assert_eq!(second.settings["log_statement"], Change { set: "mod".into(), was: Some("ddl".into()) });
        assert_eq!((second.since, second.id.as_str()), (at(0), "b"));
        let third = SwitchRecord::on(
            Some(&second),
            &found,
            &request("c", &[("log_min_duration_statement", "0")]),
            at(20),
        );
        assert_eq!(third.settings["log_statement"].was, Some("ddl".into()));
        assert_eq!(third.settings["log_min_duration_statement"].was, None);
    }

    #[test]
    fn only_what_pgkit_set_is_put_back() {
        let note = SwitchRecord::on(None, &values(&[]), &request("a", &[("log_statement", "all")]), at(0));
        let restore = |found: &[(&str, &str)]| note.restore(&values(found))["log_statement"].clone();
        assert_eq!(restore(&[("log_statement", "all")]), Restore::Put(None));
        assert_eq!(restore(&[]), Restore::Done);
        assert_eq!(restore(&[("log_statement", "ddl")]), Restore::Changed(Some("ddl".into())));
        let note = SwitchRecord::on(
            None,
            &values(&[("log_statement", "mod")]),
            &request("a", &[("log_statement", "all")]),
            at(0),
        );
        assert_eq!(note.restore(&values(&[]))["log_statement"], Restore::Changed(None));
    }

    #[test]
    fn a_record_reads_back_and_is_plain_ascii() {
        let mut note =
            SwitchRecord::on(None, &values(&[]), &request("a", &[("log_statement", "all")]), at(0));
        note.by = "Jürgen \"🐘\" o'Neil\\".into();
        let text = note.print().unwrap();
        assert!(text.is_ascii() && !text.contains('\n'), "{text}");
        assert_eq!(SwitchRecord::parse(&text, "here").unwrap(), note);
    }

    #[test]
    fn a_record_that_names_another_setting_is_refused() {
        let note = SwitchRecord::on(None, &values(&[]), &request("a", &[("log_statement", "all")]), at(0));
        let text = note.print().unwrap();
        for bad in [
            text.replace("log_statement", "archive_command"),
            text.replace("\"version\":1", "\"version\":2"),
            text.replace("\"by\"", "\"bye\""),
            "{}".to_owned(),
            "x".to_owned(),
        ] {
            assert_eq!(
                SwitchRecord::parse(&bad, "here").unwrap_err().exit,
                crate::error::Exit::BadInput,
                "{bad}"
            );
        }
    }

    #[test]
    fn sessions_begun_meanwhile_are_known_after_the_end() {
        let note = SwitchRecord::on(None, &values(&[]), &request("a", &[("log_statement", "all")]), at(100));
        assert!(!note.may_linger(at(150)), "it is on: everybody logs");
        let off = note.off(at(200));
        assert!(!off.is_on() && off.may_linger(at(150)));
        assert!(!off.may_linger(at(99)) && !off.may_linger(at(201)));
        let again =
            SwitchRecord::on(Some(&off), &values(&[]), &request("b", &[("log_statement", "all")]), at(300));
        assert!(again.may_linger(at(150)) && again.settings["log_statement"].was.is_none());
        assert_eq!(again.off(at(400)).lingering.len(), 2);
        let text = note.print().unwrap();
        assert!(overdue(&text, 599.0).is_none() && overdue(&off.print().unwrap(), 9e9).is_none());
        assert!(overdue(&text, 601.0).unwrap().contains("log_statement = all was switched on by me at 1970"));
        assert!(overdue("", 0.0).is_none() && overdue("no record", 9e9).is_none());
        let twice = overdue(&format!("{text}\n{text}"), 601.0).unwrap();
        assert!(!twice.contains("more"), "{twice}");
        assert!(note.is_overdue(at(600)) && !note.is_overdue(at(599)) && !off.is_overdue(at(1000)));
    }
}
