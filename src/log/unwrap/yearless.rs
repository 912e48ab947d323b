//! Times without a year and a zone, as most syslog daemons write them: `Nov 24 06:24:50`.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

/// How far the clock that wrote a time may be ahead of ours.
const AHEAD: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// How many years are tried: the 29th of February occurs within eight.
const YEARS: i16 = 8;

/// Finds the year of each time of a log.
#[derive(Debug, Clone)]
pub struct Yearless {
    zone: TimeZone,
    /// The time after which nothing was written.
    end: DateTime,
    /// The last time that was read, and its text: many entries fall within the same second.
    last: Option<(Vec<u8>, DateTime, Timestamp)>,
}

impl Yearless {
    /// Creates a finder for a log that was written in this zone, and last at this time.
    pub fn new(zone: TimeZone, written: Timestamp) -> Yearless {
        let end = written.checked_add(AHEAD).unwrap_or(written).to_zoned(zone.clone()).datetime();
        Yearless { zone, end, last: None }
    }

    /// Returns the finder for another log of the same kind.
    pub fn fresh(&self) -> Yearless {
        Yearless { last: None, ..self.clone() }
    }

    /// Returns the instant of a time; `None` if it is not one. The first time of a log is of the latest year in which it is not
    /// after the log's end, and each further one of the year in which it is nearest to the one before.
    pub fn instant(&mut self, text: &[u8]) -> Option<Timestamp> {
        if let Some((seen, _, at)) = &self.last
            && seen == text
        {
            return Some(*at);
        }
        let read = strtime::parse("%b %e %H:%M:%S", text).ok()?;
        let (month, day) = (read.month()?, read.day()?);
        let time = Time::new(read.hour()?, read.minute()?, read.second()?, 0).ok()?;
        let in_year = |year| Some(Date::new(year, month, day).ok()?.to_datetime(time));
        let year = self.end.year();
        let by_end = || (year - YEARS..=year).rev().filter_map(in_year).find(|at| *at <= self.end);
        let civil = match &self.last {
            Some((_, before, _)) => {
                let near = (before.year() - 1..=before.year() + 1).filter_map(in_year);
                near.min_by_key(|at| at.duration_since(*before).abs()).or_else(by_end)?
            }
            None => by_end()?,
        };
        let at = self.zone.to_timestamp(civil).ok()?;
        self.last = Some((text.to_vec(), civil, at));
        Some(at)
    }

    /// Returns what readers of the log should know, with its name in front.
    pub fn remark(&self, name: &str) -> String {
        let zone = self.zone.iana_name().unwrap_or("this machine's time zone");
        let year = self.last.as_ref().map_or(self.end.year(), |(_, civil, _)| civil.year());
        format!(
            "{name}: syslog wrote times without year and time zone; they are read as {year}, {zone} (--timezone)"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(zone: &str, written: &str, times: &[&str]) -> Vec<String> {
        let mut all = Yearless::new(TimeZone::get(zone).unwrap(), written.parse().unwrap());
        let at = |text: &&str| all.instant(text.as_bytes()).map_or("none".to_owned(), |at| at.to_string());
        times.iter().map(at).collect()
    }

    #[test]
    fn a_year_is_counted_back_from_the_end_and_then_follows_the_time_before() {
        let utc = |written, times: &[&str]| read("UTC", written, times);
        assert_eq!(
            utc("2026-01-02T10:00:00Z", &["Dec 31 23:59:59", "Jan  1 00:00:01", "Jan  2 09:00:00"]),
            ["2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z", "2026-01-02T09:00:00Z"]
        );
        // An entry may be late, and a log that is followed goes on after the time at which reading began.
        assert_eq!(
            utc("2026-12-30T10:00:00Z", &["Dec 30 10:00:00", "Jan  3 00:00:00", "Dec 31 23:59:59"]),
            ["2026-12-30T10:00:00Z", "2027-01-03T00:00:00Z", "2026-12-31T23:59:59Z"]
        );
        // The clock of another machine may be ahead, but not by days.
        assert_eq!(utc("2026-11-24T06:00:00Z", &["Nov 25 05:00:00"]), ["2026-11-25T05:00:00Z"]);
        assert_eq!(utc("2026-11-24T06:00:00Z", &["Nov 26 05:00:00"]), ["2025-11-26T05:00:00Z"]);
        assert_eq!(utc("2026-12-31T20:00:00Z", &["Jan  1 03:00:00"]), ["2027-01-01T03:00:00Z"]);
        assert_eq!(
            utc("2027-01-01T00:00:00Z", &["Feb 29 00:00:00", "Mar  1 00:00:00", "Feb 29 00:00:01"]),
            ["2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z", "2024-02-29T00:00:01Z"]
        );
        assert_eq!(utc("2026-11-24T06:00:00Z", &["Nov 31 05:00:00", "Nov 24 25:00:00", "x"]), ["none"; 3]);
    }

    #[test]
    fn the_zone_is_the_given_one() {
        assert_eq!(
            read("Europe/Berlin", "2026-11-24T06:00:00Z", &["Jul  1 12:00:00", "Nov 24 06:24:50"]),
            ["2026-07-01T10:00:00Z", "2026-11-24T05:24:50Z"]
        );
    }
}
