//! Reads times that have neither a year nor a time zone, as most syslog daemons write them: `Nov 24 06:24:50`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// How much later than the last change of its file a time may be, because the clock of the machine that wrote it may be ahead.
const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// How much earlier a time may be than the one in the line above it, because lines of several hosts or processes may be out of order.
const LATE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// When clocks are set back, an hour occurs twice. A time in it belongs to the second hour if it is more than this before the time
/// above it.
const REPEATED: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
/// How many years are tried. There is a 29th of February in any eight years.
const YEARS: i16 = 8;

/// Determines the year of each time of a log.
#[derive(Debug, Clone)]
pub struct Yearless {
    zone: TimeZone,
    /// The last change of the log, plus [`AHEAD`].
    end: DateTime,
    /// Whether the log is followed (`-f`): then there may be times after `end`.
    is_followed: bool,
    /// The last time that was read.
    last: Option<(DateTime, Timestamp)>,
    /// The text of the last time, if it had no year. It is not read twice, because many entries fall within the same second.
    text: Vec<u8>,
    /// The first and the last year that were determined.
    years: Option<(i16, i16)>,
}

impl Yearless {
    /// Creates a reader for a log in this time zone that was last written at `written`.
    pub fn new(zone: TimeZone, written: Timestamp, is_followed: bool) -> Yearless {
        let end = written.checked_add(AHEAD).unwrap_or(written).to_zoned(zone.clone()).datetime();
        Yearless { zone, end, is_followed, last: None, text: Vec::new(), years: None }
    }

    /// Returns a reader for the same log that has not read anything yet.
    pub fn fresh(&self) -> Yearless {
        Yearless { last: None, text: Vec::new(), years: None, ..self.clone() }
    }

    /// Takes a time that has a year, from the same log. The next times come after it.
    pub fn see(&mut self, at: Timestamp) {
        self.last = Some((at.to_zoned(self.zone.clone()).datetime(), at));
        self.text.clear();
    }

    /// Returns the instant of a time; `None` if it is not a time, or if its year cannot be determined. The first time of a log is in
    /// the latest year in which it is not after the log's end. Each later time is in the first year in which it is not before the time
    /// above it. Unless the log is followed, that must not be after the log's end either.
    pub fn instant(&mut self, text: &[u8]) -> Option<Timestamp> {
        if let Some((_, at)) = &self.last
            && self.text == text
        {
            return Some(*at);
        }
        let read = strtime::parse("%b %e %H:%M:%S", text).ok()?;
        let (month, day) = (read.month()?, read.day()?);
        let time = Time::new(read.hour()?, read.minute()?, read.second()?, 0).ok()?;
        let in_year = |year| Some(Date::new(year, month, day).ok()?.to_datetime(time));
        let civil = match self.last {
            None => {
                let year = self.end.year();
                (year - YEARS..=year).rev().filter_map(in_year).find(|at| *at <= self.end)?
            }
            Some((before, _)) => {
                let earliest = before.checked_sub(LATE).ok()?;
                let year = earliest.year();
                let next = (year..=year + YEARS).filter_map(in_year).find(|at| *at >= earliest)?;
                Some(next).filter(|at| self.is_followed || *at <= self.end)?
            }
        };
        let at = self.in_zone(civil)?;
        let year = civil.year();
        self.years = Some(self.years.map_or((year, year), |(first, last)| (first.min(year), last.max(year))));
        self.last = Some((civil, at));
        self.text.clear();
        self.text.extend_from_slice(text);
        Some(at)
    }

    /// Returns the instant of a time in the log's zone. In an hour that occurs twice, see [`REPEATED`].
    fn in_zone(&self, civil: DateTime) -> Option<Timestamp> {
        let either = self.zone.to_ambiguous_timestamp(civil);
        let first = either.earlier().ok()?;
        let is_again = self.last.is_some_and(|(_, before)| before.duration_since(first) > REPEATED);
        if either.is_ambiguous() && is_again { either.later().ok() } else { either.compatible().ok() }
    }

