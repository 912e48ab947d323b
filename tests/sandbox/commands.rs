//! The commands as a person types them.

use std::io::BufRead;
use std::process::{Command, Stdio};

use super::{Place, bin, runs};
use crate::support::*;

/// `pgkit sandbox …` whose servers live in this place.
fn sandbox(place: &Place, words: &[&str]) -> Command {
    let mut command = bare_pgkit();
    command.env("TMPDIR", place.temp.path()).env("PGKIT_PG_BIN", &bin().dir).arg("sandbox").args(words);
    command
}

#[test]
fn the_tour_shows_the_main_commands_and_leaves_nothing_behind() {
    let place = Place::new();
    let output = run(&mut sandbox(&place, &["tour"]));
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{}", output.snapshot());
    for shown in [
        "$ pgkit relations | grep crap\npublic\tcrap_by_reason\tview\tpostgres",
        "$ pgkit find crap",
        "$ pgkit sizes --group-partitions",
        "\"name\":\"missing_symbols\"",
        "nightly report",
        "\tterminated\t",
        "vacuum\tno\tis not due before ",
        "\nreports-clean\t2017-03-04T11:00:00Z\t",
        "ORDER BY n.nspname, c.relname",
    ] {
        assert!(output.stdout.contains(shown), "not shown: {shown}\n{}", output.stdout);
    }
    assert!(place.left().is_empty());
}

#[test]
fn run_gives_its_command_a_server_and_its_exit_code_back() {
    let place = Place::new();
    let output = run(&mut sandbox(
        &place,
        &["run", "--", "sizes", "--group-partitions", "--measure", "main", "--limit", "1"],
    ));
    assert!(output.lines()[0].starts_with("public\treports_user_info\ttable\t58\t"), "{}", output.snapshot());
    assert_eq!(run(&mut sandbox(&place, &["run", "--", "sizes", "--nonsense"])).code, Some(64));
    let shell = run(&mut sandbox(&place, &["run", "--", "sh", "-c", "echo $PGDATABASE; exit 7"]));
    assert_eq!((shell.code, shell.stdout.as_str()), (Some(7), "demo\n"));
    let none = run(&mut sandbox(&place, &["run", "--", "no-such-program"]));
    assert_eq!(none.code, Some(64));
    assert!(none.stderr.contains("could not start no-such-program"), "{}", none.stderr);
    assert!(place.left().is_empty());
}

#[test]
fn kill_9_of_run_takes_its_command_along() {
    let place = Place::new();
    let mut command = sandbox(&place, &["run", "--", "sh", "-c", "echo $$; exec sleep 100"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let pid = line.trim().parse().unwrap();
    assert!(runs(pid));
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the command has ended", || !runs(pid));
    place.is_empty_soon();
}

#[test]
fn what_points_to_another_server_does_not_reach_the_command() {
    let place = Place::new();
    let mut command = sandbox(&place, &["run", "--", "relations", "crap_reports"]);
    command
        .env("PGSERVICE", "production")
        .env("PGHOSTADDR", "192.0.2.1")
        .env("PGDATABASE", "other")
        .env("PGUSER", "me");
    assert_eq!(run(&mut command).lines(), ["public\tcrap_reports\ttable\tpostgres"]);
}

#[test]
fn start_prints_what_a_shell_needs_and_stop_ends_it() {
    let place = Place::new();
    assert_eq!(run(&mut sandbox(&place, &["status"])).code, Some(1));
    let mut shell = Command::new("sh");
    shell
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", place.temp.path())
        .env("PGKIT_PG_BIN", &bin().dir);
    shell.env("PGSERVICE", "production").env("HOME", "/nonexistent");
    shell.arg("-c").arg(format!("eval \"$({PGKIT} sandbox start)\" && {PGKIT} relations crap_reports"));
    assert_eq!(run(&mut shell).lines(), ["public\tcrap_reports\ttable\tpostgres"]);
    // A second start gives the same server.
    let again = run(&mut sandbox(&place, &["start"]));
    assert!(again.stderr.contains("is already running"), "{}", again.snapshot());
    let status = run(&mut sandbox(&place, &["status"]));
    assert!(status.lines()[0].contains("runs until `pgkit sandbox stop`"), "{}", status.snapshot());
    let stopped = run(&mut sandbox(&place, &["stop"]));
    assert_eq!(stopped.code, Some(0));
    assert_eq!(run(&mut sandbox(&place, &["status"])).code, Some(1));
    assert_eq!(run(&mut sandbox(&place, &["stop"])).stderr, "pgkit: no sandbox was running\n");
    assert!(place.left().is_empty());
}

#[test]
fn a_signal_in_the_middle_leaves_nothing_behind() {
    use nix::sys::signal::{Signal, kill};
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let place = Place::new();
        let mut child = sandbox(&place, &["run", "--", "sh", "-c", "echo up; exec sleep 60"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut up = [0; 3];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut up).unwrap();
        kill(nix::unistd::Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        place.is_empty_soon();
    }
}

#[test]
fn without_postgresql_it_says_what_to_install() {
    let place = Place::new();
    let mut command = sandbox(&place, &["tour"]);
    let empty = place.temp.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let output = run(command.env("PGKIT_PG_BIN", &empty));
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    assert!(output.stderr.contains("PGKIT_PG_BIN"), "{}", output.stderr);
    let output = run(&mut sandbox(&place, &["tour", "--bin-dir", "/nonexistent"]));
    assert_eq!(output.code, Some(64), "{}", output.snapshot());
}
