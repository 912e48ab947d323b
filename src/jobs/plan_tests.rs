use super::super::file;
use super::*;

/// The one job of a file.
fn job(keys: &str) -> Job {
    let text = format!("[[job]]\nname = \"j\"\nsql = \"SELECT 1\"\n{keys}\n");
    let parsed = file::parse(&text);
    assert!(parsed.faults.iter().all(|f| f.warning), "{:?}", parsed.faults);
    parsed.jobs.into_iter().next().unwrap()
}

fn t(text: &str) -> Timestamp {
    // "5 06:00" is that day of January 2026.
    let (day, time) = text.split_once(' ').unwrap();
    let time = if time.len() == 5 { format!("{time}:00") } else { time.to_owned() };
    format!("2026-01-{:02}T{time}Z", day.parse::<u8>().unwrap()).parse().unwrap()
}

fn row(next_run: Option<&str>, last_success: Option<&str>) -> Row {
    Row {
        next_run: next_run.map(t),
        last_success: last_success.map(t),
        first_run: Some(t("1 00:00")),
        ..Row::default()
    }
}

fn state(row: Row) -> State {
    State { row: Some(row), ..State::default() }
}

/// The decision for one job of which this is known, in words.
fn decided(job: &Job, own: Option<&State>, now: &str) -> String {
    shown(decide(job, &|name| own.filter(|_| name == "j").cloned(), t(now)))
}

fn shown(decision: Decision) -> String {
    match decision {
        Decision::Run(dates) => {
            let all: Vec<String> = dates.take(10).map(|d| d.strftime("%-d %H:%M:%S").to_string()).collect();
            all.join(", ")
        }
        Decision::NotDue(Some(then)) => format!("not before {}", then.strftime("%-d %H:%M:%S")),
        Decision::NotDue(None) => "not due".to_owned(),
        Decision::NoDate(_) => "no date".to_owned(),
        Decision::Blocked(parent, why) => format!("{parent} {}", why.words()),
        Decision::Paused => "paused".to_owned(),
    }
}

#[test]
fn the_originals_rules_of_due_hold_to_the_letter() {
    let plain = job("schedule = \"1d\"");
    let timed = job("schedule = \"1d|05:00\"");
    assert_eq!(decided(&plain, None, "5 03:00"), "5 03:00:00");
    assert_eq!(decided(&timed, None, "5 04:59"), "not before 5 05:00:00");
    assert_eq!(decided(&timed, None, "5 05:00"), "5 05:00:00");
    assert_eq!(decided(&timed, None, "5 23:59"), "5 23:59:00");
    let due = |next: Option<&str>, now: &str| decided(&plain, Some(&state(row(next, Some("4 00:00")))), now);
    assert_eq!(due(Some("5 05:00"), "5 05:00"), "not before 5 05:00:00", "strictly before");
    assert_eq!(due(Some("5 05:00"), "5 05:00:01"), "5 05:00:01");
    // The original never runs it again; clearing a stuck first run by hand leaves exactly that.
    assert_eq!(due(None, "5 05:00"), "5 05:00:00");
    let ongoing =
        State { row: Some(Row { ongoing: Some(t("5 04:00")), ..Row::default() }), ..State::default() };
    assert_eq!(decided(&plain, Some(&ongoing), "5 05:00"), "5 05:00:00", "the claim decides");
    let paused = State { paused: true, ..State::default() };
    assert_eq!(decided(&plain, Some(&paused), "5 05:00"), "paused");
}

