//! Computes the instants at which a job with a grid or a cron pattern is to run. This is pure arithmetic.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp, Zoned};

use super::schedule::{At, Schedule, Unit};

/// The instants of a schedule in a job's time zone.
pub struct Slots<'a> {
    schedule: &'a Schedule,
    zone: &'a TimeZone,
}

/// The day that days and weeks are counted from: a Monday.
const FIRST_DAY: Date = jiff::civil::date(1970, 1, 5);

impl<'a> Slots<'a> {
    /// Creates the instants of this schedule in this time zone. A schedule in crontabber's notation has none.
    pub fn new(schedule: &'a Schedule, zone: &'a TimeZone) -> Slots<'a> {
        Slots { schedule, zone }
    }

    /// Returns an instant without its fraction of a second, which cron patterns do not have. With a fraction, croner is
    /// wrong within the last second before a clock change: it returns a previous occurrence that is in the future.
    fn second(&self, t: Timestamp) -> Option<Zoned> {
        Some(Timestamp::from_second(floor_second(t)).ok()?.to_zoned(self.zone.clone()))
    }

    /// Returns the first instant of the schedule after `t`.
    pub fn after(&self, t: Timestamp) -> Option<Timestamp> {
        match self.schedule {
            Schedule::Original { .. } => None,
            Schedule::Grid { every, unit, at, anchor } => match unit {
                Unit::Day | Unit::Week => self.day(t, *every, *unit, *at, anchor.as_secs(), Direction::After),
                _ => {
                    let (step, shift) = (every * unit.seconds(), i64::try_from(anchor.as_secs()).ok()?);
                    let second = floor_second(t);
                    Timestamp::from_second((second - shift).div_euclid(step) * step + step + shift).ok()
                }
            },
            Schedule::Cron(cron) => {
                let found = cron.find_next_occurrence(&self.second(t)?, false).ok()?;
                Some(found.timestamp())
            }
        }
    }

    /// Returns the last instant of the schedule that is not after `t`.
    pub fn before(&self, t: Timestamp) -> Option<Timestamp> {
        match self.schedule {
            Schedule::Original { .. } => None,
            Schedule::Grid { every, unit, at, anchor } => match unit {
                Unit::Day | Unit::Week => {
                    self.day(t, *every, *unit, *at, anchor.as_secs(), Direction::Before)
                }
                _ => {
                    let (step, shift) = (every * unit.seconds(), i64::try_from(anchor.as_secs()).ok()?);
                    Timestamp::from_second((floor_second(t) - shift).div_euclid(step) * step + shift).ok()
                }
            },
            Schedule::Cron(cron) => {
                let found = cron.find_previous_occurrence(&self.second(t)?, true).ok()?;
                Some(found.timestamp())
            }
        }
    }

    /// Returns the first instant of the schedule on this day; `None` if there is none.
    pub fn of_day(&self, date: Date) -> Option<Timestamp> {
        let midnight = instant_of(date.at(0, 0, 0, 0), self.zone)?;
        let first = self.after(midnight.checked_sub(SignedDuration::from_nanos(1)).ok()?)?;
        (first.to_zoned(self.zone.clone()).date() == date).then_some(first)
    }

    /// Returns whether `t` is an instant of the schedule.
    pub fn has(&self, t: Timestamp) -> bool {
        self.before(t) == Some(t)
    }

    /// Returns the time from `t` to the next instant of the schedule.
    pub fn period(&self, t: Timestamp) -> Option<SignedDuration> {
        Some(self.after(t)?.duration_since(t))
    }

    fn day(
        &self,
        t: Timestamp,
        every: i64,
        unit: Unit,
        at: At,
        anchor: u64,
        direction: Direction,
    ) -> Option<Timestamp> {
        let step = every * unit.seconds() / 86_400;
        let shift = i64::try_from(anchor / 86_400).ok()?;
        let today = t.to_zoned(self.zone.clone()).date();
        let days = i64::from(today.since(FIRST_DAY).ok()?.get_days());
        // Around a clock change a day's instant may fall on the date of a neighbouring day, so look at those too.
        let block = (days - shift).div_euclid(step);
        let mut found = None;
        for n in block - 1..=block + 2 {
            let date = FIRST_DAY.checked_add(Span::new().try_days(n * step + shift).ok()?).ok()?;
            let instant = instant(date, at, self.zone)?;
            match direction {
                Direction::After if instant > t => return Some(instant),
                Direction::Before if instant <= t => found = Some(instant),
                _ => {}
            }
        }
        found
    }
}

