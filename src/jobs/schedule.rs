//! When a job runs, as written in the jobs file: in crontabber's own notation, on a grid, or in cron's five
//! fields.

use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Serialize};

/// A time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    pub hour: i8,
    pub minute: i8,
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

/// The unit of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Seconds, counted from the epoch.
    Second,
    /// Minutes, counted from the epoch.
    Minute,
    /// Hours, counted from the epoch.
    Hour,
    /// Days in the job's time zone, counted from Monday 1970-01-05.
    Day,
    /// Weeks in the job's time zone, counted from Monday 1970-01-05.
    Week,
}

impl Unit {
    /// Returns its length in seconds, if every day has 24 hours.
    pub const fn seconds(self) -> i64 {
        match self {
            Unit::Second => 1,
            Unit::Minute => 60,
            Unit::Hour => 3600,
            Unit::Day => 86_400,
            Unit::Week => 604_800,
        }
    }
}

/// When a job runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Schedule {
    /// `schedule = "1d|05:00"`: this long after the last run, exactly as in crontabber.
    Original {
        /// The frequency in seconds.
        every: i64,
        /// The time of day, in UTC.
        at: Option<At>,
    },
    /// `every = "1d"`, `at = "05:00"`: on a grid.
    Grid {
        /// How many units lie between two runs.
        every: i64,
        unit: Unit,
        /// The time of day in the job's time zone, for days and weeks.
        at: At,
        /// How far the grid is shifted.
        anchor: Duration,
    },
    /// `cron = "*/15 * * * *"`, in the job's time zone.
    Cron(#[serde(with = "cron_text")] Box<Cron>),
}

/// Serializes a cron pattern for a guard.
mod cron_text {
    use croner::Cron;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(cron: &Cron, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(cron.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<Cron>, D::Error> {
        match super::cron(&String::deserialize(from)?) {
            Ok(super::Schedule::Cron(cron)) => Ok(cron),
            Ok(_) => Err(serde::de::Error::custom("invalid cron pattern")),
            Err(why) => Err(serde::de::Error::custom(why)),
        }
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Schedule) -> bool {
        match (self, other) {
            (Schedule::Original { every: a, at: b }, Schedule::Original { every: c, at: d }) => {
                a == c && b == d
            }
            (
                Schedule::Grid { every: a, unit: b, at: c, anchor: d },
                Schedule::Grid { every: e, unit: f, at: g, anchor: h },
            ) => a == e && b == f && c == g && d == h,
            (Schedule::Cron(a), Schedule::Cron(b)) => a.pattern.to_string() == b.pattern.to_string(),
            _ => false,
        }
    }
}

/// The longest period, in seconds: with longer ones dates could leave the calendar.
const LONGEST: i64 = 3660 * 86_400;

/// Splits a text into the number it begins with and the rest.
fn number(text: &str) -> Result<(i64, &str), String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 0 {
        return Err(format!("{text:?} does not begin with a number"));
    }
    let number = text[..digits].parse::<i64>().map_err(|_| format!("{text:?} is too large"))?;
    Ok((number, &text[digits..]))
}

/// Parses `HH:MM`, with or without leading zeros.
pub fn at(text: &str) -> Result<At, String> {
    let why = || format!("invalid time of day {text:?}: must be HH:MM, from 00:00 to 23:59");
    let (hour, minute) = text.split_once(':').ok_or_else(why)?;
    let part =
        |text: &str, most: i8| text.parse::<i8>().ok().filter(|n| (0..=most).contains(n)).ok_or_else(why);
    Ok(At { hour: part(hour, 23)?, minute: part(minute, 59)? })
}

/// Parses crontabber's notation: `FREQ`, `FREQ|HH:MM` or `HH:MM`, where FREQ is a number of minutes, hours or
/// days. Refuses what the original accepts by accident (`1h30m`, `d1`, `0m`), and what makes it fail later.
pub fn original(text: &str) -> Result<Schedule, String> {
    let (frequency, time) = match text.split_once('|') {
        Some((frequency, time)) if !time.contains('|') => (frequency, Some(time).filter(|t| !t.is_empty())),
        Some(_) => return Err(format!("{text:?} has more than one |: must be FREQ|HH:MM")),
        None if text.contains(':') => ("1d", Some(text)),
        None => (text, None),
    };
    let (n, unit) = number(frequency)?;
    let unit = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        other => {
            return Err(format!("invalid unit {other:?}: must be m (minutes), h (hours) or d (days)"));
        }
    };
    let every = n.checked_mul(unit).filter(|every| *every <= LONGEST);
    let every = every.ok_or_else(|| format!("{frequency:?} is longer than ten years"))?;
    if every == 0 {
        return Err(format!("invalid frequency {frequency:?}: must be above 0"));
    }
    let at = time.map(at).transpose()?;
    if at.is_some() && every % 86_400 != 0 {
        return Err(format!(
            "{text:?}: a time of day can only be used with whole days, not with {frequency}"
        ));
    }
    Ok(Schedule::Original { every, at })
}