#[test]
fn the_originals_next_run_holds_to_the_letter() {
    let next = |keys: &str, at: &str, failed: bool| {
        next_run(&job(keys), t(at), t(at), if failed { End::Failed(1) } else { End::Done })
            .strftime("%-d %H:%M:%S")
            .to_string()
    };
    assert_eq!(next("schedule = \"1d|05:00\"", "5 06:00", false), "6 05:00:00");
    assert_eq!(next("schedule = \"1d|05:00\"", "5 23:59", false), "6 05:00:00");
    assert_eq!(next("schedule = \"7d|05:00\"", "5 06:00", false), "12 05:00:00");
    assert_eq!(next("schedule = \"1d|05:00\"", "5 03:00", false), "6 05:00:00");
    assert_eq!(next("schedule = \"36h\"", "5 06:30", false), "6 18:30:00");
    assert_eq!(next("schedule = \"7d|05:00\"", "5 06:00", true), "5 06:05:00");
    assert_eq!(next("schedule = \"1d\"\nretry_after = \"1h\"", "5 06:00", true), "5 07:00:00");
}

#[test]
fn the_originals_backfill_dates_hold_to_the_letter() {
    // The table of section 8.
    let daily = job("schedule = \"1d\"\nbackfill = true");
    let timed = job("schedule = \"1d|05:00\"\nbackfill = true");
    let weekly = job("schedule = \"7d|05:00\"\nbackfill = true");
    let dates = |job: &Job, last: Option<&str>, now: &str| {
        decided(job, Some(&state(row(Some("1 00:00"), last))), now)
    };
    assert_eq!(decided(&daily, None, "5 06:00"), "5 06:00:00");
    assert_eq!(dates(&daily, None, "5 06:00"), "5 06:00:00", "first_run is no fallback");
    assert_eq!(dates(&daily, Some("2 05:59"), "5 06:00"), "3 05:59:00, 4 05:59:00, 5 05:59:00");
    assert_eq!(dates(&timed, Some("2 05:13"), "5 06:00"), "3 05:00:00, 4 05:00:00, 5 05:00:00");
    assert_eq!(dates(&timed, Some("4 03:00"), "5 06:00"), "5 05:00:00");
    assert_eq!(dates(&weekly, Some("5 05:13"), "26 06:00"), "12 05:00:00, 19 05:00:00, 26 05:00:00");
    assert_eq!(dates(&daily, Some("4 06:00:05"), "5 06:00"), "no date");
    assert_eq!(dates(&daily, Some("4 06:00"), "5 06:00"), "no date", "strictly before");
    assert_eq!(dates(&daily, Some("9 06:00"), "5 06:00"), "no date");
}

#[test]
fn a_date_that_succeeded_is_never_handed_out_again() {
    let daily = job("schedule = \"1d\"\nbackfill = true");
    let mut own = state(row(Some("1 00:00"), Some("2 05:59")));
    own.done = [t("3 05:59"), t("5 05:59")].into();
    assert_eq!(decided(&daily, Some(&own), "6 06:00"), "4 05:59:00, 6 05:59:00");
    own.done = [t("3 05:59"), t("4 05:59"), t("5 05:59"), t("6 05:59")].into();
    assert_eq!(decided(&daily, Some(&own), "6 06:00"), "no date");
    let grid = job("every = \"1d\"\nat = \"05:00\"\nbackfill = true");
    own.done = [t("3 05:00"), t("5 05:00")].into();
    assert_eq!(decided(&grid, Some(&own), "6 06:00"), "4 05:00:00, 6 05:00:00");
}

