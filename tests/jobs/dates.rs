//! Which dates a job runs for: in order, each once, those that were missed, those that somebody names.

use super::Jobs;
use crate::support::*;

fn dates_come_in_order_each_once_and_a_date_again_only_on_request(bin: &Binaries) {
    let jobs = Jobs::on(
        bin,
        "dates",
        r#"
[[job]]
name = "p"
every = "1d"
backfill = true
max_backfill = 4
command = "echo {date} $PGKIT_ATTEMPT >> dates"
[[job]]
name = "s"
every = "1d"
backfill = true
sql = "INSERT INTO t VALUES ($1)"
"#,
    );
    jobs.db.sql(
            "CREATE TABLE t (d timestamptz PRIMARY KEY);
             INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
             SELECT n, now(), date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '6 days', 0, '{}'
             FROM (VALUES ('p'), ('s')) AS v (n)",
        );
    let day = |ago: i32| {
        jobs.db.value(&format!(
            "SELECT to_char((now() AT TIME ZONE 'UTC')::date - {ago}, 'YYYY-MM-DD\"T00:00:00Z\"')"
        ))
    };
    let (five, two, one) = (day(5), day(2), day(1));
    // A date ahead of its turn is passed over when its turn comes.
    jobs.ends(0, &["run", "p", "--date", &two]);
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "6");
    let dates = jobs.text("dates");
    let dates: Vec<&str> = dates.lines().collect();
    assert_eq!(
        dates,
        [
            format!("{two} 1"),
            format!("{five} 1"),
            format!("{} 1", day(4)),
            format!("{} 1", day(3)),
            format!("{one} 1")
        ]
    );
    // The cap of a pass leaves the rest for the next one, at once.
    assert!(jobs.jobs(&["why", "p"]).stdout.contains("runs now, for "));
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.text("dates").lines().count(), 6);
    let again = jobs.ends(0, &["run", "p", "--date", &one]);
    assert!(
        again.stderr.contains("p: has already run for ")
            && again.stderr.contains("use --rerun to run it again"),
        "{}",
        again.snapshot()
    );
    jobs.ends(0, &["run", "p", "--date", &one, "--rerun"]);
    assert_eq!(jobs.text("dates").lines().filter(|line| line.starts_with(&one)).count(), 2);
    let states = jobs
        .db
        .sql(&format!("SELECT state FROM pgkit_run WHERE app_name = 'p' AND run_date = '{one}' ORDER BY id"));
    assert_eq!(states, [[Some("superseded".to_owned())], [Some("succeeded".to_owned())]]);
    assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber_log WHERE success IS NOT NULL"), "13");
}
on_every_server!(dates_come_in_order_each_once_and_a_date_again_only_on_request);

#[test]
fn a_capped_job_of_crontabbers_notation_is_due_again_at_once() {
    let jobs = Jobs::new(
        "capped",
        "[[job]]\nname = \"j\"\nschedule = \"1d\"\nbackfill = true\nmax_backfill = 2\nsql = \"SELECT $1\"\n",
    );
    jobs.db.sql(
        "INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
         VALUES ('j', now() - interval '1 h', now() - interval '5 d 1 h', 0, '{}')",
    );
    for words in ["runs now, for 2 dates, from ", "runs now, for 20", "is not due before "] {
        jobs.ends(0, &["run"]);
        assert!(jobs.jobs(&["why"]).stdout.contains(words), "{words}: {}", jobs.jobs(&["why"]).stdout);
    }
    assert_eq!(jobs.attempts("j").len(), 5);
}

/// Runs these jobs, of which those of this name have missed 40 dates: the lines of their log.
fn missed(name: &str, toml: &str, many: &str) -> (Jobs, Vec<String>) {
    let jobs = Jobs::new(name, toml);
    jobs.db.sql(&format!(
        "INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
         SELECT name, now(), date_trunc('minute', now()) - interval '40 min', 0, '{{}}' FROM unnest(ARRAY[{many}]) name"
    ));
    jobs.ends(0, &["run"]);
    let log = jobs.text("log").lines().map(str::to_owned).collect();
    (jobs, log)
}

#[test]
fn many_missed_dates_leave_others_their_turn() {
    let (jobs, log) = missed(
        "turns",
        r#"
[[job]]
name = "a much"
every = "1m"
backfill = true
command = "sleep 0.2; echo much >> log"
[[job]]
name = "b little"
schedule = "1d"
command = "echo little >> log"
"#,
        "'a much'",
    );
    let at = log.iter().position(|line| line == "little").unwrap();
    let much = log.iter().filter(|line| *line == "much").count();
    assert!(at < 35 && (40..=42).contains(&much), "{at} of {much}");
    let is_up_to_date = "(last_success >= date_trunc('minute', now()) - interval '1 min')";
    assert_eq!(jobs.row("a much", is_up_to_date), "true");
}