/// Parses a grid's frequency: `90s`, `5m`, `2h`, `1d` or `1w`.
pub fn every(text: &str) -> Result<(i64, Unit), String> {
    let (n, unit) = number(text)?;
    let unit = match unit {
        "s" => Unit::Second,
        "m" => Unit::Minute,
        "h" => Unit::Hour,
        "d" => Unit::Day,
        "w" => Unit::Week,
        other => return Err(format!("invalid unit {other:?}: must be s, m, h, d or w")),
    };
    if n == 0 {
        return Err(format!("invalid frequency {text:?}: must be above 0"));
    }
    if n.checked_mul(unit.seconds()).is_none_or(|all| all > LONGEST) {
        return Err(format!("{text:?} is longer than ten years"));
    }
    Ok((n, unit))
}

/// The five fields of cron: the name of each, and its smallest and largest value.
const FIELDS: [(&str, u32, u32); 5] =
    [("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7)];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The patterns that have names. Source: crontab(5) of Vixie cron, whose `@reboot` is no date.
const NAMED: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Parses POSIX's five fields, with steps (`*/15`) and the names of months and days, as every cron has them.
pub fn cron(text: &str) -> Result<Schedule, String> {
    let pattern = match text.trim() {
        name if name.starts_with('@') => {
            let known = NAMED.iter().find(|(known, _)| *known == name);
            let names = || NAMED.map(|(known, _)| known).join(", ");
            known.map(|(_, pattern)| *pattern).ok_or_else(|| {
                format!("invalid cron pattern {text:?}: must have five fields or be one of {}", names())
            })?
        }
        _ => text,
    };
    let text = pattern;
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!(
            "invalid cron pattern {text:?}: must have five fields: minute, hour, day of month, month, day of week"
        ));
    }
    for (field, (name, least, most)) in fields.iter().zip(FIELDS) {
        let is_known = |part: &str| match part.parse::<u32>() {
            Ok(n) => (least..=most).contains(&n),
            Err(_) => {
                let part = part.to_lowercase();
                (name == "month" && MONTHS.contains(&part.as_str()))
                    || (name == "day of week" && DAYS.contains(&part.as_str()))
            }
        };
        for item in field.split(',') {
            let (range, step) =
                item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
            let ends = range.split_once('-').map_or(vec![range], |(from, to)| vec![from, to]);
            let is_range = range == "*" || ends.len() == 2;
            let is_right = (range == "*" || ends.iter().all(|end| is_known(end)))
                && step.is_none_or(|step| is_range && step.parse::<u32>().is_ok_and(|step| step > 0));
            if !is_right {
                return Err(format!(
                    "invalid {name} {item:?}: must be {least} to {most}, a list, a range such as {least}-{most}, or */2"
                ));
            }
        }
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).build();
    let cron = parser.parse(text).map_err(|e| format!("invalid cron pattern {text:?}: {e}"))?;
    // A pattern occurs at least every four years, except around century years that are not leap years.
    let some_year = Zoned::new(Timestamp::UNIX_EPOCH, TimeZone::UTC);
    if cron.find_next_occurrence(&some_year, false).is_err() {
        return Err(format!("{text:?} never occurs"));
    }
    Ok(Schedule::Cron(Box::new(cron)))
}

