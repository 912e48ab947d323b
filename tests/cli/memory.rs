//! A large answer needs no large memory.

use std::io::Write;
use std::process::Stdio;

use super::*;
use crate::support::*;

/// What it printed, and the most memory it had, in kB.
fn measured(mut command: Command) -> (Output, u64) {
    let (stdout, stderr) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    command.stdout(stdout.reopen().unwrap()).stderr(stderr.reopen().unwrap());
    let peak = watched(command);
    let text = |file: &tempfile::NamedTempFile| std::fs::read_to_string(file.path()).unwrap();
    (Output { code: Some(0), stdout: text(&stdout), stderr: text(&stderr) }, peak)
}

/// The most memory it had, in kB, while it ran to its end.
fn peak(mut command: Command) -> u64 {
    command.stdout(Stdio::null()).stderr(Stdio::inherit());
    watched(command)
}

fn watched(mut command: Command) -> u64 {
    let mut child = command.spawn().unwrap();
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

/// What stands before the message of a log's entry, in each format, and what closes it.
const HEADS: [(&str, &str, &str); 3] = [
    ("log", "2026-11-24 06:24:50.123 UTC [12] LOG:  ", "\n"),
    (
        "csv",
        "2026-11-24 06:24:50.123 UTC,\"app\",\"shop\",12,\"[local]\",65640a2d.1,1,\"SELECT\",2026-11-24 06:24:50 UTC,3/4,0,LOG,00000,\"",
        "\",,,,,,,,,\"psql\",\"client backend\",,0\n",
    ),
    (
        "json",
        "{\"timestamp\":\"2026-11-24 06:24:50.123 UTC\",\"error_severity\":\"LOG\",\"message\":\"",
        "\"}\n",
    ),
];

#[test]
fn an_entry_of_a_log_that_does_not_end_costs_no_more_than_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let tail = |path: &std::path::Path, args: &[&str]| {
        let mut command = bare_pgkit();
        command.args(["log", "tail", "--columns", "message"]).args(args).arg(path);
        command
    };
    for (ending, head, close) in HEADS {
        let small = folder.path().join(format!("small.{ending}"));
        std::fs::write(&small, format!("{head}first{close}{head}last{close}")).unwrap();
        let usual = peak(tail(&small, &["-q"]));
        // First 128 MB that are one entry, as a single line or behind a quote that is never closed; then a complete entry.
        let lines = format!("\n\t{},", "x".repeat(1000));
        for (more, closes) in [("x", true), (lines.as_str(), false)] {
            let path = folder.path().join(format!("endless.{ending}"));
            let mut file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
            let chunk = more.repeat((1 << 20) / more.len());
            write!(file, "{head}first{close}{head}").unwrap();
            for _ in 0..128 {
                file.write_all(chunk.as_bytes()).unwrap();
            }
            write!(file, "{}{head}last{close}", if closes { close } else { "\n" }).unwrap();
            file.flush().unwrap();
            let (read, endless) = measured(tail(&path, &[]));
            assert!(endless < usual + 90_000, "{ending} {closes}: {endless} kB, and {usual} kB usually");
            let lines = read.lines();
            assert_eq!((lines[0], lines[lines.len() - 1]), ("first", "last"), "{ending}, closed: {closes}");
            // What was left out is told.
            let told = match ending {
                ending if ending == "log" || closes => {
                    assert!(lines.len() == 3 && lines[1].len() < 20 << 20, "{}", lines.len());
                    "1 entries of the log are longer than 8 MiB: only their beginning is shown"
                }
                _ => "bytes of the log that are not complete entries",
            };
            let what = format!("{ending}, closed: {closes}");
            assert!(read.stderr.contains(told), "{what}: {}", read.stderr);
            for args in [["-n", "2"], ["--grep", "first"]] {
                let endless = peak(tail(&path, &[&args[..], &["-q"]].concat()));
                assert!(endless < usual + 90_000, "{what} {args:?}: {endless} kB, and {usual} kB usually");
            }
        }
    }
}
