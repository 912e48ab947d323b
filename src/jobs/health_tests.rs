use super::*;
use crate::jobs::file;
use crate::jobs::plan::State;

fn job(keys: &str) -> Job {
    let text = format!("[[job]]\nname = \"j\"\nsql = \"SELECT 1\"\n{keys}\n");
    file::parse(&text).jobs.into_iter().next().unwrap()
}

fn t(text: &str) -> Timestamp {
    format!("2026-01-{text}:00Z").parse().unwrap()
}

fn stored(next_run: Option<&str>, ongoing: Option<&str>, failed: bool) -> Stored {
    let row = Row {
        next_run: next_run.map(t),
        last_run: Some(t("01T00:00")),
        last_success: Some(t("01T00:00")),
        ongoing: ongoing.map(t),
        failed,
        ..Row::default()
    };
    Stored { state: State { row: Some(row), ..State::default() }, ..Stored::default() }
}

#[test]
fn what_a_person_must_see_first_wins() {
    let daily = job("schedule = \"1d\"");
    let is = |stored: Stored| health(&daily, Some(&stored), t("05T12:00")).word();
    assert_eq!(health(&daily, None, t("05T12:00")), Health::Never);
    assert_eq!(is(stored(Some("05T13:00"), None, false)), "idle");
    assert_eq!(is(stored(Some("05T11:00"), None, false)), "idle", "late by less than a tenth");
    assert_eq!(is(stored(Some("05T09:00"), None, false)), "overdue");
    assert_eq!(is(stored(Some("05T13:00"), None, true)), "failing");
    assert_eq!(is(stored(Some("05T09:00"), None, true)), "overdue");
    assert_eq!(is(stored(None, Some("05T11:00"), true)), "running");
    assert_eq!(is(stored(None, Some("05T05:59"), false)), "stuck");
    assert_eq!(is(stored(None, Some("05T17:00"), false)), "running", "a clock that is ahead");
    assert_eq!(is(stored(None, Some("09T00:00"), false)), "stuck", "no clock is ahead by days");
    // A job that waits since it was seen first.
    let seen = State { first_seen: Some(t("04T00:00")), ..State::default() };
    assert_eq!(is(Stored { state: seen.clone(), ..Stored::default() }), "overdue");
    let timed = job("schedule = \"1d|11:55\"");
    let known = Stored { state: State { first_seen: Some(t("05T08:00")), ..seen }, ..Stored::default() };
    assert_eq!(health(&timed, Some(&known), t("05T12:00")), Health::Never);
    let five = job("schedule = \"5m\"");
    let is = |next: &str| health(&five, Some(&stored(Some(next), None, false)), t("05T12:00")).word();
    assert_eq!((is("05T11:51"), is("05T11:49")), ("idle", "overdue"), "ten minutes at least");
}

#[test]
fn a_decision_is_told_in_words() {
    let now = t("05T12:00");
    let backfill = job("schedule = \"1d\"\nbackfill = true");
    let mut known = stored(Some("03T00:00"), None, false);
    known.state.row.as_mut().unwrap().last_success = Some(t("02T11:00"));
    let decision = plan::decide(&backfill, &|_| Some(known.state.clone()), now);
    assert_eq!(words(&backfill, &decision, now), "runs now, for 3 dates, from 2026-01-03T11:00:00Z onwards");
    let later = Decision::NotDue(Some(t("05T13:30")));
    assert_eq!(words(&backfill, &later, now), "is not due before 2026-01-05T13:30:00Z, in 1h 30m");
}

/// The dates of a schedule, found by looking at every instant of a window.
struct Calendar {
    keys: &'static str,
    every: SignedDuration,
    /// `None` for crontabber's notation, whose dates follow from the last run.
    dates: Option<Vec<Timestamp>>,
}

/// Whether an instant is a date, by its second since the epoch and what clocks in the job's time zone show.
type IsDate = fn(i64, &jiff::Zoned) -> bool;

fn at_5(_: i64, z: &jiff::Zoned) -> bool {
    (z.hour(), z.minute(), z.second()) == (5, 0, 0)
}

fn monday_at_5(s: i64, z: &jiff::Zoned) -> bool {
    at_5(s, z) && z.weekday() == jiff::civil::Weekday::Monday
}

fn half_past_2_on_workdays(_: i64, z: &jiff::Zoned) -> bool {
    z.weekday().to_monday_one_offset() <= 5 && (z.hour(), z.minute(), z.second()) == (2, 30, 0)
}