    /// Returns a remark for users if times without a year were read. It begins with `name`, the name of the log.
    pub fn remark(&self, name: &str) -> Option<String> {
        let zone = self.zone.iana_name().unwrap_or("this machine's time zone");
        let years = match self.years? {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first} to {last}"),
        };
        Some(format!(
            "{name}: syslog wrote times without year and time zone; they are read as {years}, {zone} (--timezone)"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in(zone: &str, written: &str, is_followed: bool, times: &[&str]) -> Vec<String> {
        let mut all = Yearless::new(TimeZone::get(zone).unwrap(), written.parse().unwrap(), is_followed);
        let at = |text: &&str| match text.parse::<Timestamp>() {
            Ok(full) => {
                all.see(full);
                "seen".to_owned()
            }
            Err(_) => all.instant(text.as_bytes()).map_or("none".to_owned(), |at| at.to_string()),
        };
        times.iter().map(at).collect()
    }

    #[test]
    fn a_year_is_counted_back_from_the_end_and_then_follows_the_time_before() {
        let utc = |written, times: &[&str]| read_in("UTC", written, false, times);
        assert_eq!(
            utc("2026-01-02T10:00:00Z", &["Dec 31 23:59:59", "Jan  1 00:00:01", "Jan  2 09:00:00"]),
            ["2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z", "2026-01-02T09:00:00Z"]
        );
        // An entry may be a little late, and there may be no entry for most of a year.
        assert_eq!(
            utc("2026-12-01T00:00:00Z", &["Jan  1 00:00:01", "Dec 31 23:59:59", "Nov 30 00:00:00"]),
            ["2026-01-01T00:00:01Z", "2025-12-31T23:59:59Z", "2026-11-30T00:00:00Z"]
        );
        // If a log covers more than a year, or is not in order, the years of some times cannot be determined.
        assert_eq!(
            utc("2026-12-01T00:00:00Z", &["Nov 24 00:00:00", "Mar  1 00:00:00", "Nov 30 00:00:00"]),
            ["2026-11-24T00:00:00Z", "none", "2026-11-30T00:00:00Z"]
        );
        // They can be if there is a time with a year before them.
        assert_eq!(
            utc("2026-12-01T00:00:00Z", &["2024-11-01T00:00:00Z", "Nov 24 00:00:00", "Mar  1 00:00:00"]),
            ["seen", "2024-11-24T00:00:00Z", "2025-03-01T00:00:00Z"]
        );
        // The clock of another machine may be ahead, but not by days.
        assert_eq!(utc("2026-11-24T06:00:00Z", &["Nov 25 05:00:00"]), ["2026-11-25T05:00:00Z"]);
        assert_eq!(utc("2026-11-24T06:00:00Z", &["Nov 26 05:00:00"]), ["2025-11-26T05:00:00Z"]);
        assert_eq!(utc("2026-12-31T20:00:00Z", &["Jan  1 03:00:00"]), ["2027-01-01T03:00:00Z"]);
        assert_eq!(
            utc("2027-01-01T00:00:00Z", &["Feb 29 00:00:00", "Mar  1 00:00:00", "Feb 29 00:00:01"]),
            ["2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z", "2024-02-29T00:00:01Z"]
        );
        assert_eq!(utc("2025-03-02T00:00:00Z", &["Feb 28 00:00:00", "Feb 29 00:00:00"])[1], "none");
        assert_eq!(utc("2026-11-24T06:00:00Z", &["Nov 31 05:00:00", "Nov 24 25:00:00", "x"]), ["none"; 3]);
    }

    #[test]
    fn a_log_that_is_followed_goes_on_into_the_next_year() {
        assert_eq!(
            read_in("UTC", "2026-12-30T10:00:00Z", true, &["Dec 30 10:00:00", "Jan  3 00:00:00"]),
            ["2026-12-30T10:00:00Z", "2027-01-03T00:00:00Z"]
        );
    }

    #[test]
    fn the_zone_is_the_given_one_and_an_hour_can_occur_twice() {
        let berlin = |times: &[&str]| read_in("Europe/Berlin", "2026-11-24T06:00:00Z", false, times);
        assert_eq!(
            berlin(&["Jul  1 12:00:00", "Nov 24 06:24:50"]),
            ["2026-07-01T10:00:00Z", "2026-11-24T05:24:50Z"]
        );
        assert_eq!(
            berlin(&[
                "Oct 25 02:50:00",
                "Oct 25 02:49:59",
                "Oct 25 02:05:00",
                "Oct 25 02:55:00",
                "Oct 25 03:00:00"
            ]),
            [
                "2026-10-25T00:50:00Z",
                "2026-10-25T00:49:59Z",
                "2026-10-25T01:05:00Z",
                "2026-10-25T01:55:00Z",
                "2026-10-25T02:00:00Z"
            ]
        );
    }
}
