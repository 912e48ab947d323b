//! Claims that are renewed, taken away, or whose end nobody hears of.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::beats;
use super::fixture::{Jobs, Process, numbers};
use super::proxy::{Proxy, Way};
use crate::support::*;

fn a_claim_is_renewed_before_a_crontabber_would_take_it_for_stale(bin: &Binaries) {
    let jobs = Jobs::on(
            bin,
            "renew",
            "[defaults]\nmax_ongoing_age = \"4s\"\n
             [[job]]\nname = \"p\"\nschedule = \"1d\"\ncommand = [\"sleep\", \"5.5\"]\n
             [[job]]\nname = \"s\"\nschedule = \"1d\"\nsql = \"INSERT INTO t SELECT FROM pg_sleep(5.5)\"\n
             [[job]]\nname = \"dates\"\nevery = \"1h\"\nbackfill = true\ncommand = [\"sleep\", \"0.8\"]\n
             [[job]]\nname = \"sql dates\"\nevery = \"1h\"\nbackfill = true\nsql = \"SELECT pg_sleep(0.8)\"\n",
        );
    jobs.db.sql(
        "CREATE TABLE t ();
             INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
             SELECT name, now() - interval '1 d', date_trunc('hour', now()) - interval '7 h', 0, '{}'
             FROM unnest(ARRAY['dates', 'sql dates']) name",
    );
    // The trigger lets whoever holds the claim renew it.
    jobs.ends(0, &["guard", "install"]);
    let mut runner = jobs.start(&["run", "--parallel", "4"]);
    let mut claims = BTreeSet::new();
    while !runner.has_ended() {
        for row in jobs.db.sql("SELECT app_name || ongoing, clock_timestamp() - ongoing < '4 s' FROM crontabber WHERE ongoing IS NOT NULL") {
                assert_eq!(row[1].as_deref(), Some("t"), "on {}", bin.major);
                claims.insert(row[0].clone());
            }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = runner.end();
    assert_eq!(output.code, Some(0), "on {}: {}", bin.major, output.snapshot());
    // Each was renewed once at least.
    assert!(claims.len() >= 8, "{claims:?}");
    assert_eq!(
        (jobs.attempts("p"), jobs.attempts("s")),
        (vec!["succeeded 1".into()], vec!["succeeded 1".into()])
    );
    assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "1");
    assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber WHERE ongoing IS NOT NULL"), "0");
}
on_every_server!(a_claim_is_renewed_before_a_crontabber_would_take_it_for_stale);

#[test]
fn who_locks_the_row_of_a_healthy_job_for_longer_than_its_lease_costs_it_nothing() {
    let jobs = Jobs::new(
        "locks",
        "[[job]]\nname = \"j\"\nschedule = \"1d\"\nlease = \"3s\"\nmax_ongoing_age = \"4s\"\ncommand = [\"sleep\", \"7\"]\n",
    );
    jobs.db.sql(
        "INSERT INTO crontabber (app_name, next_run, error_count, last_error) VALUES ('j', now(), 0, '{}')",
    );
    let runner = jobs.start(&["run"]);
    jobs.wait("it is claimed", || !jobs.row("j", "ongoing").is_empty());
    let other = jobs.db.session();
    other.sql("BEGIN; SELECT FROM crontabber FOR UPDATE");
    // Its renewal is due after 2 s, and must wait for this.
    std::thread::sleep(Duration::from_secs(6));
    other.sql("ROLLBACK");
    let output = runner.end();
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    assert_eq!(jobs.attempts("j"), ["succeeded 1"]);
}

#[test]
fn a_job_that_is_taken_away_is_killed_and_logged_as_stolen() {
    let toml = beats("10s")
        + "[[job]]\nname = \"s\"\nschedule = \"1d\"\nsql = \"INSERT INTO t SELECT FROM pg_sleep(1)\"\n";
    let jobs = Jobs::new("stolen", &toml);
    jobs.db.sql("CREATE TABLE t ()");
    let runner = jobs.start(&["run", "--parallel", "2"]);
    jobs.wait_for_lines("beats", 3);
    jobs.wait("the SQL runs", || jobs.attempts("s") == ["running 1"]);
    // A crontabber that took over after its own arithmetic, say.
    jobs.db.sql("UPDATE crontabber SET ongoing = clock_timestamp()");
    let begun = Instant::now();
    let pid = numbers(&jobs.path("pids"))[0];
    jobs.wait_dead(pid);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let output = runner.end();
    assert!(
        output.code == Some(1)
            && output.stderr.contains(
                "j: was cut off: its claim is gone: another process has taken it over, or reset it"
            ),
        "{}",
        output.snapshot()
    );
    assert_eq!((jobs.attempts("j"), jobs.attempts("s")), (vec!["stolen 1".into()], vec!["stolen 1".into()]));
    assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "0", "what it did went with it");
    assert_eq!(jobs.db.value("SELECT string_agg(exc_type, ' ') FROM crontabber_log"), "stolen stolen");
    // Its new owner's row is as he left it.
    assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber WHERE ongoing IS NOT NULL AND error_count = 0 AND last_run IS NULL"), "2");
}