/// Returns the calendars of all kinds of schedules. Their window begins on a Monday three weeks before the clocks
/// change in Berlin.
fn calendars() -> Vec<Calendar> {
    let (minute, day) = (60, 86_400);
    let kinds: [(&str, i64, i64, &str, Option<IsDate>); 17] = [
        ("schedule = \"5m\"", 5 * minute, 0, "UTC", None),
        ("schedule = \"1h\"", 60 * minute, 0, "UTC", None),
        ("schedule = \"1d\"", day, 0, "UTC", None),
        ("schedule = \"1d|05:00\"", day, 0, "UTC", None),
        ("schedule = \"7d\"", 7 * day, 0, "UTC", None),
        ("every = \"30s\"", 30, 30, "UTC", Some(|s, _| s % 30 == 0)),
        ("every = \"5m\"", 5 * minute, 60, "Asia/Kolkata", Some(|s, _| s % 300 == 0)),
        ("every = \"1h\"", 60 * minute, 300, "UTC", Some(|s, _| s % 3600 == 0)),
        ("every = \"1h\"\nanchor = \"10m\"", 60 * minute, 300, "UTC", Some(|s, _| s % 3600 == 600)),
        ("every = \"1d\"\nat = \"05:00\"", day, 900, "UTC", Some(at_5)),
        ("every = \"1d\"\nat = \"05:00\"", day, 900, "Europe/Berlin", Some(at_5)),
        ("every = \"1d\"\nat = \"05:00\"", day, 900, "America/Los_Angeles", Some(at_5)),
        ("every = \"1w\"\nat = \"05:00\"", 7 * day, 900, "Europe/Berlin", Some(monday_at_5)),
        ("cron = \"*/15 * * * *\"", 15 * minute, 300, "UTC", Some(|_, z| z.minute() % 15 == 0)),
        ("cron = \"0 5 * * *\"", day, 900, "Asia/Tokyo", Some(at_5)),
        ("cron = \"30 2 * * 1-5\"", day, 900, "UTC", Some(half_past_2_on_workdays)),
        ("cron = \"0 5 * * 1\"", 7 * day, 900, "Australia/Sydney", Some(monday_at_5)),
    ];
    let begin: Timestamp = "2026-03-09T00:00:00Z".parse().unwrap();
    let mut all = Vec::new();
    for (keys, every, step, zone, is_date) in kinds {
        let keys: &str = Box::leak(format!("{keys}\ntimezone = \"{zone}\"").into_boxed_str());
        let zone = jiff::tz::TimeZone::get(zone).unwrap();
        let dates = is_date.map(|is_date| {
            let last = begin.as_second() + (14 * every).max(2 * day + day / 2);
            // The first date of the test is on the second day.
            let begin = begin.as_second() + if every < day { day } else { 0 };
            (begin..last)
                .step_by(usize::try_from(step).unwrap())
                .map(|s| Timestamp::from_second(s).unwrap())
                .filter(|t| is_date(t.as_second(), &t.to_zoned(zone.clone())))
                .collect()
        });
        all.push(Calendar { keys, every: SignedDuration::from_secs(every), dates });
    }
    all
}

/// What has happened to the job before now.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Past {
    /// It has been seen, and nothing else.
    Seen,
    /// No runner has seen it.
    Unseen,
    /// It has run for its first date.
    Ran,
    /// It has run for its first date and then for its third one.
    RanThird,
    /// It has run for its first date, and then failed.
    Failed,
    /// It has been running since its second date.
    Running,
    Paused,
}

const PASTS: [Past; 7] =
    [Past::Seen, Past::Unseen, Past::Ran, Past::RanThird, Past::Failed, Past::Running, Past::Paused];