#[test]
fn of_two_with_many_missed_dates_neither_waits_for_all_of_the_other() {
    let job = |name: &str| {
        format!(
            "[[job]]\nname = \"{name}\"\nevery = \"1m\"\nbackfill = true\ncommand = \"sleep 0.2; echo {name} >> log\"\n"
        )
    };
    let (_, log) = missed("both", &(job("a") + &job("b")), "'a', 'b'");
    // Some of a, some of b, the rest of a, the rest of b.
    let last = |what: &str| log.iter().rposition(|line| line == what).unwrap();
    let first_b = log.iter().position(|line| line == "b").unwrap();
    assert!(log[0] == "a" && first_b < last("a") && last("a") < last("b"), "{log:?}");
    assert!((80..=84).contains(&log.len()), "{log:?}");
}

fn a_date_that_somebody_names_leaves_the_schedule_as_it_was(bin: &Binaries) {
    let jobs = Jobs::on(
        bin,
        "named",
        r#"
[[job]]
name = "grid"
every = "1d"
command = "test $PGKIT_RUN_DATE != 2026-01-04T00:00:00Z"
[[job]]
name = "original"
schedule = "1d"
command = ["true"]
[[job]]
name = "child"
schedule = "1d"
command = "echo ran >> child"
depends_on = ["grid"]
"#,
    );
    let of = |job: &str| {
        jobs.db.sql(&format!(
                "SELECT next_run, first_run, last_run, last_success, ongoing, error_count, last_error::text FROM crontabber WHERE app_name = '{job}'"
            ))
    };
    // Where there was no row there is none.
    for job in ["grid", "original"] {
        jobs.ends(0, &["run", job, "--date", "2026-01-02"]);
        assert!(of(job).is_empty(), "{job}");
    }
    jobs.ends(1, &["run", "grid", "--date", "2026-01-04"]);
    assert!(of("grid").is_empty());
    // A row that is due stays so, whatever becomes of the date.
    jobs.db.sql(
            "INSERT INTO crontabber (app_name, next_run, first_run, last_run, last_success, error_count, last_error)
             SELECT n, date_trunc('day', now()), now() - interval '9 d', now() - interval '1 d', now() - interval '1 d', 0, '{}'
             FROM (VALUES ('grid'), ('original')) v (n)",
        );
    let before = [of("grid"), of("original")];
    jobs.ends(0, &["run", "grid", "--date", "2026-01-03"]);
    jobs.ends(1, &["run", "grid", "--date", "2026-01-04"]);
    jobs.ends(0, &["run", "original", "--date", "2026-01-03"]);
    assert_eq!([of("grid"), of("original")], before);
    let why = jobs.jobs(&["why"]).stdout;
    assert!(why.contains("grid\tyes\t") && why.contains("original\tyes\t"), "{why}");
    // The date that is due is done when it was named.
    let today = jobs.db.value("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')");
    jobs.ends(0, &["run", "grid", "--date", &today]);
    assert!(jobs.jobs(&["why", "grid"]).stdout.contains("is not due before "));
    let dry = jobs.ends(0, &["run", "grid", "--date", &today, "--dry-run"]);
    assert!(dry.stdout.contains("no\thas already run for "), "{}", dry.stdout);
    let dry = jobs.ends(0, &["run", "grid", "--date", "2026-01-09", "--dry-run"]);
    assert_eq!(dry.stdout, "grid\tyes\truns now, for 2026-01-09T00:00:00Z\n");
    let odd = jobs.ends(0, &["run", "grid", "--date", "2026-01-09T03:00"]);
    assert!(
        odd.stderr.contains("WARNING: 2026-01-09T03:00:00Z is not in the schedule of job \"grid\""),
        "{}",
        odd.stderr
    );
    let future = jobs.ends(0, &["run", "grid", "--date", "2199-01-09"]);
    assert!(future.stderr.contains("is in the future"), "{}", future.stderr);
}
on_every_server!(a_date_that_somebody_names_leaves_the_schedule_as_it_was);