/// Parses a length of time with its unit, including days and weeks: `90s`, `5m`, `12h`, `90d`.
pub fn length(text: &str) -> Result<Duration, String> {
    let whole = number(text).ok().and_then(|(n, unit)| match unit {
        "d" => n.checked_mul(86_400),
        "w" => n.checked_mul(604_800),
        _ => None,
    });
    if let Some(seconds) = whole.and_then(|s| u64::try_from(s).ok()) {
        return Ok(Duration::from_secs(seconds));
    }
    let parsed = jiff::SignedDuration::from_str(text).ok().and_then(|d| Duration::try_from(d).ok());
    parsed.ok_or_else(|| {
        format!("invalid duration {text:?}: must be a number with a unit, such as 30s, 5m, 12h or 90d")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crontabbers_notation_is_read_to_the_letter_and_its_accidents_are_refused() {
        let read = |text: &str| match original(text) {
            Ok(Schedule::Original { every, at }) => {
                format!("{every} {}", at.map_or("-".to_owned(), |at| at.to_string()))
            }
            Ok(other) => panic!("{other:?}"),
            Err(why) => why,
        };
        for (text, means) in [
            ("1d", "86400 -"),
            ("5m", "300 -"),
            ("12h", "43200 -"),
            ("1d|05:00", "86400 05:00"),
            ("7d|5:0", "604800 05:00"),
            ("48h|03:00", "172800 03:00"),
            ("03:00", "86400 03:00"),
            ("1d|", "86400 -"),
        ] {
            assert_eq!(read(text), means, "{text}");
        }
        for (text, why) in [
            ("1h30m", "invalid unit"),
            ("d1", "does not begin with a number"),
            ("0m", "must be above 0"),
            ("5", "invalid unit"),
            ("d", "does not begin"),
            ("", "does not begin"),
            ("3e", "invalid unit"),
            ("1D", "invalid unit"),
            (" 1d", "does not begin"),
            ("1s", "invalid unit"),
            ("1w", "invalid unit"),
            ("1d|25:00", "invalid time of day"),
            ("1d|-1:00", "invalid time of day"),
            ("1d|05:60", "invalid time of day"),
            ("1d|05:00|x", "more than one |"),
            ("1h|05:00", "whole days"),
            ("36h|05:00", "whole days"),
            ("999999999d", "longer than ten years"),
            ("99999999999999999999d", "too large"),
        ] {
            assert!(read(text).contains(why), "{text}: {}", read(text));
        }
    }

    #[test]
    fn grids_cron_and_lengths_are_read() {
        assert_eq!(every("90s"), Ok((90, Unit::Second)));
        assert_eq!(every("2w"), Ok((2, Unit::Week)));
        assert!(every("0d").is_err() && every("1y").is_err() && every("1.5h").is_err());
        assert!(cron("*/15 * * * *").is_ok() && cron("0 5 * * 7").is_ok());
        for good in ["0,30 8-18/2 * jan-mar mon-fri", "0 0 29 2 *", "5-59/10 * * * SUN", "0 0 1 1 7"] {
            assert!(cron(good).is_ok(), "{good}: {:?}", cron(good));
        }
        for (bad, why) in [
            ("* * * *", "five fields"),
            ("* * * * * *", "five fields"),
            ("", "five fields"),
            ("61 * * * *", "invalid minute \"61\": must be 0 to 59"),
            ("a * * * *", "invalid minute \"a\""),
            ("* 24 * * *", "invalid hour \"24\""),
            ("0 0 L * *", "invalid day of month \"L\""),
            ("0 0 15W * *", "day of month"),
            ("0 0 * * 5#2", "day of week"),
            ("0 0 ? * *", "day of month"),
            ("*/0 * * * *", "minute"),
            ("5/10 * * * *", "minute"),
            ("0 0 * mon *", "month"),
            ("1,,2 * * * *", "minute"),
            ("0 0 30 2 *", "never occurs"),
        ] {
            assert!(cron(bad).is_err_and(|told| told.contains(why)), "{bad}: {:?}", cron(bad));
        }
        assert_eq!(length("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert_eq!(length("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(length("1500ms"), Ok(Duration::from_millis(1500)));
        assert!(length("5").is_err() && length("-5m").is_err() && length("soon").is_err());
    }
}