#[test]
fn a_result_that_comes_when_the_claim_is_gone_is_logged_and_changes_nothing() {
    let jobs = Jobs::new(
        "gone",
        "[[job]]\nname = \"ok\"\nschedule = \"1d\"\ncommand = \"touch begun; until [ -e go ]; do sleep 0.01; done\"\n",
    );
    let runner = jobs.start(&["run"]);
    jobs.wait("it runs", || jobs.path("begun").exists());
    jobs.db.sql("UPDATE crontabber SET ongoing = NULL, next_run = now() + interval '1 h'");
    std::fs::write(jobs.path("go"), "").unwrap();
    let output = runner.end();
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    let state = jobs.attempts("ok");
    // It ended before the next look at its claim, or just after.
    assert!(state == ["lost claim 1"] || state == ["stolen 1"], "{state:?}");
    assert_eq!(jobs.row("ok", "last_success"), "");
    assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber_log WHERE success IS NULL AND exc_type IN ('lost claim', 'stolen')"), "1");
}

#[test]
fn a_record_whose_answer_is_lost_is_looked_up_or_repeated_and_nothing_happens_twice() {
    for (kind, work) in
        [("sql", "sql = \"INSERT INTO t VALUES ($1)\""), ("program", "command = \"echo '{date}' >> dates\"")]
    {
        // What records a date that another follows, and what records the last one; of what comes back nothing arrives.
        for record in ["next", "finish"] {
            let toml =
                format!("[[job]]\nname = \"j\"\nevery = \"1h\"\nbackfill = true\nlease = \"5s\"\n{work}\n");
            let jobs = Jobs::new(&format!("{record} {kind}"), &toml);
            jobs.db.sql(
                "CREATE TABLE t (date timestamptz);
                 INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
                 VALUES ('j', now() - interval '1 d', date_trunc('hour', now()) - interval '3 h', 0, '{}')",
            );
            let proxy = Proxy::new(&jobs.db);
            proxy.set_at(record, Way::Deaf);
            let mut command = jobs.command(&["run"]);
            proxy.lead(&mut command);
            let runner = Process::start(&mut command);
            jobs.wait("the record is sent", || proxy.is(Way::Deaf));
            let recorded = if record == "next" { "1" } else { "3" };
            jobs.wait("it is recorded", || jobs.db.value("SELECT count(*) FROM crontabber_log") == recorded);
            proxy.half_close();
            proxy.set(Way::Open);
            let output = runner.end();
            assert_eq!(output.code, Some(0), "{}", output.snapshot());
            let dates = jobs.db.sql("SELECT date::text FROM t").into_iter().flat_map(|row| row[0].clone());
            let dates: Vec<String> = dates.chain(jobs.text("dates").lines().map(str::to_owned)).collect();
            let different: BTreeSet<&String> = dates.iter().collect();
            assert_eq!((dates.len(), different.len()), (3, 3), "{kind}, {record}: {dates:?}");
            assert_eq!(jobs.db.value("SELECT count(*) || ' ' || count(success) FROM crontabber_log"), "3 3");
            assert_eq!(jobs.attempts("j"), ["succeeded 1", "succeeded 1", "succeeded 1"]);
            assert_eq!(jobs.jobs(&["why"]).stdout.matches("not due").count(), 1);
        }
    }
}

#[test]
fn what_hinders_the_record_of_a_job_is_no_failure_of_its() {
    let jobs = Jobs::new(
        "hindered",
        "[[job]]\nname = \"j\"\nschedule = \"1d\"\nsql = \"INSERT INTO t SELECT FROM pg_sleep(1)\"\n",
    );
    jobs.db.sql(
        "CREATE TABLE t ();
         INSERT INTO crontabber (app_name, next_run, error_count, last_error) VALUES ('j', now(), 0, '{}')",
    );
    let runner = jobs.start(&["run"]);
    jobs.wait("it is claimed", || !jobs.row("j", "ongoing").is_empty());
    // Somebody reads the row, and leaves his transaction open.
    let other = jobs.db.session();
    other.sql("BEGIN; SELECT FROM crontabber FOR UPDATE");
    let output = {
        let waiting = std::thread::spawn(move || runner.end());
        // The view of activity forgets the wait for a moment when the server looks for a deadlock; the locks do not.
        let waiting_for_locks = || {
            jobs.db.value(
                "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)
                 WHERE datname = current_database() AND NOT granted",
            )
        };
        jobs.wait("the record waits", || waiting_for_locks() == "1");
        jobs.wait("the record has given up", || waiting_for_locks() == "0");
        other.sql("ROLLBACK");
        waiting.join().unwrap()
    };
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(output.stderr.contains("its success could not be recorded: "), "{}", output.stderr);
    assert_eq!(jobs.attempts("j"), ["interrupted 1"]);
    assert_eq!(jobs.row("j", "error_count || ' ' || coalesce(ongoing::text, 'free')"), "0 free");
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "1");
}

