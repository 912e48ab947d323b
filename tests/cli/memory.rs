//! A large answer needs no large memory.

use std::process::Stdio;

use crate::support::*;
use crate::*;

/// The most memory it had, in kB, while it ran to its end.
fn peak(mut command: Command) -> u64 {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Ok(text) = std::fs::read_to_string(&status) {
            let of = |name: &str| -> Option<u64> {
                text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
            };
            // The program's own pages are no memory that the answer takes; a debug build has many.
            if let (Some(most), Some(code)) = (of("VmHWM:"), of("RssFile:")) {
                peak = peak.max(most.saturating_sub(code));
            }
        }
        if let Some(end) = child.try_wait().unwrap() {
            assert!(end.success());
            return peak;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn a_million_rows_pass_in_a_few_megabytes() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = Own::new(&[
        ("one", "\"n int8\", \"t text\"", "SELECT 1::int8 AS n, 'x'::text AS t"),
        (
            "million",
            "\"n int8\", \"t text\"",
            "SELECT g AS n, pg_catalog.md5(g::text) AS t FROM pg_catalog.generate_series(1::int8, 1000000) g",
        ),
    ]);
    let one = peak(own.run(&db, &["one"]));
    for format in ["tsv", "csv", "jsonl"] {
        let all = peak(own.run(&db, &["million", "--format", format, "--statement-timeout", "0"]));
        assert!(all < 16_000 && all < one + 6_000, "{format}: {all} kB for a million rows, {one} kB for one");
    }
}