/// Returns the first date that was missed, and the length of time to the date after it, by counting dates.
fn missed(
    calendar: &Calendar,
    backfill: Option<&str>,
    past: Past,
    first: Timestamp,
    now: Timestamp,
) -> Option<(Timestamp, SignedDuration)> {
    let retry = first + calendar.every + SignedDuration::from_secs(65 + 300);
    let Some(dates) = &calendar.dates else {
        // crontabber's next_run: a period after the run, at the time of day if there is one; strictly before now.
        let since = match past {
            Past::Unseen | Past::Paused | Past::Running => return None,
            Past::Seen if calendar.keys.contains("05:00") => {
                // Seen at five o'clock and some seconds.
                first
            }
            Past::Seen => first,
            Past::Failed => retry,
            Past::Ran | Past::RanThird => {
                let ran = if past == Past::Ran { first } else { first + calendar.every * 2 };
                let next = ran + calendar.every;
                if calendar.keys.contains("05:00") { next - SignedDuration::from_secs(5) } else { next }
            }
        };
        return (since < now).then_some((since, calendar.every));
    };
    let begin = first - SignedDuration::from_secs(5);
    let at = dates.iter().position(|date| *date >= begin).unwrap();
    let of = |n: usize| dates[at + n];
    let is_done = |date: Timestamp| match past {
        Past::Seen => date <= first,
        Past::RanThird if backfill == Some("all") => date <= of(0) || date == of(2),
        Past::RanThird => date <= of(2),
        _ => date <= of(0),
    };
    if matches!(past, Past::Unseen | Past::Paused | Past::Running) {
        return None;
    }
    let date = dates.iter().copied().find(|date| !is_done(*date))?;
    let since = if past == Past::Failed { date.max(retry) } else { date };
    let begin = *dates.iter().rev().find(|date| **date <= since)?;
    let end = *dates.iter().find(|date| **date > begin)?;
    (since <= now).then_some((since, end.duration_since(begin)))
}

/// Returns what the tables hold after this past.
fn stored_after(
    calendar: &Calendar,
    job: &Job,
    past: Past,
    first: Timestamp,
    now: Timestamp,
) -> Option<Stored> {
    let slots = Slots::new(&job.schedule, &job.timezone);
    // A job with a grid runs 5 s after its date.
    let date = slots.before(first).unwrap_or(first);
    let third = match &calendar.dates {
        Some(dates) => dates[dates.iter().position(|d| *d == date).unwrap() + 2],
        None => first + calendar.every * 2,
    };
    let next = |t: Timestamp, date: Timestamp| Some(plan::next_run(job, t, date, plan::End::Done));
    let done = |t: Timestamp, date: Timestamp| Row {
        next_run: next(t, date),
        first_run: Some(first),
        last_run: Some(t),
        last_success: Some(if job.backfill { date } else { t }),
        ..Row::default()
    };
    let mut row = done(first, date);
    let mut state = State { first_seen: Some(first), ..State::default() };
    match past {
        Past::Unseen => return None,
        Past::Seen => return Some(Stored { state, ..Stored::default() }),
        Past::Ran => {}
        Past::RanThird if calendar.dates.is_none() => row = done(third, third),
        // Somebody has named the date.
        Past::RanThird => drop(state.done.insert(third)),
        Past::Failed => {
            let failed = first + calendar.every + SignedDuration::from_secs(65);
            row.last_run = Some(failed);
            row.failed = true;
            row.next_run = Some(failed + SignedDuration::from_mins(5));
        }
        Past::Running => row.ongoing = Some(now - SignedDuration::from_secs(1)),
        Past::Paused => state.paused = true,
    }
    state.row = Some(row);
    Some(Stored { state, ..Stored::default() })
}

/// Returns a parent's state by its kind, and what a job that waits for it is told.
fn parents(now: Timestamp) -> Vec<(&'static str, Option<Stored>, Option<String>)> {
    let hours = |n: i64| now + SignedDuration::from_hours(n);
    let done = Row {
        next_run: Some(hours(1)),
        last_run: Some(hours(-1)),
        last_success: Some(hours(24 * 400)),
        ..Row::default()
    };
    let with =
        |row: Row| Some(Stored { state: State { row: Some(row), ..State::default() }, ..Stored::default() });
    let due = Row { next_run: Some(hours(-9)), ..done.clone() };
    let paused = Stored {
        state: State { row: Some(due.clone()), paused: true, ..State::default() },
        ..Stored::default()
    };
    let since = hours(-2);
    let is = |text: String| Some(text);
    vec![
        ("none", None, None),
        ("done", with(done.clone()), None),
        (
            "failing",
            with(Row { failed: true, ..done }),
            is("waits for p, which errored last time it ran".into()),
        ),
        ("never run", None, is("waits for p, which hasn't been run yet".into())),
        ("missing", None, is("waits for typo, which hasn't been run yet, and is not in the file".into())),
        ("overdue", with(due.clone()), is("waits for p, which hasn't recently run".into())),
        ("paused", Some(paused), is("waits for p, which hasn't recently run, and is paused".into())),
        (
            // A parent that takes longer than its period is due as soon as it ends.
            "always due",
            with(Row { ongoing: Some(since), ..due }),
            is(format!("waits for p, which hasn't recently run, and has been running since {since}")),
        ),
    ]
}

