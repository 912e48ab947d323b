//! The times of a log: a date, a time of day and the abbreviation of a time zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::error::{Error, Result};

/// Turns a log's times into instants. Each abbreviation is looked up only once.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The zone that the log is written in, if it is known.
    zone: Option<TimeZone>,
    known: Vec<(Vec<u8>, Option<Offset>)>,
    /// Whether the times are needed, so that an ambiguous one is an error.
    needed: bool,
    /// The last second that was looked up, with its zone, and its instant: many entries fall within the same
    /// second.
    last: (Vec<u8>, Option<Timestamp>),
}

/// The result of reading a log's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    /// This instant.
    At(Timestamp),
    /// A time whose zone is not known.
    Somewhere,
    /// Not a time.
    None,
}

impl Instant {
    /// Returns the instant, if it is known.
    pub fn known(self) -> Option<Timestamp> {
        match self {
            Instant::At(at) => Some(at),
            Instant::Somewhere | Instant::None => None,
        }
    }
}

impl Clock {
    fn new(zone: Option<TimeZone>) -> Clock {
        Clock { zone, known: Vec::new(), needed: true, last: (Vec::new(), None) }
    }

    /// Creates the clock for a log in this zone (`log_timezone`). Errors: there is no such zone (64).
    pub fn named(zone: &str) -> Result<Clock> {
        let zone = TimeZone::get(zone).map_err(|e| {
            Error::usage(format!("invalid time zone {zone:?}"))
                .caused_by(e)
                .hint("use a name such as Europe/Berlin or UTC")
        })?;
        Ok(Clock::new(Some(zone)))
    }

    /// Creates the clock for a log of unknown origin: it uses this machine's zone, if the abbreviations match that.
    pub fn local() -> Clock {
        Clock::new(TimeZone::try_system().ok())
    }

    /// Declares the times unneeded, so that an ambiguous one is not an error.
    pub fn unneeded(mut self) -> Clock {
        self.needed = false;
        self
    }

    /// Returns the zone in which users give times for this log.
    pub fn zone(&self) -> TimeZone {
        self.zone.clone().unwrap_or(TimeZone::UTC)
    }

    /// Returns the instant of `2026-11-24 06:24:50.123 CET`.
    ///
    /// Errors: the times are needed, and an abbreviation is ambiguous (65).
    pub fn instant(&mut self, text: &[u8]) -> Result<Instant> {
        let (millis, zone) = match text.get(19) {
            Some(b'.') if text.len() > 24 => {
                (text[20..23].iter().fold(0i64, |n, d| n * 10 + i64::from(d.wrapping_sub(b'0'))), 23)
            }
            _ => (0, 19),
        };
        if let (seen, Some(at)) = &self.last
            && text.len() > 20
            && seen.len() == 19 + text.len() - zone
            && seen[..19] == text[..19]
            && seen[19..] == text[zone..]
            && (0..1000).contains(&millis)
        {
            let at = at.checked_add(jiff::SignedDuration::from_millis(millis));
            return Ok(at.map_or(Instant::None, Instant::At));
        }
        let read = self.look_up(text)?;
        if let Instant::At(at) = read
            && let Ok(second) = at.checked_sub(jiff::SignedDuration::from_millis(millis))
        {
            self.last.0.clear();
            self.last.0.extend_from_slice(&text[..19]);
            self.last.0.extend_from_slice(&text[zone..]);
            self.last.1 = Some(second);
        }
        Ok(read)
    }

    fn look_up(&mut self, text: &[u8]) -> Result<Instant> {
        let Some((civil, zone)) = split(text) else { return Ok(Instant::None) };
        let offset = match self.known.iter().find(|(name, _)| name == zone) {
            Some((_, offset)) => *offset,
            None => {
                let offset = self.offset(zone, civil);
                self.known.push((zone.to_vec(), offset));
                offset
            }
        };
        match offset {
            Some(offset) => Ok(offset.to_timestamp(civil).map_or(Instant::None, Instant::At)),
            None if self.needed => Err(Error::data(format!(
                "the log's times are in {:?}, which is ambiguous",
                String::from_utf8_lossy(zone)
            ))
            .hint("give the time zone, for example --timezone Europe/Berlin")),
            None => Ok(Instant::Somewhere),
        }
    }

    fn offset(&self, zone: &[u8], civil: DateTime) -> Option<Offset> {
        let name = String::from_utf8_lossy(zone);
        if matches!(zone, b"UTC" | b"GMT" | b"Z" | b"UCT") {
            return Some(Offset::UTC);
        }
        if let Some(offset) = numeric(&name) {
            return Some(offset);
        }
        if let Some(offset) = self.zone.as_ref().and_then(|tz| abbreviated(tz, &name, civil)) {
            return Some(offset);
        }
        // If all zones with such an abbreviation mean the same by it, so does the log.
        let mut offsets = jiff::tz::db()
            .available()
            .filter_map(|zone| TimeZone::get(zone.as_str()).ok())
            .filter_map(|tz| abbreviated(&tz, &name, civil));
        let first = offsets.next()?;
        offsets.all(|other| other == first).then_some(first)
    }
}

