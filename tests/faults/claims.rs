//! Claims that are renewed, taken away, or whose end nobody hears of.

use std::time::{Duration, Instant};

use crate::beats;
use crate::fixture::{Jobs, Process, numbers};
use crate::proxy::{Proxy, Way};
use crate::support::*;

#[test]
fn a_claim_is_renewed_before_a_crontabber_would_take_it_for_stale() {
    for bin in bins() {
        let jobs = Jobs::on(
            bin,
            "renew",
            "[defaults]\nmax_ongoing_age = \"4s\"\n
             [[job]]\nname = \"p\"\nschedule = \"1d\"\ncommand = [\"sleep\", \"5.5\"]\n
             [[job]]\nname = \"s\"\nschedule = \"1d\"\nsql = \"INSERT INTO t SELECT FROM pg_sleep(5.5)\"\n",
        );
        jobs.db.sql("CREATE TABLE t ()");
        // The trigger lets whoever holds the claim renew it.
        jobs.ends(0, &["guard", "install"]);
        let mut runner = jobs.start(&["run", "--parallel", "2"]);
        let mut claims = std::collections::BTreeSet::new();
        while !runner.has_ended() {
            for row in jobs.db.sql("SELECT app_name || ongoing, clock_timestamp() - ongoing < '4 s' FROM crontabber WHERE ongoing IS NOT NULL") {
                assert_eq!(row[1].as_deref(), Some("t"), "on {}", bin.major);
                claims.insert(row[0].clone());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let output = runner.end();
        assert_eq!(output.code, Some(0), "on {}: {}", bin.major, output.snapshot());
        assert!(claims.len() >= 4, "{claims:?}");
        assert_eq!(
            (jobs.attempts("p"), jobs.attempts("s")),
            (vec!["succeeded 1".into()], vec!["succeeded 1".into()])
        );
        assert_eq!(jobs.db.value("SELECT count(*) FROM t"), "1");
        assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber WHERE ongoing IS NOT NULL"), "0");
    }
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
            && output
                .stderr
                .contains("j: was cut off: its claim is gone: somebody else has taken it over, or reset it"),
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
fn when_the_answer_to_commit_is_lost_the_ledger_is_read_and_nothing_happens_twice() {
    let jobs = Jobs::new(
        "answer",
        "[[job]]\nname = \"j\"\nevery = \"1h\"\nbackfill = true\nsql = \"INSERT INTO t VALUES ($1)\"\n",
    );
    jobs.db.sql(
        "CREATE TABLE t (date timestamptz);
         INSERT INTO crontabber (app_name, next_run, last_success, error_count, last_error)
         VALUES ('j', now() - interval '1 d', date_trunc('hour', now()) - interval '3 h', 0, '{}')",
    );
    let proxy = Proxy::new(&jobs.db);
    // Its last date is recorded by this statement; of what comes back nothing arrives.
    proxy.set_at("finish", Way::Deaf);
    let mut command = jobs.command(&["run"]);
    proxy.lead(&mut command);
    let runner = Process::start(&mut command);
    jobs.wait("it is committed", || jobs.db.value("SELECT count(*) FROM t") == "3");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(jobs.jobs(&["why"]).stdout.matches("not due").count(), 1);
    proxy.half_close();
    proxy.set(Way::Open);
    let output = runner.end();
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    assert_eq!(jobs.db.value("SELECT count(*) || ' ' || count(DISTINCT date) FROM t"), "3 3");
    assert_eq!(jobs.db.value("SELECT count(*) FROM crontabber_log"), "3");
    assert_eq!(jobs.attempts("j"), ["succeeded 1", "succeeded 1", "succeeded 1"]);
}