#[test]
fn whatever_should_have_run_and_did_not_is_overdue_since_the_first_date_it_missed() {
    let second = SignedDuration::from_secs(1);
    let (mut overdue, mut waiting, mut cases) = (0, 0, 0);
    for calendar in calendars() {
        let begin: Timestamp = "2026-03-10T05:00:05Z".parse().unwrap();
        // Five seconds after the first date on the second day.
        let first = match &calendar.dates {
            Some(dates) => *dates.iter().find(|date| **date >= begin).unwrap() + second * 5,
            None => begin,
        };
        let (every, ten) = (calendar.every, SignedDuration::from_mins(10));
        let slack = (every / 10).max(ten);
        let (next, third) = (first + every - second * 5, first + every * 3 - second * 5);
        let mut nows = Vec::new();
        for base in [next, next + slack, next + second * 370 + slack, third + slack] {
            nows.extend([base - second, base, base + SignedDuration::from_nanos(1), base + second]);
        }
        nows.extend([third, third + SignedDuration::from_hours(1).min(every) + slack, first + every * 9]);
        nows.sort();
        let other = Job { name: "p".to_owned(), ..job("every = \"1h\"") };
        for backfill in [None, Some("all"), Some("last"), Some("none")] {
            let filling =
                backfill.map_or(String::new(), |how| format!("backfill = true\ncatch_up = \"{how}\""));
            let alone = job(&format!("{}\n{filling}", calendar.keys));
            for past in PASTS {
                // Where crontabber's notation backfills, its dates are told in plan_tests.rs.
                if backfill.is_some() && calendar.dates.is_none() && past != Past::Ran {
                    continue;
                }
                let mut before: Option<(Timestamp, Timestamp)> = None;
                // Nothing has run for a date that has not come.
                let least = if past == Past::RanThird { first + every * 2 } else { first };
                for now in nows.iter().copied().filter(|now| *now > least) {
                    let missed = missed(&calendar, backfill, past, first, now);
                    for (kind, parent, told) in parents(now) {
                        let depends_on = match kind {
                            "none" => vec![],
                            "missing" => vec!["typo".to_owned()],
                            _ => vec!["p".to_owned()],
                        };
                        let mine = Job { depends_on, ..alone.clone() };
                        let stored = stored_after(&calendar, &mine, past, first, now);
                        let jobs = [mine.clone(), other.clone()];
                        let entries = [("j", stored.clone()), ("p", parent.clone())];
                        let rows =
                            entries.into_iter().filter_map(|(n, s)| Some((n.to_owned(), s?))).collect();
                        let snapshot = Snapshot { now, jobs: rows, shape: None };
                        let late =
                            missed.filter(|(since, gap)| now.duration_since(*since) > (*gap / 10).max(ten));
                        let expected = match past {
                            Past::Unseen => Health::Never,
                            Past::Paused => Health::Paused,
                            Past::Running => Health::Running,
                            _ if late.is_some() => Health::Overdue,
                            Past::Failed => Health::Failing,
                            Past::Seen => Health::Never,
                            Past::Ran | Past::RanThird => Health::Idle,
                        };
                        let case = format!("{} {filling:?} {past:?}, parent {kind}, at {now}", calendar.keys);
                        let is = health(&mine, stored.as_ref(), now);
                        assert_eq!(is, expected, "{case}: {missed:?}");
                        assert_eq!(is_unseen(stored.as_ref()), past == Past::Unseen, "{case}");
                        cases += 1;
                        let since = due_since(&mine, stored.as_ref(), now);
                        if expected != Health::Running {
                            assert_eq!(since, missed.map(|(since, _)| since), "{case}");
                        }
                        if expected == Health::Overdue {
                            overdue += 1;
                            // Somebody who has to wait is told for whom.
                            let waits = waits_for(&mine, &jobs, &snapshot);
                            if let Some(told) = &told
                                && !waits.as_ref().is_some_and(|waits| waits.starts_with("and runs next"))
                            {
                                waiting += 1;
                                assert_eq!(waits.as_ref(), Some(told), "{case}");
                            }
                            // It stays overdue, since the same date, as long as nothing runs.
                            let (was, since) = (before.map(|(_, since)| since), since.unwrap());
                            assert!(was.is_none_or(|was| was == since), "{case}: {was:?}");
                            before = Some((now, since));
                        }
                        assert!(before.is_none() || is == Health::Overdue, "{case}: no longer overdue");
                    }
                }
            }
        }
    }
    assert!(cases > 30_000 && overdue > 5_000 && waiting > 3_000, "{cases} {overdue} {waiting}");
}