/// Returns the offset that a zone means by an abbreviation. Around any date a zone has two offsets, for its summer
/// and its winter.
fn abbreviated(zone: &TimeZone, name: &str, civil: DateTime) -> Option<Offset> {
    [0, 90, 180, 270].into_iter().find_map(|days| {
        let near = civil.checked_add(jiff::Span::new().days(days)).unwrap_or(civil);
        let instant = zone.to_timestamp(near).ok()?;
        let info = zone.to_offset_info(instant);
        (info.abbreviation() == name).then(|| info.offset())
    })
}

/// Parses a time as users write it: `2026-11-24`, `2026-11-24 06:24:50`, with a zone as in RFC 3339, or `10m` for
/// ten minutes ago.
///
/// Errors: it is none of these (the text says what is right).
pub fn parse_moment(text: &str, zone: &TimeZone, now: Timestamp) -> std::result::Result<Timestamp, String> {
    let wrong = || {
        format!(
            "invalid time {text:?}: must be 2026-11-24, 2026-11-24 06:24:50, 2026-11-24T06:24:50Z, or 10m for ten minutes ago"
        )
    };
    let words = text.trim().trim_end_matches("ago").trim();
    if let Ok(instant) = words.parse::<Timestamp>() {
        return Ok(instant);
    }
    if let Ok(civil) = words.parse::<DateTime>() {
        return zone.to_timestamp(civil).map_err(|_| wrong());
    }
    // This is PostgreSQL's form: a blank before the zone, or an offset in hours.
    if let Instant::At(instant) = (Clock { needed: false, ..Clock::new(Some(zone.clone())) })
        .instant(words.as_bytes())
        .unwrap_or(Instant::None)
    {
        return Ok(instant);
    }
    if let Some((before, offset)) = words.len().checked_sub(3).and_then(|at| words.split_at_checked(at))
        && let (Ok(civil), Some(offset)) = (before.parse::<DateTime>(), numeric(offset))
    {
        return offset.to_timestamp(civil).map_err(|_| wrong());
    }
    if words.contains(':')
        && let Ok(time) = words.parse::<jiff::civil::Time>()
    {
        let today = now.to_zoned(zone.clone()).date().to_datetime(time);
        return zone.to_timestamp(today).map_err(|_| wrong());
    }
    let ago: jiff::SignedDuration = words.parse().map_err(|_| wrong())?;
    if ago.is_negative() {
        return Err(wrong());
    }
    now.checked_sub(ago).map_err(|_| wrong())
}

