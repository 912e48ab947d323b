//! The date that a command line names, and what a run is asked to do.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use crate::error::{Error, Result};
use crate::jobs::job::Job;
use crate::jobs::occurrences::{Slots, instant_of};
use crate::jobs::schedule::{At, Schedule};

/// What is asked of a run that is only described and not carried out.
pub(super) enum RunRequest<'a> {
    /// Run what is due.
    Due,
    /// Run whether due or not.
    Forced,
    /// Run for this date, as the user wrote it; if `true`, even if it has already been done.
    Date(&'a str, bool),
}

/// Parses a date as a person types it, for this job. Errors: it is no valid date (64).
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
        // The job's first scheduled instant on that day, or else the beginning of the day.
        (Ok(day), _) if !text.contains(':') => {
            slots.of_day(day).or_else(|| instant_of(day.at(0, 0, 0, 0), &job.timezone))
        }
        (_, Schedule::Original { .. }) => {
            text.parse().ok().and_then(|civil: civil::DateTime| instant_of(civil, &TimeZone::UTC))
        }
        _ => text.parse().ok().and_then(|civil: civil::DateTime| instant_of(civil, &job.timezone)),
    };
    found.ok_or_else(|| {
        Error::usage(format!("--date: invalid date {text:?}"))
            .hint("use 2026-01-31, 2026-01-31T05:00, or 2026-01-31T05:00:00Z")
    })
}