/// Runs one job as a runner would that looks every minute, and records what it did as the tables do.
struct Simulation {
    job: Job,
    stored: Stored,
    succeeded: std::collections::BTreeMap<Timestamp, Timestamp>,
}

impl Simulation {
    /// Looks once.
    fn look(&mut self, now: Timestamp) {
        let state = &mut self.stored.state;
        state.first_seen.get_or_insert(now);
        // As snapshot.sql has it.
        let reached = state.row.as_ref().and_then(|row| row.last_success).or(state.first_seen).unwrap();
        let recorded = |from: Timestamp| self.succeeded.range(from..).map(|(date, _)| *date);
        state.done = if plan::is_ahead(reached, now) {
            let last = self.succeeded.range(..=now).next_back().map_or(Timestamp::MIN, |(date, _)| *date);
            recorded(last).collect()
        } else {
            recorded(reached).filter(|date| *date > reached).collect()
        };
        let Decision::Run(dates) = plan::decide(&self.job, &|_| Some(state.clone()), now) else { return };
        for date in dates {
            assert!(self.succeeded.insert(date, now).is_none(), "{date} ran twice, again at {now}");
            state.row = Some(Row {
                next_run: Some(plan::next_run(&self.job, now, date, plan::End::Done)),
                first_run: Some(now),
                last_run: Some(now),
                last_success: Some(if self.job.backfill { date } else { now }),
                ..Row::default()
            });
        }
    }
}

/// Whether a minute since the epoch is a date.
type IsMinute = fn(i64) -> bool;