#[test]
fn a_grid_has_no_drift_and_loses_nothing() {
    let five = job("every = \"5m\"");
    let seen = |first_seen: &str, row: Option<Row>| State {
        row,
        first_seen: Some(t(first_seen)),
        ..State::default()
    };
    assert_eq!(decided(&five, None, "5 06:02"), "not before 5 06:05:00", "first seen just now");
    assert_eq!(decided(&five, Some(&seen("5 06:02", None)), "5 06:05"), "5 06:05:00");
    let after =
        |last: &str, now: &str| decided(&five, Some(&seen("1 00:00", Some(row(None, Some(last))))), now);
    assert_eq!(after("5 06:05:03", "5 06:09:59"), "not before 5 06:10:00");
    assert_eq!(after("5 06:05:03", "5 06:10"), "5 06:10:00");
    assert_eq!(after("5 06:05:03", "5 07:00"), "5 07:00:00", "one run for what was missed");
    // Seen at 23:50 for 23:58, polled every 5 minutes: it runs at 00:00.
    let late = job("every = \"1d\"\nat = \"23:58\"");
    let own = seen("5 23:50", None);
    assert_eq!(decided(&late, Some(&own), "5 23:55"), "not before 5 23:58:00");
    assert_eq!(decided(&late, Some(&own), "6 00:00"), "5 23:58:00");
    // Forced at 03:00 for 05:00: that day's 05:00 is not lost.
    let daily = job("every = \"1d\"\nat = \"05:00\"");
    let own = seen("1 00:00", Some(row(Some("5 05:00"), Some("5 03:00"))));
    assert_eq!(decided(&daily, Some(&own), "5 05:00"), "5 05:00:00");
    // A failure waits for its retry, and keeps its date.
    let mut failing = row(Some("5 05:20"), None);
    failing.failed = true;
    let own = seen("5 00:00", Some(failing));
    let backfill = job("every = \"1d\"\nat = \"05:00\"\nbackfill = true");
    assert_eq!(decided(&backfill, Some(&own), "5 05:10"), "not before 5 05:20:00");
    assert_eq!(decided(&backfill, Some(&own), "7 05:10"), "5 05:00:00, 6 05:00:00, 7 05:00:00");
    assert_eq!(next_run(&daily, t("5 05:07"), t("5 05:00"), End::Done), t("6 05:00"));
}

#[test]
fn what_was_missed_is_made_up_for_as_the_job_says() {
    let own = state(row(None, Some("1 05:00")));
    let with = |keys: &str, now: &str| {
        decided(&job(&format!("every = \"1d\"\nat = \"05:00\"\nbackfill = true\n{keys}")), Some(&own), now)
    };
    assert_eq!(with("", "4 06:00"), "2 05:00:00, 3 05:00:00, 4 05:00:00");
    assert_eq!(with("catch_up = \"last\"", "4 06:00"), "4 05:00:00");
    assert_eq!(with("catch_up = \"none\"", "4 06:00"), "4 05:00:00", "an hour of a day is no miss");
    assert_eq!(with("catch_up = \"none\"", "4 12:00"), "not before 5 05:00:00");
    assert_eq!(
        with("max_backfill = 2", "4 06:00"),
        "2 05:00:00, 3 05:00:00",
        "a cap of one pass never skips"
    );
}

#[test]
fn ten_thousand_missed_dates_take_no_memory_and_a_cap_is_a_cap() {
    let minute = job("every = \"1m\"\nbackfill = true");
    let own = state(row(None, Some("1 00:00")));
    let Decision::Run(dates) = decide(&minute, &|_| Some(own.clone()), t("8 00:00")) else { panic!() };
    assert_eq!(dates.clone().count(), 10_080);
    assert_eq!(dates.clone().last(), Some(t("8 00:00")));
    let capped = job("every = \"1m\"\nbackfill = true\nmax_backfill = 100");
    let Decision::Run(dates) = decide(&capped, &|_| Some(own.clone()), t("8 00:00")) else { panic!() };
    assert_eq!(dates.count(), 100);
}

