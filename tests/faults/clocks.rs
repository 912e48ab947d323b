//! Machines whose clocks are hours apart: the server's clock is the only one.

use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use super::fixture::{Jobs, Process};
use crate::support::*;

/// What gives a process another clock (libfaketime), where it is installed.
fn faketime() -> Option<PathBuf> {
    let named = variable("PGKIT_TEST_FAKETIME").map(PathBuf::from);
    let usual = [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    ];
    let found = named.or_else(|| usual.iter().map(PathBuf::from).find(|path| path.is_file()));
    if found.is_none() {
        say(format_args!("not run: no libfaketime (apt install libfaketime)"));
    }
    found
}

fn start(jobs: &Jobs, library: &Path, offset: &str, args: &[&str]) -> Process {
    let mut command = jobs.command(args);
    // Only the time of day differs: what counts the time that passes goes on everywhere alike.
    command.env("LD_PRELOAD", library).env("FAKETIME", offset).env("DONT_FAKE_MONOTONIC", "1");
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Process::start(&mut command)
}

#[test]
fn clocks_that_are_hours_apart_change_nothing() {
    let Some(library) = faketime() else { return };
    let jobs = Jobs::new(
        "clocks",
        r#"
[[job]]
name = "grid"
every = "1s"
backfill = true
sql = "INSERT INTO dates VALUES ($1)"
[[job]]
name = "program"
every = "1s"
command = "echo $PGKIT_RUN_DATE >> dates"
[[job]]
name = "cron"
cron = "* * * * *"
sql = "SELECT 1"
[[job]]
name = "later"
schedule = "1h"
command = "echo later >> later"
"#,
    );
    jobs.db.sql("CREATE TABLE dates (date timestamptz, at timestamptz DEFAULT clock_timestamp())");
    let ahead = start(&jobs, &library, "+3h", &["run", "--every", "1s", "--parallel", "2"]);
    let behind = start(&jobs, &library, "-3h", &["run", "--every", "1s", "--parallel", "2"]);
    std::thread::sleep(std::time::Duration::from_secs(6));
    for process in [ahead, behind] {
        process.signal(Signal::SIGTERM);
        let output = process.end();
        assert_eq!(output.code, Some(143), "{}", output.snapshot());
    }
    let counts = jobs.db.sql(
        "SELECT count(*), count(DISTINCT date), extract(epoch FROM max(date) - min(date))::int + 1,
                bool_and(abs(extract(epoch FROM at - date)) < 5) FROM dates",
    );
    let row: Vec<&str> = counts[0].iter().map(|cell| cell.as_deref().unwrap()).collect();
    assert!(
        row[0] == row[1] && row[0] == row[2] && row[3] == "t" && row[0].parse::<u32>().unwrap() > 3,
        "{row:?}"
    );
    let text = jobs.text("dates");
    let mut dates: Vec<&str> = text.lines().collect();
    let count = dates.len();
    dates.sort_unstable();
    dates.dedup();
    assert_eq!(dates.len(), count, "{text}");
    assert_eq!(jobs.text("later"), "later\n");
    // And what people see is the server's time too.
    let why = start(&jobs, &library, "+3h", &["why", "later"]).end();
    assert!(why.stdout.contains("in 59m 5"), "{}", why.snapshot());
}