#[test]
fn a_clock_that_was_ahead_stops_no_grid_repeats_no_date_and_is_told() {
    let minutes = |n: i64| t("05T00:02") + SignedDuration::from_mins(n);
    let grids: [(&str, IsMinute); 5] = [
        ("every = \"5m\"", |m| m % 5 == 0),
        ("every = \"1h\"", |m| m % 60 == 0),
        ("cron = \"*/20 * * * *\"", |m| m % 20 == 0),
        ("every = \"1d\"\nat = \"05:00\"", |m| m % 1440 == 300),
        ("every = \"2h\"\ntimezone = \"Asia/Kolkata\"", |m| m % 120 == 0),
    ];
    for (keys, is_date) in grids {
        for filling in [
            "",
            "backfill = true",
            "backfill = true\ncatch_up = \"last\"",
            "backfill = true\ncatch_up = \"none\"",
        ] {
            // When the clock is ahead, and when it is right again; at first the job may be new.
            for (from, back) in [(0, 30), (90, 91), (90, 180)] {
                let case = format!("{keys} {filling} {from} {back}");
                let mut one = Simulation {
                    job: job(&format!("{keys}\n{filling}")),
                    stored: Stored::default(),
                    succeeded: std::collections::BTreeMap::new(),
                };
                for minute in 0..from {
                    one.look(minutes(minute));
                }
                for minute in from..back {
                    one.look(minutes(minute + 480));
                }
                let told = ahead(&one.job, Some(&one.stored), minutes(back));
                let is_new = from == 0 || one.succeeded.values().any(|ran| *ran >= minutes(from + 480));
                assert_eq!(
                    told.map(|told| (told.goes_on, told.is_clock)),
                    is_new.then_some((true, true)),
                    "{case}"
                );
                let early: Vec<Timestamp> = one.succeeded.keys().copied().collect();
                for minute in back..back + 2880 {
                    one.look(minutes(minute));
                }
                // Every date that came after that has run at once, unless it had run before.
                for date in (back..back + 2880).map(minutes).filter(|at| is_date(at.as_second() / 60)) {
                    let ran = one.succeeded.get(&date).copied();
                    assert!(ran == Some(date) || early.contains(&date), "{case}: {date} ran at {ran:?}");
                }
                assert_eq!(ahead(&one.job, Some(&one.stored), minutes(back + 2880)), None, "{case}");
            }
        }
    }
    // A job in crontabber's notation waits for its next_run, and that is told.
    for (keys, next, ran, failed, told) in [
        (
            "schedule = \"1h\"",
            "05T21:00",
            "05T20:00",
            false,
            Some((true, "a clock was ahead: the job does not run before")),
        ),
        (
            "schedule = \"1h\"",
            "05T21:00",
            "05T12:00",
            false,
            Some((false, "is further ahead than its schedule")),
        ),
        ("schedule = \"1h\"", "05T13:09", "05T12:00", false, None),
        ("schedule = \"1h\"", "05T13:11", "05T12:00", false, Some((false, "further ahead"))),
        ("schedule = \"1d|05:00\"", "07T05:00", "05T04:00", false, None),
        ("schedule = \"1d|05:00\"", "07T13:00", "05T04:00", false, Some((false, "further ahead"))),
        ("schedule = \"5m\"\nretry_after = \"3h\"", "05T15:00", "05T12:00", true, None),
        (
            "schedule = \"5m\"\nretry_after = \"3h\"",
            "05T15:00",
            "05T12:00",
            false,
            Some((false, "further ahead")),
        ),
    ] {
        let mut stored = stored(Some(next), None, failed);
        stored.state.row.as_mut().unwrap().last_run = Some(t(ran));
        let is = ahead(&job(keys), Some(&stored), t("05T12:00"));
        assert_eq!(
            is.map(|is| (is.is_clock, is.goes_on)),
            told.map(|(clock, _)| (clock, false)),
            "{keys} {next}"
        );
        assert!(
            is.zip(told).is_none_or(|(is, (_, words))| is.words().contains(words)),
            "{keys} {next} {is:?}"
        );
    }
    // So does a retry that nobody can have wished for, on a grid.
    let five = job("every = \"5m\"");
    let mut failing = stored(Some("05T20:05"), None, true);
    failing.state.row.as_mut().unwrap().last_success = Some(t("05T11:55"));
    assert!(matches!(plan::decide(&five, &|_| Some(failing.state.clone()), t("05T12:01")), Decision::Run(_)));
    assert_eq!(ahead(&five, Some(&failing), t("05T12:01")).map(|is| is.goes_on), Some(true));
}

#[test]
fn no_success_for_too_long_and_a_run_that_takes_too_long_are_seen() {
    let now = t("05T12:00");
    for (filling, row, seen, stale) in [
        ("", Some(("04T10:00", "04T09:00", false)), "01T00:00", None),
        ("", Some(("04T09:59", "04T09:59", false)), "01T00:00", Some("04T09:59")),
        // A failure is no success.
        ("", Some(("05T11:00", "04T09:00", true)), "01T00:00", Some("04T09:00")),
        // A backfill job that makes up for old dates succeeds now.
        ("backfill = true", Some(("05T11:00", "02T09:00", false)), "01T00:00", None),
        ("", None, "04T09:00", Some("04T09:00")),
        ("", None, "04T11:00", None),
        // A success in the future does not count.
        ("", Some(("05T20:00", "05T20:00", false)), "01T00:00", Some("01T00:00")),
    ] {
        let job = job(&format!("every = \"1w\"\nmax_age = \"26h\"\n{filling}"));
        let row = row.map(|(run, success, failed)| Row {
            next_run: Some(t("09T00:00")),
            last_run: Some(t(run)),
            last_success: Some(t(success)),
            failed,
            ..Row::default()
        });
        let state = State { row, first_seen: Some(t(seen)), ..State::default() };
        let stored = Stored { state, ..Stored::default() };
        assert_eq!(stale_since(&job, Some(&stored), now), stale.map(t), "{filling} {:?}", stored.state);
        assert_eq!(health(&job, Some(&stored), now) == Health::Stale, stale.is_some(), "{:?}", stored.state);
    }
    let slow = job("every = \"1d\"\nmax_duration = \"1h\"");
    assert_eq!(slow_since(&slow, Some(&stored(None, Some("05T10:59"), false)), now), Some(t("05T10:59")));
    assert_eq!(slow_since(&slow, Some(&stored(None, Some("05T11:00"), false)), now), None);
    assert_eq!(slow_since(&slow, Some(&stored(None, None, false)), now), None);
}