#[test]
fn a_job_whose_schedule_was_changed_neither_loses_a_date_nor_repeats_one() {
    // crontabber's 1d|05:00, last done on the 4th at 05:00:03, becomes a grid of days, of hours, and a cron pattern.
    let plain = state(row(Some("5 05:00"), Some("4 05:00:03")));
    let on = |keys: &str, own: &State, now: &str| decided(&job(keys), Some(own), now);
    assert_eq!(on("every = \"1d\"\nat = \"05:00\"", &plain, "4 23:00"), "not before 5 05:00:00");
    assert_eq!(on("every = \"1d\"\nat = \"05:00\"", &plain, "5 05:00"), "5 05:00:00");
    assert_eq!(on("every = \"6h\"", &plain, "4 05:30"), "not before 4 06:00:00");
    assert_eq!(on("cron = \"0 4 * * *\"", &plain, "5 04:10"), "5 04:00:00");
    // A plain job that begins to backfill has done all until it ran.
    let backfill = "every = \"1d\"\nat = \"05:00\"\nbackfill = true";
    assert_eq!(on(backfill, &plain, "7 06:00"), "5 05:00:00, 6 05:00:00, 7 05:00:00");
    // If the time of day or the time zone changes, the next date is the first new one after the last date.
    let dates = state(row(None, Some("4 05:00")));
    assert_eq!(on("every = \"1d\"\nat = \"04:00\"\nbackfill = true", &dates, "5 06:00"), "5 04:00:00");
    assert_eq!(
        on(
            "every = \"1d\"\nat = \"05:00\"\ntimezone = \"Europe/Berlin\"\nbackfill = true",
            &dates,
            "5 06:00"
        ),
        "5 04:00:00"
    );
    // From a grid back to crontabber's own: its next_run stands, whatever the grid would have said.
    let grid = state(row(Some("5 05:00"), Some("4 05:00")));
    assert_eq!(on("schedule = \"1h\"", &grid, "4 09:00"), "not before 5 05:00:00");
    assert_eq!(on("schedule = \"1d\"\nbackfill = true", &grid, "5 06:00"), "5 05:00:00");
    // A longer period, a shorter one, another anchor.
    assert_eq!(on("every = \"2w\"", &plain, "12 00:00"), "5 00:00:00");
    assert_eq!(
        on("every = \"1m\"\nbackfill = true\nmax_backfill = 2", &dates, "4 06:00"),
        "4 05:01:00, 4 05:02:00"
    );
    assert_eq!(
        on("every = \"1h\"\nanchor = \"10m\"\nbackfill = true", &dates, "4 06:30"),
        "4 05:10:00, 4 06:10:00"
    );
}