#[test]
fn a_date_that_is_named_by_its_day_is_the_one_that_the_schedule_has_that_day() {
    let jobs = Jobs::new(
        "days",
        r#"
[defaults]
timezone = "America/New_York"
backfill = true
[[job]]
name = "grid"
every = "1d"
at = "02:30"
sql = "SELECT $1"
[[job]]
name = "cron"
cron = "30 2 * * *"
sql = "SELECT $1"
[[job]]
name = "original"
schedule = "1d|02:30"
sql = "SELECT $1"
"#,
    );
    // In that night clocks skip it.
    for job in ["grid", "cron", "original"] {
        jobs.ends(0, &["run", job, "--date", "2026-03-08"]);
        jobs.ends(0, &["run", job, "--date", "2026-03-09"]);
    }
    let dates = jobs.db.sql("SELECT string_agg(to_char(run_date AT TIME ZONE 'UTC', 'DD HH24:MI'), ', ' ORDER BY run_date) FROM pgkit_run GROUP BY app_name ORDER BY app_name");
    let dates: Vec<&str> = dates.iter().map(|row| row[0].as_deref().unwrap()).collect();
    assert_eq!(dates, ["08 07:00, 09 06:30", "08 07:00, 09 06:30", "08 02:30, 09 02:30"]);
}

fn a_job_that_crontabber_has_begun_keeps_its_dates_when_pgkit_takes_it_over(bin: &Binaries) {
    let jobs = Jobs::on(
        bin,
        "begun",
        "[[job]]\nname = \"bf\"\nevery = \"1d\"\nbackfill = true\nsql = \"SELECT $1\"\n
             [[job]]\nname = \"plain\"\nevery = \"1d\"\nsql = \"SELECT 1\"\n",
    );
    // It has failed since it began three days ago.
    jobs.db.sql(
            "INSERT INTO crontabber (app_name, next_run, first_run, last_run, error_count, last_error)
             SELECT n, now() - interval '1 min', now() - interval '3 d', now() - interval '6 min', 5, '{\"type\": \"a\", \"value\": \"b\", \"traceback\": \"c\"}'
             FROM (VALUES ('bf'), ('plain')) v (n)",
        );
    let dry = jobs.ends(0, &["run", "--dry-run"]);
    assert!(
        dry.stdout.contains("bf\tyes\truns now, for 3 dates, from ") && dry.stdout.contains("plain\tyes\t"),
        "{}",
        dry.stdout
    );
    jobs.ends(0, &["run"]);
    assert_eq!((jobs.attempts("bf").len(), jobs.attempts("plain").len()), (3, 1), "on {}", bin.major);
}
on_every_server!(a_job_that_crontabber_has_begun_keeps_its_dates_when_pgkit_takes_it_over);

fn a_parent_whose_schedule_was_changed_holds_up_nobody(bin: &Binaries) {
    let with = |every: &str| {
        format!(
                "[[job]]\nname = \"parent\"\nevery = \"{every}\"\nsql = \"SELECT 1\"\n
                 [[job]]\nname = \"child\"\nschedule = \"1d\"\ncommand = \"echo ran >> child\"\ndepends_on = [\"parent\"]\n"
            )
    };
    let jobs = Jobs::on(bin, "replan", &with("1s"));
    jobs.ends(0, &["run"]);
    jobs.wait("the parent has run", || {
        jobs.jobs(&["run", "parent"]).code == Some(0) && !jobs.attempts("parent").is_empty()
    });
    std::thread::sleep(std::time::Duration::from_millis(1100));
    jobs.write(&with("1w"));
    jobs.db.sql("DELETE FROM crontabber WHERE app_name = 'child'");
    jobs.ends(0, &["run"]);
    assert!(jobs.text("child").lines().count() >= 1, "on {}", bin.major);
    assert_eq!(jobs.row("parent", "(next_run > now())"), "true");
}
on_every_server!(a_parent_whose_schedule_was_changed_holds_up_nobody);

#[test]
fn a_job_that_is_cut_off_after_its_first_date_ever_is_due_for_crontabber_too() {
    let jobs = Jobs::new(
        "due",
        "[[job]]\nname = \"j\"\nevery = \"1h\"\nbackfill = true\ncommand = \"echo x >> log; [ $(grep -c . log) = 1 ] || sleep 60\"\n",
    );
    // As a claim of a crontabber's leaves it that was given up.
    jobs.db.sql(
        "INSERT INTO crontabber (app_name, last_success, error_count, last_error)
         VALUES ('j', date_trunc('hour', now()) - interval '3 h', 0, '{}')",
    );
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("log", 2);
    runner.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(runner.end().code, Some(143));
    assert_eq!(jobs.row("j", "(next_run <= now() AND ongoing IS NULL)"), "true");
    assert_eq!(jobs.attempts("j"), ["succeeded 1", "interrupted 1"]);
}