#[derive(Clone, Copy)]
enum Direction {
    After,
    Before,
}

/// Returns the whole second that an instant is in.
fn floor_second(t: Timestamp) -> i64 {
    t.as_nanosecond().div_euclid(1_000_000_000) as i64
}

/// Returns the instant of a date and a time of day: the first valid one if the clocks skip it, and the earlier one
/// if it occurs twice.
fn instant(date: Date, at: At, zone: &TimeZone) -> Option<Timestamp> {
    instant_of(date.at(at.hour, at.minute, 0, 0), zone)
}

/// Returns the instant of a date and time as a person writes it, by the same rule as `instant`.
pub fn instant_of(civil: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { before, .. } => {
            // Interpreted with the old offset, the instant lies after the clock change.
            let behind = before.to_timestamp(civil).ok()?;
            let change = zone.preceding(behind.checked_add(SignedDuration::from_nanos(1)).ok()?).next()?;
            Some(change.timestamp())
        }
        _ => ambiguous.earlier().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::schedule::cron;

    fn grid(every: i64, unit: Unit, at: (i8, i8), anchor: u64) -> Schedule {
        let at = At { hour: at.0, minute: at.1 };
        Schedule::Grid { every, unit, at, anchor: std::time::Duration::from_secs(anchor) }
    }

    fn t(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Returns the next instants after this one.
    fn next(schedule: &Schedule, zone: &str, from: &str, count: usize) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let slots = Slots::new(schedule, &zone);
        let mut at = t(from);
        (0..count)
            .map(|_| {
                at = slots.after(at).unwrap();
                at.to_string()
            })
            .collect()
    }

    #[test]
    fn minutes_and_hours_stand_on_the_epochs_grid() {
        let five = grid(5, Unit::Minute, (0, 0), 0);
        assert_eq!(
            next(&five, "UTC", "2026-01-01T00:02:03Z", 2),
            ["2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"]
        );
        assert_eq!(next(&five, "UTC", "2026-01-01T00:05:00Z", 1), ["2026-01-01T00:10:00Z"]);
        assert_eq!(next(&five, "UTC", "2026-01-01T00:04:59.999999999Z", 1), ["2026-01-01T00:05:00Z"]);
        let shifted = grid(1, Unit::Hour, (0, 0), 600);
        assert_eq!(next(&shifted, "Asia/Kolkata", "2026-01-01T00:11:00Z", 1), ["2026-01-01T01:10:00Z"]);
        // A day of polls every 5 minutes sees 288 of them.
        let zone = TimeZone::UTC;
        let slots = Slots::new(&five, &zone);
        let mut done = t("2026-01-01T00:00:00Z");
        let mut runs = 0;
        for poll in 1..=288 {
            let now = t("2026-01-01T00:00:00Z")
                + SignedDuration::from_secs(poll * 300)
                + SignedDuration::from_millis(poll % 7 * 200);
            let slot = slots.before(now).unwrap();
            if slot > done {
                done = slot;
                runs += 1;
            }
        }
        assert_eq!(runs, 288);
    }

    #[test]
    fn days_and_weeks_count_from_a_monday_in_the_jobs_zone() {
        let daily = grid(1, Unit::Day, (5, 0), 0);
        assert_eq!(
            next(&daily, "Europe/Berlin", "2026-01-01T04:00:00Z", 2),
            ["2026-01-02T04:00:00Z", "2026-01-03T04:00:00Z"]
        );
        let weekly = grid(1, Unit::Week, (0, 0), 0);
        assert_eq!(next(&weekly, "UTC", "2026-11-24T00:00:00Z", 1), ["2026-11-30T00:00:00Z"], "a Monday");
        let sundays = grid(1, Unit::Week, (3, 0), 6 * 86_400);
        assert_eq!(next(&sundays, "UTC", "2026-11-24T00:00:00Z", 1), ["2026-11-29T03:00:00Z"]);
        let leap = grid(1, Unit::Day, (12, 0), 0);
        assert_eq!(
            next(&leap, "UTC", "2028-02-28T12:00:00Z", 2),
            ["2028-02-29T12:00:00Z", "2028-03-01T12:00:00Z"]
        );
    }

    #[test]
    fn a_skipped_time_of_day_runs_at_the_first_valid_instant_and_a_doubled_one_once() {
        let night = grid(1, Unit::Day, (2, 30), 0);
        // Clocks go from 2:00 to 3:00 on 2026-03-29 in Berlin: the first valid instant is 01:00 UTC.
        assert_eq!(
            next(&night, "Europe/Berlin", "2026-03-28T12:00:00Z", 2),
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
        // And back from 3:00 to 2:00 on 2026-10-25.
        assert_eq!(
            next(&night, "Europe/Berlin", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
        // In this zone the clocks change at midnight.
        let midnight = grid(1, Unit::Day, (0, 0), 0);
        assert_eq!(
            next(&midnight, "America/Santiago", "2026-09-05T12:00:00Z", 2),
            ["2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"]
        );
    }

    #[test]
    fn before_and_after_agree_whatever_the_schedule() {
        let cron = |text: &str| cron(text).unwrap();
        let schedules = [
            grid(7, Unit::Second, (0, 0), 3),
            grid(90, Unit::Minute, (0, 0), 0),
            grid(5, Unit::Hour, (0, 0), 1800),
            grid(1, Unit::Day, (2, 30), 0),
            grid(3, Unit::Day, (23, 59), 86_400),
            grid(2, Unit::Week, (0, 0), 0),
            cron("*/15 * * * *"),
            cron("30 2 * * *"),
            cron("0 0 29 2 *"),
        ];
        let mut rng = fastrand::Rng::with_seed(11);
        for zone in ["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata"] {
            let zone = TimeZone::get(zone).unwrap();
            for schedule in &schedules {
                let slots = Slots::new(schedule, &zone);
                for _ in 0..60 {
                    let now =
                        Timestamp::from_millisecond(rng.i64(1_700_000_000_000..1_900_000_000_000)).unwrap();
                    let (before, after) = (slots.before(now).unwrap(), slots.after(now).unwrap());
                    assert!(before <= now && now < after, "{schedule:?} {now} {before} {after}");
                    assert_eq!(slots.before(before), Some(before), "{schedule:?} {zone:?} {now}");
                    assert_eq!(slots.after(before), Some(after), "{schedule:?} {zone:?} {now}");
                }
            }
        }
    }

    #[test]
    fn before_and_after_agree_within_seconds_of_a_change_of_the_clocks() {
        let schedules = ["0 * * * *", "*/15 * * * *", "59 1 * * *", "0 1 * * *", "30 2 * * *"];
        let changes = [
            ("America/New_York", "2026-11-01T06:00:00Z"),
            ("America/New_York", "2026-03-08T07:00:00Z"),
            ("Europe/Berlin", "2026-10-25T01:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
        ];
        for (zone, change) in changes {
            let zone = TimeZone::get(zone).unwrap();
            for text in schedules {
                let schedule = &cron(text).unwrap();
                let slots = Slots::new(schedule, &zone);
                for ms in [
                    -3_600_500, -1500, -1001, -1000, -999, -500, -1, 0, 1, 500, 999, 1000, 1_799_500,
                    3_599_500,
                ] {
                    let now = t(change) + SignedDuration::from_millis(ms);
                    let (before, after) = (slots.before(now).unwrap(), slots.after(now).unwrap());
                    assert!(before <= now && now < after, "{text} {now} {before} {after}");
                    assert_eq!(slots.before(before), Some(before), "{text} {now}");
                    assert_eq!(slots.after(before), Some(after), "{text} {now}");
                }
            }
        }
    }
}
