//! The times of a log: a date, a time of day and the abbreviation of a time zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use crate::error::{Error, Result};

/// Turns a log's times into instants. An abbreviation is asked for once.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The zone that the log is written in, where it is known.
    zone: Option<TimeZone>,
    known: Vec<(Vec<u8>, Offset)>,
}

impl Clock {
    /// For a log of this zone (`log_timezone`). Errors: there is no such zone (64).
    pub fn named(zone: &str) -> Result<Clock> {
        let zone = TimeZone::get(zone).map_err(|e| {
            Error::usage(format!("{zone:?} is no time zone"))
                .caused_by(e)
                .hint("write it as in Europe/Berlin or UTC")
        })?;
        Ok(Clock { zone: Some(zone), known: Vec::new() })
    }

    /// For a log of nobody knows where: of this machine's zone, if the abbreviations say so.
    pub fn local() -> Clock {
        Clock { zone: TimeZone::try_system().ok(), known: Vec::new() }
    }

    /// The instant of `2026-11-24 06:24:50.123 CET`; `None` where this is no time.
    ///
    /// Errors: an abbreviation that may mean anything (65).
    pub fn instant(&mut self, text: &[u8]) -> Result<Option<Timestamp>> {
        let Some((civil, zone)) = split(text) else { return Ok(None) };
        let offset = match self.known.iter().find(|(name, _)| name == zone) {
            Some((_, offset)) => *offset,
            None => {
                let offset = self.offset(zone, civil)?;
                self.known.push((zone.to_vec(), offset));
                offset
            }
        };
        Ok(offset.to_timestamp(civil).ok())
    }

    fn offset(&self, zone: &[u8], civil: DateTime) -> Result<Offset> {
        let name = String::from_utf8_lossy(zone);
        if matches!(zone, b"UTC" | b"GMT" | b"Z" | b"UCT") {
            return Ok(Offset::UTC);
        }
        if let Some(offset) = numeric(&name) {
            return Ok(offset);
        }
        // The two offsets that a zone has around a date are those of its summer and its winter.
        if let Some(tz) = &self.zone {
            for days in [0, 90, 180, 270] {
                let near = civil.checked_add(jiff::Span::new().days(days)).unwrap_or(civil);
                let Ok(instant) = tz.to_timestamp(near) else { continue };
                let info = tz.to_offset_info(instant);
                if info.abbreviation().as_bytes() == zone {
                    return Ok(info.offset());
                }
            }
        }
        Err(Error::data(format!("the log's times are in {name:?}, which can mean several time zones"))
            .hint("say which one it is: --timezone Europe/Berlin"))
    }
}

/// `+02`, `-0330`: what the server prints where a zone has no abbreviation.
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

/// Date and time of day, and the zone's abbreviation.
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
    Some((civil.ok()?, &text[end + 1..]))
}

/// Does this begin like a time of a log: `2026-11-24 06:24:50`?
pub fn looks_like_time(text: &[u8]) -> bool {
    text.len() > 20
        && text[..19].iter().zip(b"0000-00-00 00:00:00").all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_any_zone_become_instants() {
        let mut berlin = Clock::named("Europe/Berlin").unwrap();
        let mut at = |text: &str| berlin.instant(text.as_bytes()).unwrap().map(|t| t.to_string());
        assert_eq!(at("2026-11-24 06:24:50.123 CET").as_deref(), Some("2026-11-24T05:24:50.123Z"));
        assert_eq!(at("2026-07-01 00:00:00 CEST").as_deref(), Some("2026-06-30T22:00:00Z"));
        // The hour that comes twice: the abbreviation tells which.
        assert_eq!(at("2026-10-25 02:30:00 CEST").as_deref(), Some("2026-10-25T00:30:00Z"));
        assert_eq!(at("2026-10-25 02:30:00 CET").as_deref(), Some("2026-10-25T01:30:00Z"));
        assert_eq!(at("2026-10-25 02:30:00.001 -0330").as_deref(), Some("2026-10-25T06:00:00.001Z"));
        assert_eq!(at("2026-10-25 02:30:00 +05").as_deref(), Some("2026-10-24T21:30:00Z"));
        assert_eq!(at("2026-13-25 02:30:00 UTC"), None);
        assert_eq!(at("yesterday"), None);
        let error = Clock::named("UTC").unwrap().instant(b"2026-11-24 06:24:50 IST").unwrap_err();
        assert_eq!(error.exit, crate::error::Exit::Data);
        assert!(Clock::named("Mars/Olympus").is_err());
    }
}