#[test]
fn leap_days_and_changes_of_clocks_have_one_date_each() {
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let since = |keys: &str, last: &str, now: &str| {
        let row = Row { last_success: Some(at(last)), ..Row::default() };
        let job = job(&format!("{keys}\nbackfill = true"));
        match decide(&job, &|_| Some(state(row.clone())), at(now)) {
            Decision::Run(dates) => dates.map(|date| date.to_string()).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let daily = "every = \"1d\"\nat = \"02:30\"\ntimezone = \"Europe/Berlin\"";
    // Clocks go forward in the night of 2026-03-29, and back in that of 2026-10-25.
    assert_eq!(
        since(daily, "2026-03-28T01:30:00Z", "2026-03-30T12:00:00Z"),
        ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    );
    assert_eq!(
        since(daily, "2026-10-24T00:30:00Z", "2026-10-26T12:00:00Z"),
        ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
    );
    assert_eq!(
        since("cron = \"0 12 * * *\"", "2028-02-28T12:00:00Z", "2028-03-01T12:00:00Z"),
        ["2028-02-29T12:00:00Z", "2028-03-01T12:00:00Z"]
    );
    assert_eq!(since("schedule = \"1d|12:00\"", "2028-02-28T12:00:00Z", "2028-03-01T12:00:01Z").len(), 2);
}

#[test]
fn what_one_turn_leaves_over_is_known() {
    let minute = job("every = \"1m\"\nbackfill = true\nmax_backfill = 3");
    let own = state(row(None, Some("1 00:00")));
    let Decision::Run(dates) = decide(&minute, &|_| Some(own.clone()), t("1 00:05")) else { panic!() };
    assert_eq!((dates.peek(), dates.end()), (Some(t("1 00:01")), t("1 00:05")));
    let mut capped = dates.clone();
    assert_eq!((capped.by_ref().count(), capped.is_capped()), (3, true));
    let mut two = dates.clone().at_most(9).through(t("1 00:02"));
    assert_eq!((two.by_ref().count(), two.is_capped()), (2, false));
    assert_eq!(dates.clone().through(t("1 00:00")).peek(), None);
    // crontabber's own arithmetic would let the rest wait for a whole period.
    let original = job("schedule = \"1d\"");
    assert_eq!(next_run(&original, t("5 06:00"), t("3 06:00"), End::Unfinished), t("5 06:00"));
    assert_eq!(next_run(&original, t("5 06:00"), t("3 06:00"), End::Failed(1)), t("5 06:05"));
    // A job that is due, but has no date yet, says when it will have one.
    let daily = job("schedule = \"1d|05:00\"\nbackfill = true");
    let own = state(row(Some("5 04:00"), Some("5 05:13")));
    assert_eq!(decide(&daily, &|_| Some(own.clone()), t("5 06:00")), Decision::NoDate(Some(t("6 05:00"))));
}

#[test]
fn a_parent_blocks_as_in_the_original_and_a_first_run_does_not_crash() {
    let child = job("schedule = \"1h\"\ndepends_on = [\"p\"]");
    let with = |parent: Option<Row>| {
        shown(decide(
            &child,
            &|name| (name == "p").then(|| parent.clone().map(state)).flatten(),
            t("5 06:00"),
        ))
    };
    assert_eq!(with(None), "p hasn't been run yet");
    assert_eq!(with(Some(Row { ongoing: Some(t("5 05:00")), ..Row::default() })), "p hasn't been run yet");
    let mut failed = row(Some("5 07:00"), Some("5 05:00"));
    failed.failed = true;
    assert_eq!(with(Some(failed)), "p errored last time it ran");
    assert_eq!(with(Some(row(Some("5 05:59"), Some("4 05:00")))), "p hasn't recently run");
    assert_eq!(with(Some(row(Some("5 06:00"), Some("4 05:00")))), "5 06:00:00", "strictly before");
    // A job that waits for itself waits for nobody.
    assert_eq!(decided(&job("schedule = \"1h\"\ndepends_on = []"), None, "5 06:00"), "5 06:00:00");
}

#[test]
fn jobs_run_by_levels_and_names() {
    let text: String = [("aa", "\"ghost\""), ("ab", "\"aa\""), ("bb", ""), ("zz", "")]
        .iter()
        .map(|(name, parents)| format!("[[job]]\nname = \"{name}\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\ndepends_on = [{parents}]\n"))
        .collect();
    let parsed = file::parse(&text);
    let names: Vec<&str> = order(&parsed.jobs).iter().map(|j| j.name.as_str()).collect();
    assert_eq!(names, ["bb", "zz", "aa", "ab"]);
}

#[test]
fn whatever_is_known_no_run_list_is_empty_and_no_date_comes_twice_or_out_of_order() {
    let mut rng = fastrand::Rng::with_seed(23);
    let zones = ["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"];
    let schedules = [
        "schedule = \"7m\"",
        "schedule = \"1d\"",
        "schedule = \"1d|02:30\"",
        "schedule = \"7d|23:59\"",
        "every = \"7m\"",
        "every = \"36h\"",
        "every = \"1d\"\nat = \"02:30\"",
        "every = \"2w\"",
        "cron = \"30 2 * * *\"",
        "cron = \"*/20 8-18 * * 1-5\"",
    ];
    let mut runs = 0;
    for _ in 0..1500 {
        let pick = |rng: &mut fastrand::Rng, list: &[&str]| list[rng.usize(0..list.len())].to_owned();
        let catch_up = pick(&mut rng, &["all", "last", "none"]);
        let backfill = rng.bool();
        let keys = format!(
            "{}\ntimezone = \"{}\"\n{}",
            pick(&mut rng, &schedules),
            pick(&mut rng, &zones),
            if backfill {
                format!("backfill = true\ncatch_up = \"{catch_up}\"\nmax_backfill = {}", rng.u32(1..200))
            } else {
                String::new()
            },
        );
        let job = job(&keys);
        let now = Timestamp::from_millisecond(rng.i64(1_780_000_000_000..1_800_000_000_000)).unwrap();
        let past = |rng: &mut fastrand::Rng| {
            rng.bool().then(|| {
                now.checked_sub(SignedDuration::from_millis(rng.i64(-3_600_000..864_000_000))).unwrap()
            })
        };
        let mut own = State {
            row: rng.bool().then(|| Row {
                next_run: past(&mut rng),
                first_run: past(&mut rng),
                last_run: past(&mut rng),
                last_success: past(&mut rng),
                ongoing: past(&mut rng),
                failed: rng.bool(),
            }),
            first_seen: past(&mut rng),
            paused: false,
            done: BTreeSet::new(),
            done_through: None,
        };
        // Some of what would be handed out has succeeded already.
        let ready = forced(&job, Some(&own), now);
        own.done = ready.take(50).filter(|_| rng.u8(0..3) == 0).collect();
        if let Decision::Run(dates) = decide(&job, &|_| Some(own.clone()), now) {
            runs += 1;
            let all: Vec<Timestamp> = dates.take(300).collect();
            assert!(!all.is_empty(), "{keys} {own:?} {now}");
            assert!(all.windows(2).all(|w| w[0] < w[1]), "{keys} {own:?} {now}: {all:?}");
            assert!(all.iter().all(|d| *d <= now), "{keys} {own:?} {now}: {all:?}");
            if backfill && own.row.as_ref().is_some_and(|r| r.last_success.is_some()) {
                assert!(all.iter().all(|d| !own.done.contains(d)), "{keys} {own:?} {now}: {all:?}");
            }
            assert!(all.len() <= 200);
        }
    }
    assert!(runs > 300, "{runs}");
}

#[test]
fn a_failure_is_retried_after_a_wait_that_doubles_and_so_often_as_the_limit_says() {
    let wait = |keys: &str, failures: u32| {
        let next = next_run(&job(keys), t("5 06:00"), t("5 06:00"), End::Failed(failures));
        next.duration_since(t("5 06:00")).as_secs()
    };
    for (keys, waits) in [
        ("every = \"1d\"", [300, 300, 300, 300, 300]),
        ("every = \"1d\"\nretry_after = \"1m..10m\"", [60, 120, 240, 480, 600]),
        ("schedule = \"1d\"\nretry_after = \"1m .. 1m\"", [60, 60, 60, 60, 60]),
        // The next date is the next midnight on the grid, and a day later in crontabber's notation.
        ("every = \"1d\"\nretry_limit = 2", [300, 300, 64_800, 64_800, 64_800]),
        ("schedule = \"1d\"\nretry_limit = 1", [300, 86_400, 86_400, 86_400, 86_400]),
        ("cron = \"30 6 * * *\"\nretry_limit = 3\nretry_after = \"1s..1h\"", [1, 2, 4, 1800, 1800]),
    ] {
        let all: Vec<i64> = (1..=5).map(|failures| wait(keys, failures)).collect();
        assert_eq!(all, waits, "{keys}");
    }
    assert_eq!(wait("every = \"1d\"\nretry_after = \"1m..10m\"", u32::MAX), 600);
    // A job that waits for its next date is not taken for one that a wrong clock has stopped.
    let limited = job("every = \"1d\"\nretry_limit = 1");
    let failed = Row { failed: true, last_run: Some(t("5 00:00")), ..row(Some("6 00:00"), Some("4 00:00")) };
    let own = State { row: Some(failed), first_seen: Some(t("1 00:00")), ..State::default() };
    let decided = |now: &str| decide(&limited, &|_| Some(own.clone()), t(now));
    assert_eq!(decided("5 12:00"), Decision::NotDue(Some(t("6 00:00"))));
    assert!(matches!(decided("6 00:01"), Decision::Run(_)));
}

#[test]
fn jitter_delays_each_date_by_less_than_it_says_and_by_the_same_everywhere() {
    let mut late: Vec<i64> = Vec::new();
    for minutes in [1, 5, 60] {
        let job = job(&format!("every = \"{minutes}m\"\njitter = \"30s\""));
        for day in 1..=9 {
            let date = t(&format!("{day} 12:00"));
            let start = starts(&job, date);
            let wait = start.duration_since(date);
            assert!((0..30_000).contains(&wait.as_millis()), "{wait}");
            assert_eq!(start, starts(&job, date));
            late.push(i64::try_from(wait.as_millis()).unwrap());
            // It is due from its start on, and not before.
            let own = State { first_seen: Some(date - SignedDuration::from_secs(1)), ..State::default() };
            let at = |now: Timestamp| decide(&job, &|_| Some(own.clone()), now);
            assert_eq!(at(start - SignedDuration::from_millis(1)), Decision::NotDue(Some(start)));
            assert_eq!(at(start), Decision::Run(Dates::one(date)));
            assert_eq!(due_since(&job, &own, start), Some(start));
            let next = next_run(&job, start, date, End::Done);
            assert_eq!(next, starts(&job, date + SignedDuration::from_mins(minutes)));
        }
    }
    late.sort_unstable();
    late.dedup();
    assert_eq!(late.len(), 9, "each date has its own: {late:?}");
}

#[test]
fn a_date_that_could_not_start_in_time_is_left_out_and_the_next_one_runs() {
    let job = job("every = \"1d\"\nstart_limit = \"1h\"");
    let own = |row: Row| State { row: Some(row), first_seen: Some(t("1 00:00")), ..State::default() };
    let ran = own(row(Some("5 00:00"), Some("4 00:00")));
    let at = |own: &State, now: &str| {
        let decision = match decide(&job, &|_| Some(own.clone()), t(now)) {
            Decision::Run(dates) => format!("run {}", dates.peek().unwrap()),
            Decision::NotDue(next) => format!("not before {}", next.unwrap()),
            other => format!("{other:?}"),
        };
        format!("{decision}, left out {:?}", left_out(&job, own, t(now)).map(|date| date.to_string()))
    };
    let run = "run 2026-01-05T00:00:00Z, left out None";
    assert_eq!(at(&ran, "5 00:30"), run);
    assert_eq!(at(&ran, "5 01:00"), run);
    let left = "not before 2026-01-06T00:00:00Z, left out Some(\"2026-01-05T00:00:00Z\")";
    assert_eq!(at(&ran, "5 01:00:01"), left);
    assert_eq!(at(&ran, "6 00:00:01"), "run 2026-01-06T00:00:00Z, left out None");
    // What has been tried is tried again, however late.
    let failed = Row { failed: true, last_run: Some(t("5 00:10")), ..row(Some("5 02:00"), Some("4 00:00")) };
    assert_eq!(at(&own(failed), "5 03:00"), run);
    // Somebody is missing all the same.
    assert_eq!(due_since(&job, &ran, t("5 12:00")), Some(t("5 00:00")));
}

#[test]
fn the_named_patterns_of_cron_are_known() {
    let next = |keys: &str| next_run(&job(keys), t("5 06:00"), t("5 06:00"), End::Done).to_string();
    for (name, next_is) in [
        ("@hourly", "2026-01-05T07:00:00Z"),
        ("@daily", "2026-01-06T00:00:00Z"),
        ("@midnight", "2026-01-06T00:00:00Z"),
        ("@weekly", "2026-01-11T00:00:00Z"),
        ("@monthly", "2026-02-01T00:00:00Z"),
        ("@yearly", "2027-01-01T00:00:00Z"),
        ("@annually", "2027-01-01T00:00:00Z"),
    ] {
        assert_eq!(next(&format!("cron = \"{name}\"")), next_is, "{name}");
    }
    let wrong = file::parse("[[job]]\nname = \"j\"\nsql = \"SELECT 1\"\ncron = \"@reboot\"\n").faults;
    assert!(wrong[0].why.contains("must have five fields or be one of @yearly, "), "{wrong:?}");
}
