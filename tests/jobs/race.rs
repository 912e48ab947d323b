//! Several at once, after the same job: exactly one starts it. `PGKIT_TEST_ROUNDS=200` plays as many rounds of each.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Jobs;
use super::fixture::Process;
use crate::support::*;

/// How many rounds are played.
fn rounds(few: usize) -> usize {
    variable("PGKIT_TEST_ROUNDS").map_or(few, |rounds| rounds.parse().unwrap())
}

/// Starts so many processes, which wait for a lock until all are there; then lets them go at once.
fn released(jobs: &Jobs, count: usize) -> Vec<Process> {
    let gate = jobs.db.session();
    gate.sql("BEGIN; LOCK TABLE crontabber IN ACCESS EXCLUSIVE MODE");
    let all: Vec<Process> = (0..count).map(|_| jobs.start(&["run", "--lock-timeout", "0"])).collect();
    jobs.wait("all wait at the gate", || {
        jobs.db.value("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'crontabber'::regclass")
            == count.to_string()
    });
    gate.sql("COMMIT");
    all
}

fn play(name: &str, work: &str, starts: &dyn Fn(&Jobs) -> usize) {
    let jobs = Jobs::new(name, &format!("[[job]]\nname = \"j\"\nschedule = \"1d\"\n{work}\n"));
    jobs.db.sql("CREATE TABLE starts (at timestamptz DEFAULT clock_timestamp())");
    for round in 0..rounds(4) {
        for count in [2, 4, 8] {
            // A row that is due, or none at all: then the race is for the row itself.
            jobs.db.sql(if round % 2 == 0 {
                "UPDATE crontabber SET next_run = now() - interval '1 s'"
            } else {
                "DELETE FROM crontabber"
            });
            let before = starts(&jobs);
            let ended: Vec<Output> = released(&jobs, count).into_iter().map(Process::end).collect();
            let told = || ended.iter().map(Output::snapshot).collect::<Vec<_>>().join("\n");
            assert_eq!(starts(&jobs) - before, 1, "{}", told());
            let codes: Vec<i32> = ended.iter().map(|output| output.code.unwrap()).collect();
            assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?} {}", told());
            assert!(codes.iter().all(|code| [0, 2, 3].contains(code)), "{codes:?} {}", told());
        }
    }
    assert_eq!(jobs.db.value("SELECT count(DISTINCT state) || max(state) FROM pgkit_run"), "1succeeded");
}

#[test]
fn a_program_is_started_by_one_of_many() {
    play("race", "command = \"echo start >> starts; sleep 0.4\"", &|jobs| {
        jobs.text("starts").lines().count()
    });
}

#[test]
fn sql_is_started_by_one_of_many() {
    play("racesql", "sql = \"INSERT INTO starts DEFAULT VALUES; SELECT pg_sleep(0.4)\"", &|jobs| {
        jobs.db.value("SELECT count(*) FROM starts").parse().unwrap()
    });
}

fn of_many_that_stay_one_starts_each_date_and_none_is_lost(bin: &Binaries) {
    let jobs = Jobs::on(
        bin,
        "stay",
        r#"
[[job]]
name = "s"
every = "1s"
backfill = true
sql = "INSERT INTO dates VALUES ($1)"
[[job]]
name = "p"
every = "1s"
backfill = true
command = "echo {date} >> dates"
"#,
    );
    jobs.db.sql("CREATE TABLE dates (date timestamptz)");
    let all: Vec<Process> =
        (0..4).map(|_| jobs.start(&["run", "--every", "2s", "--parallel", "2"])).collect();
    std::thread::sleep(Duration::from_secs(6));
    for process in all {
        process.signal(Signal::SIGTERM);
        let output = process.end();
        assert_eq!(output.code, Some(143), "{}", output.snapshot());
    }
    let mut dates: BTreeMap<&str, usize> = BTreeMap::new();
    let text = jobs.text("dates");
    text.lines().for_each(|date| *dates.entry(date).or_default() += 1);
    assert!(dates.len() >= 4 && dates.values().all(|count| *count == 1), "on {}: {dates:?}", bin.major);
    let sql = jobs.db.sql(
            "SELECT count(*), count(DISTINCT date), extract(epoch FROM max(date) - min(date))::int + 1 FROM dates",
        );
    assert!(sql[0].iter().all(|number| *number == sql[0][0]), "on {}: {sql:?}", bin.major);
}
on_every_server!(of_many_that_stay_one_starts_each_date_and_none_is_lost);