/// Parses `+02` or `-0330`, which the server prints if a zone has no abbreviation.
fn numeric(name: &str) -> Option<Offset> {
    let (sign, digits) = match name.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// Splits a time into date and time of day, and the zone's abbreviation.
fn split(text: &[u8]) -> Option<(DateTime, &[u8])> {
    // YYYY-MM-DD HH:MM:SS, perhaps .mmm, a blank, the zone.
    let number = |from: usize, len: usize| -> Option<i16> {
        let digits = text.get(from..from + len)?;
        digits.iter().try_fold(0i16, |n, d| d.is_ascii_digit().then(|| n * 10 + i16::from(d - b'0')))
    };
    let mark = |at: usize, byte: u8| text.get(at) == Some(&byte);
    if !(mark(4, b'-') && mark(7, b'-') && mark(10, b' ') && mark(13, b':') && mark(16, b':')) {
        return None;
    }
    let small = |from: usize| i8::try_from(number(from, 2)?).ok();
    let (millis, end) = if mark(19, b'.') { (number(20, 3)?, 23) } else { (0, 19) };
    if !mark(end, b' ') || text.len() == end + 1 {
        return None;
    }
    let civil = DateTime::new(
        number(0, 4)?,
        small(5)?,
        small(8)?,
        small(11)?,
        small(14)?,
        small(17)?,
        i32::from(millis) * 1_000_000,
    );
    // If an entry was cut off within its time, the next one may follow directly.
    let zone = &text[end + 1..];
    let is_name = zone.iter().all(|b| b.is_ascii_alphanumeric() || b"+-:".contains(b));
    Some((civil.ok()?, zone)).filter(|_| is_name)
}

/// Returns whether a text begins like a log's time: `2026-11-24 06:24:50`.
pub fn looks_like_time(text: &[u8]) -> bool {
    let Some(text) = text.first_chunk::<21>() else { return false };
    // Compares eight bytes at once; the last eight begin within the hour and overlap the previous ones.
    let eight =
        |at: usize, like: &[u8; 8]| text[at..].first_chunk().is_some_and(|bytes| is_like(*bytes, like));
    eight(0, b"0000-00-") && eight(8, b"00 00:00") && eight(11, b"00:00:00")
}

/// Returns whether the bytes equal `like`, in which a zero matches any digit.
fn is_like(bytes: [u8; 8], like: &[u8; 8]) -> bool {
    // The bits in which a digit differs from zero are the digit's value; adding six overflows these four bits if it
    // is above nine.
    let digits = like.map(|b| if b == b'0' { 0x0F } else { 0 });
    let differs = u64::from_le_bytes(bytes) ^ u64::from_le_bytes(*like);
    let six = u64::from_le_bytes(digits) & 0x0606_0606_0606_0606;
    differs & !u64::from_le_bytes(digits) == 0 && (differs + six) & 0xF0F0_F0F0_F0F0_F0F0 == 0
}

/// Returns whether all of this is a log's time: `2026-11-24 06:24:50.123 CET`.
pub fn is_time(text: &[u8]) -> bool {
    split(text).is_some_and(|(_, zone)| {
        let name = zone.len() <= 6 && zone.iter().all(u8::is_ascii_alphabetic);
        name || std::str::from_utf8(zone).is_ok_and(|zone| numeric(zone).is_some())
    })
}

/// Returns a log's time in seconds, ignoring the zone, for comparing times of one log.
pub fn seconds(text: &[u8]) -> Option<i64> {
    let (civil, _) = split(text)?;
    Offset::UTC.to_timestamp(civil).ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_any_zone_become_instants() {
        let mut berlin = Clock::named("Europe/Berlin").unwrap();
        let mut at = |text: &str| berlin.instant(text.as_bytes()).unwrap().known().map(|t| t.to_string());
        assert_eq!(at("2026-11-24 06:24:50.123 CET").as_deref(), Some("2026-11-24T05:24:50.123Z"));
        assert_eq!(at("2026-07-01 00:00:00 CEST").as_deref(), Some("2026-06-30T22:00:00Z"));
        // In the hour that occurs twice, the abbreviation says which one it is.
        assert_eq!(at("2026-10-25 02:30:00 CEST").as_deref(), Some("2026-10-25T00:30:00Z"));
        assert_eq!(at("2026-10-25 02:30:00 CET").as_deref(), Some("2026-10-25T01:30:00Z"));
        assert_eq!(at("2026-10-25 02:30:00.001 -0330").as_deref(), Some("2026-10-25T06:00:00.001Z"));
        assert_eq!(at("2026-10-25 02:30:00 +05").as_deref(), Some("2026-10-24T21:30:00Z"));
        assert_eq!(at("2026-13-25 02:30:00 UTC"), None);
        assert_eq!(at("yesterday"), None);
        let error = Clock::named("UTC").unwrap().instant(b"2026-11-24 06:24:50 IST").unwrap_err();
        assert_eq!(error.exit, crate::error::Exit::BadInput);
        assert!(Clock::named("Mars/Olympus").is_err());
        let elsewhere = Clock::named("UTC").unwrap().unneeded().instant(b"2026-11-24 06:24:50 IST").unwrap();
        assert_eq!(elsewhere, Instant::Somewhere);
    }

    #[test]
    fn an_abbreviation_that_means_one_thing_is_known() {
        let at = |text: &str| {
            Clock::named("UTC").unwrap().instant(text.as_bytes()).map(|at| at.known().unwrap().to_string())
        };
        for (text, is) in [
            ("2026-11-24 06:00:00 CET", "2026-11-24T05:00:00Z"),
            ("2026-07-24 06:00:00 CEST", "2026-07-24T04:00:00Z"),
            ("2026-07-24 06:00:00 MSK", "2026-07-24T03:00:00Z"),
            ("2026-07-24 06:00:00 JST", "2026-07-23T21:00:00Z"),
        ] {
            assert_eq!(at(text).unwrap(), is, "{text}");
        }
        for text in ["2026-07-24 06:00:00 IST", "2026-11-24 06:00:00 CST", "2026-11-24 06:00:00 XXT"] {
            assert!(at(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_is_written_in_many_ways() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let at = |text: &str| parse_moment(text, &zone, now).map(|at| at.to_string());
        for (text, is) in [
            ("2026-11-24", "2026-11-23T23:00:00Z"),
            ("2026-11-24 06:24", "2026-11-24T05:24:00Z"),
            ("2026-11-24 06:24:50", "2026-11-24T05:24:50Z"),
            ("2026-11-24T06:24:50.5", "2026-11-24T05:24:50.5Z"),
            ("2026-11-24 06:24:50.5+02", "2026-11-24T04:24:50.5Z"),
            ("2026-11-24 06:24:50.500 CET", "2026-11-24T05:24:50.5Z"),
            ("2026-11-24T06:24:50Z", "2026-11-24T06:24:50Z"),
            ("2026-11-24 06:24:50 UTC", "2026-11-24T06:24:50Z"),
            ("06:30", "2026-11-24T05:30:00Z"),
            ("10m", "2026-11-24T11:50:00Z"),
            ("1h30m ago", "2026-11-24T10:30:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(is), "{text}");
        }
        for wrong in ["yesterday", "", "10", "-5m", "2026-13-01"] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