#[test]
fn a_lock_that_a_job_gives_away_is_taken_again_before_the_next_date() {
    let jobs = Jobs::new(
        "given away",
        r#"
[[job]]
name = "j"
every = "1h"
backfill = true
sql = """
INSERT INTO t SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT gives()"""
"#,
    );
    jobs.db.sql(
        "CREATE TABLE t ();
         CREATE FUNCTION gives() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_unlock_all()';
         INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
         VALUES ('j', now() - interval '1 d', date_trunc('hour', now()) - interval '3 h', 0, '{}')",
    );
    jobs.ends(0, &["run"]);
    assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "3");
    assert_eq!(jobs.attempts("j").len(), 3);
}

#[test]
fn a_turn_that_is_ordered_while_another_is_recorded_begins_after_that_or_never() {
    for stops in [false, true] {
        let jobs = Jobs::new(
            "ordered",
            "[[job]]\nname = \"a\"\nschedule = \"1d\"\nsql = \"INSERT INTO t SELECT 'a' FROM pg_sleep(0.5)\"\n
             [[job]]\nname = \"b\"\nschedule = \"1d\"\nsql = \"INSERT INTO t SELECT 'b'\"\n",
        );
        jobs.db.sql(
            "CREATE TABLE t (what text);
             INSERT INTO crontabber (app_name, next_run, error_count, last_error)
             SELECT name, now(), 0, '{}' FROM unnest(ARRAY['a', 'b']) name",
        );
        let runner = jobs.start(&["run"]);
        jobs.wait("it is claimed", || !jobs.row("a", "ongoing").is_empty());
        let other = jobs.db.session();
        other.sql("BEGIN; SELECT FROM crontabber WHERE app_name = 'a' FOR UPDATE");
        jobs.wait("its record waits", || jobs.db.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == "1");
        std::thread::sleep(Duration::from_millis(200));
        assert!(jobs.row("b", "ongoing").is_empty());
        if stops {
            runner.signal(nix::sys::signal::Signal::SIGTERM);
            std::thread::sleep(Duration::from_millis(200));
        }
        other.sql("ROLLBACK");
        let output = runner.end();
        let (code, done) = if stops { (143, "a") } else { (0, "ab") };
        assert_eq!(output.code, Some(code), "{}", output.snapshot());
        assert_eq!(jobs.db.value("SELECT string_agg(what, '' ORDER BY what) FROM t"), done);
        assert_eq!(jobs.attempts_if_any(), done.len());
        assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber_log"), done.len().to_string());
    }
}

#[test]
fn a_program_begins_under_its_lock_although_the_renewal_before_it_was_cut_off() {
    let jobs = Jobs::new(
        "renewal",
        "[[job]]\nname = \"j\"\nevery = \"1h\"\nbackfill = true\nmax_ongoing_age = \"4s\"\ncommand = \"echo $PGKIT_RUN_DATE >> log; sleep 0.7\"\n",
    );
    jobs.db.sql(
        "INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
         VALUES ('j', now() - interval '1 d', date_trunc('hour', now()) - interval '6 h', 0, '{}')",
    );
    let runner = jobs.start(&["run"]);
    jobs.wait_for_lines("log", 2);
    // The renewal that is due after 2 s waits for this, and what else the guard asks does not.
    let other = jobs.db.session();
    other.sql("BEGIN; SELECT FROM crontabber FOR KEY SHARE");
    let waits = |what: &str| {
        jobs.db.value(&format!("SELECT count({what}) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"))
    };
    jobs.wait("the renewal waits", || waits("pid") == "1");
    let begun = jobs.text("log").lines().count();
    assert_eq!(waits("pg_terminate_backend(pid)"), "1");
    jobs.wait_for_lines("log", begun + 1);
    let locks = "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' AND datname = current_database()";
    assert_eq!(jobs.db.value(locks), "1");
    other.sql("ROLLBACK");
    let output = runner.end();
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    assert_eq!(jobs.text("log").lines().count(), 6);
    assert_eq!(jobs.attempts("j"), ["succeeded 1"; 6]);
}