/// How long a run of an original crontabber takes.
const RUN: Duration = Duration::from_millis(500);

/// What the original does for a job that is due: reads whether it is ongoing, and writes that it is, in two
/// transactions. Says whether it would run it.
fn claims_as_the_original(session: &Session) -> bool {
    let reads = Instant::now();
    let read = session.sql("SELECT ongoing FROM crontabber WHERE app_name = 'j'");
    if read.first().is_none_or(|row| row[0].is_some()) {
        return false;
    }
    // Python takes its time between the two.
    std::thread::sleep(Duration::from_millis(3));
    session.sql("BEGIN");
    let wrote =
        session.try_sql("SELECT ongoing FROM crontabber WHERE app_name = 'j' FOR UPDATE NOWAIT").and_then(
            |_| session.try_sql("UPDATE crontabber SET ongoing = clock_timestamp() WHERE app_name = 'j'"),
        );
    match wrote {
        // What it read is older than a run takes: no trigger can tell such a crontabber from one that has just come.
        Ok(_) if reads.elapsed() > RUN - Duration::from_millis(100) => {
            session.sql("ROLLBACK");
            false
        }
        Ok(_) => {
            session.sql("COMMIT");
            true
        }
        Err(e) => {
            // It knows these two, and ends with 2; anything else would be a traceback.
            let error = e.as_db_error().unwrap();
            let is_known = error.message().contains("could not obtain lock")
                || error.message().contains("crontabber_unique_app_name_idx");
            assert!(is_known, "{error}");
            session.sql("ROLLBACK");
            false
        }
    }
}

#[test]
fn beside_real_crontabbers_the_trigger_keeps_a_job_from_starting_twice() {
    let jobs = Jobs::new(
        "originals",
        "[[job]]\nname = \"j\"\nschedule = \"1d\"\ncommand = \"echo start >> starts; sleep 0.5\"\n",
    );
    jobs.ends(0, &["guard", "install"]);
    jobs.ends(0, &["run"]);
    let mut by_original = 0;
    for _ in 0..rounds(6) {
        jobs.db.sql("UPDATE crontabber SET next_run = now() - interval '1 s', ongoing = NULL");
        let before = jobs.text("starts").lines().count();
        let runners = released(&jobs, 2);
        let originals: Vec<_> = (0..4)
            .map(|i| {
                let session = jobs.db.session();
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(4 * i));
                    let mut claimed = 0;
                    for _ in 0..30 {
                        if claims_as_the_original(&session) {
                            claimed += 1;
                            std::thread::sleep(RUN);
                            session.sql("UPDATE crontabber SET ongoing = NULL, next_run = now() + interval '1 d' WHERE app_name = 'j'");
                            break;
                        }
                        let due = session.sql("SELECT FROM crontabber WHERE next_run < now()");
                        if due.is_empty() {
                            break;
                        }
                        std::thread::sleep(Duration::from_millis(2));
                    }
                    claimed
                })
            })
            .collect();
        let ended: Vec<Output> = runners.into_iter().map(Process::end).collect();
        let originals: usize = originals.into_iter().map(|thread| thread.join().unwrap()).sum();
        by_original += originals;
        let ours = jobs.text("starts").lines().count() - before;
        assert_eq!(
            ours + originals,
            1,
            "{ours} {originals} {:?}",
            ended.iter().map(Output::snapshot).collect::<Vec<_>>()
        );
    }
    assert!(by_original > 0, "the originals never won: this was no race");
}
