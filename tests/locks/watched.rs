//! `--fail-after`, and what is said beside the answer.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::*;

/// One who waits for another.
fn pair(bin: &Binaries) -> Scene {
    let mut scene = Scene::new(bin);
    scene.holder("holder", "SELECT pg_advisory_lock(1)");
    scene.waiter("waiter", "", "SELECT pg_advisory_lock(1)");
    scene
}

fn nobody_waits_and_nothing_is_said_in_a_pipe(bin: &Binaries) {
    let scene = Scene::new(bin);
    for args in [&["locks"][..], &["locks", "--fail-after", "0"], &["locks", "--format", "tree"]] {
        let output = run(pgkit(&scene.db()).args(args));
        assert_eq!(
            (output.code, output.stdout.as_str(), output.stderr.as_str()),
            (Some(0), "", ""),
            "{args:?}"
        );
    }
    let json = run(pgkit(&scene.db()).args(["locks", "--json"]));
    assert_eq!(json.stdout, "[]\n");
}
on_every_server!(nobody_waits_and_nothing_is_said_in_a_pipe);

fn fail_after_ends_with_1_when_somebody_has_waited_longer_whatever_is_shown(bin: &Binaries) {
    let scene = pair(bin);
    let db = scene.db();
    assert_eq!(run(pgkit(&db).args(["locks", "--fail-after", "1h"])).code, Some(0));
    std::thread::sleep(Duration::from_millis(300));
    for args in [
        &[][..],
        &["--limit", "0"],
        &["--limit", "1"],
        &["--grep", "nothing like this"],
        &["--sort", "pid"],
        &["--columns", "pid"],
        &["--json"],
        &["--format", "tree"],
    ] {
        let output = run(pgkit(&db).args(["locks", "--fail-after", "200ms"]).args(args));
        assert_eq!(output.code, Some(1), "{args:?} {}", output.snapshot());
        let remark = &output.stderr;
        assert!(
            remark.starts_with("pgkit: locks: 1 session has waited longer than 200 ms; pid ")
                && remark.lines().count() == 1,
            "{remark}"
        );
    }
    assert_eq!(run(pgkit(&db).args(["locks", "--fail-after", "0"])).code, Some(1));
    let quiet = run(pgkit(&db).args(["locks", "--fail-after", "200ms", "-q", "--limit", "0"]));
    assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (Some(1), "", ""));
}
on_every_server!(fail_after_ends_with_1_when_somebody_has_waited_longer_whatever_is_shown);

#[test]
fn a_reader_that_goes_away_does_not_make_the_answer_good() {
    let scene = pair(bin());
    let db = scene.db();
    let mut sh = Command::new("bash");
    sh.env_clear().envs(db.info.env()).env("PGDATABASE", &db.name).env("HOME", "/nonexistent");
    sh.arg("-c").arg(format!("{PGKIT} locks --fail-after 0 -q | true; echo ${{PIPESTATUS[0]}}"));
    assert_eq!(run(&mut sh).stdout, "1\n");
}

fn what_cannot_be_seen_is_not_taken_for_good(bin: &Binaries) {
    let scene = pair(bin);
    scene.db().sql("CREATE ROLE nobody_special LOGIN");
    let output =
        run(pgkit(&scene.db()).env("PGUSER", "nobody_special").args(["locks", "--fail-after", "1h"]));
    assert_eq!(output.stdout.lines().count(), 2);
    if bin.major >= 14 {
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
    } else {
        assert_eq!(output.code, Some(77), "{}", output.snapshot());
        assert!(
            output.stderr.contains("cannot see how long 1 session has waited\nhint: "),
            "{}",
            output.stderr
        );
    }
    scene.db().sql("GRANT pg_read_all_stats TO nobody_special");
    let output =
        run(pgkit(&scene.db()).env("PGUSER", "nobody_special").args(["locks", "--fail-after", "1h"]));
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{}", output.snapshot());
}
on_every_server!(what_cannot_be_seen_is_not_taken_for_good);

#[test]
fn watch_goes_on_until_somebody_has_waited_longer() {
    let mut scene = Scene::new(bin());
    let db = scene.db();
    let start = Instant::now();
    let mut command = pgkit(&db);
    command.args(["locks", "--watch", "0.1", "--fail-after", "700ms", "--columns", "at,pid,blocker"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let holder = scene.holder("holder", "SELECT pg_advisory_lock(1)");
    let waiter = scene.waiter("waiter", "", "SELECT pg_advisory_lock(1)");
    let lines: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(start.elapsed() > Duration::from_millis(900) && start.elapsed() < Duration::from_secs(20));
    let last = lines.last().unwrap();
    assert!(last.ends_with(&format!("Z\t{waiter}\t{holder}")), "{lines:?}");
    assert!(lines.len() >= 4 && lines.len().is_multiple_of(2), "{lines:?}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("has waited longer than 700 ms") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn a_bad_limit_and_what_does_not_go_together_are_wrong_usage() {
    for args in [
        &["locks", "--fail-after", "30"][..],
        &["locks", "--fail-after", "-3s"],
        &["locks", "--fail-after", "1s", "--sql"],
        &["locks", "--all-databases"],
        &["locks", "nonsense"],
        &["locks", "--format", "tree", "--sort", "pid"],
        &["relations", "--fail-after", "1s"],
    ] {
        let output = run(bare_pgkit().env("PGHOST", "/nowhere").args(args));
        assert_eq!((output.code, output.stdout.as_str()), (Some(64), ""), "{args:?} {}", output.snapshot());
        assert!(output.stderr.starts_with("pgkit: "), "{}", output.stderr);
    }
    assert_eq!(run(bare_pgkit().env("PGHOST", "/nowhere").arg("locks")).code, Some(69));
}
