//! The date that a command line names.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use crate::error::{Error, Result};
use crate::jobs::job::Job;
use crate::jobs::schedule::{At, Schedule};
use crate::jobs::slots::{Slots, instant_of};

/// What somebody wishes of a run that is only to be told.
pub(super) enum Wish<'a> {
    /// What is due.
    Due,
    /// Whether due or not.
    Forced,
    /// For this date, as it was written; with `true` also where it was done.
    Date(&'a str, bool),
}

/// A date as somebody types it, for this job. Errors: it is none (64).
pub(super) fn parse_date(text: &str, job: &Job) -> Result<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let slots = Slots::new(&job.schedule, &job.timezone);
    let found = match (text.parse::<civil::Date>(), &job.schedule) {
        (Ok(day), Schedule::Original { at, .. }) if !text.contains(':') => {
            let At { hour, minute } = at.unwrap_or(At { hour: 0, minute: 0 });
            instant_of(day.at(hour, minute, 0, 0), &TimeZone::UTC)
        }
        // The day's own date, else its beginning.
        (Ok(day), _) if !text.contains(':') => {
            slots.of_day(day).or_else(|| instant_of(day.at(0, 0, 0, 0), &job.timezone))
        }
        (_, Schedule::Original { .. }) => {
            text.parse().ok().and_then(|civil: civil::DateTime| instant_of(civil, &TimeZone::UTC))
        }
        _ => text.parse().ok().and_then(|civil: civil::DateTime| instant_of(civil, &job.timezone)),
    };
    found.ok_or_else(|| {
        Error::usage(format!("--date: {text:?} is no date"))
            .hint("write 2026-01-31, 2026-01-31T05:00, or 2026-01-31T05:00:00Z")
    })
}
