//! One small log in everything it comes in: what is read is the same three entries, whatever they were written in.

use serde_json::Value;

use super::*;

/// The file whose times have no year: it is that of the file.
const YEARLESS: &str = "syslog.log";

/// The files, how many entries each has, and what it tells of them: its prefix and its wrapping decide.
const FILES: &[(&str, usize, &[&str])] = &[
    ("default.log", 3, &["time", "pid"]),
    ("debian.log", 3, &["time", "pid", "user"]),
    ("rds.log", 3, &["time", "pid", "user"]),
    ("azure.log", 3, &["time", "pid"]),
    ("cloudsql.log", 3, &["time", "pid", "user"]),
    ("supabase.log", 3, &["time", "pid", "user"]),
    ("kind.log", 3, &["time", "pid", "user"]),
    ("german.log", 3, &["time", "pid"]),
    ("french.log", 3, &["time", "pid"]),
    ("crlf.log", 3, &["time", "pid"]),
    ("zeros.log", 3, &["time", "pid"]),
    ("utf16.log", 3, &["time", "pid"]),
    ("bom.log", 3, &["time", "pid"]),
    ("default.log.gz", 3, &["time", "pid"]),
    ("docker.json.log", 3, &["time", "pid"]),
    ("cri.log", 3, &["time", "pid"]),
    ("compose.log", 3, &["time", "pid"]),
    ("cloudwatch.log", 3, &["time", "pid"]),
    ("journal.log", 3, &["time", "pid"]),
    (YEARLESS, 3, &["time", "pid", "user"]),
    ("rfc5424.log", 3, &["time", "pid"]),
    ("logplex.log", 3, &["time", "sqlstate"]),
    ("cloudlogging.json", 3, &["time", "pid", "user"]),
    ("cloudlogging.jsonl", 3, &["time", "pid", "user"]),
    ("cloudnativepg.json", 3, &["time", "pid", "user", "sqlstate"]),
    ("cri-cloudnativepg.log", 3, &["time", "pid", "user", "sqlstate"]),
    ("jsonlog.json", 3, &["time", "pid", "user", "sqlstate"]),
    ("csvlog.csv", 3, &["time", "pid", "user", "sqlstate"]),
    ("changes.log", 4, &["time", "pid", "user", "sqlstate"]),
];

fn tail(args: &[&str]) -> Output {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/corpus");
    run(bare_pgkit()
        .current_dir(folder)
        .env("TZ", "UTC")
        .args(["log", "tail", "--format", "jsonl"])
        .args(args))
}

fn rows(output: &Output) -> Vec<Value> {
    output.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn whatever_a_log_comes_in_its_entries_are_the_same() {
    for (i, (file, count, told)) in FILES.iter().enumerate() {
        let output = tail(&[file]);
        let all = rows(&output);
        assert_eq!(all.len(), *count, "{file}\n{}", output.snapshot());
        assert_eq!(output.stderr.is_empty(), *file != YEARLESS, "{file}\n{}", output.snapshot());
        let three = &all[count - 3..];
        assert_eq!(
            (&three[0]["message"], &three[0]["statement"]),
            (&"statement".into(), &"SELECT 1".into()),
            "{file}"
        );
        assert_eq!(three[1]["message"], "relation \"x\" does not exist", "{file}");
        assert_eq!(three[1]["statement"], "SELECT *\nFROM x", "{file}");
        assert_eq!(
            (&three[2]["message"], &three[2]["duration_ms"]),
            (&"duration".into(), &12.5.into()),
            "{file}"
        );
        for (row, (pid, sqlstate)) in three.iter().zip([(4821, "00000"), (4903, "42P01"), (4903, "00000")]) {
            let is = |column: &str, value: Value| {
                let value = if told.contains(&column) { value } else { Value::Null };
                assert_eq!(row[column], value, "{file} {row}");
            };
            is("pid", pid.into());
            is("user", "app".into());
            is("sqlstate", sqlstate.into());
            assert_eq!(row["time"].is_string(), told.contains(&"time"), "{file} {row}");
            if told.contains(&"time") {
                let (year, day) = row["time"].as_str().unwrap().split_at(4);
                assert!(day.starts_with("-11-24T0") && (year == "2026" || *file == YEARLESS), "{file} {row}");
            }
            assert_eq!(row["database"].is_null(), row["user"].is_null(), "{file}");
        }
        let errors = rows(&tail(&[file, "--errors"]));
        assert_eq!(errors.len(), 1, "{file} --errors");
        assert_eq!(errors[0]["statement"], "SELECT *\nFROM x", "{file}");
        // Each process has to guess anew, so not every question is put to every file.
        let (args, found): (&[&str], usize) = match i % 3 {
            0 => (&["--min-duration", "10ms"], 1),
            1 => (&["--grep", "does not exist"], 1),
            _ => (&["-n", "2"], 2),
        };
        assert_eq!(rows(&tail(&[&[*file], args].concat())).len(), found, "{file} {args:?}");
    }
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/corpus")).unwrap().count();
    assert_eq!(files, FILES.len());
}

#[test]
fn times_without_a_year_are_of_the_year_in_which_the_file_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("syslog");
    let line = |time: &str, n: u32| {
        format!(
            "{time} db1 postgres[12]: [{n}-1] user=a,db=b,app=c,client=10.0.0.1 LOG:  duration: {n}.0 ms  statement: SELECT {n}\n"
        )
    };
    let text = [line("Dec 31 23:59:59", 1), line("Jan  1 00:00:01", 2), line("Jan  1 00:01:00", 3)].concat();
    std::fs::write(&path, &text).unwrap();
    let written: jiff::Timestamp = "2021-01-01T08:00:00Z".parse().unwrap();
    std::fs::File::options().append(true).open(&path).unwrap().set_modified(written.into()).unwrap();
    let run_in = |zone: &str, args: &[&str]| {
        run(bare_pgkit().current_dir(folder.path()).env("TZ", zone).args(["log"]).args(args))
    };
    let output = run_in("UTC", &["tail", "syslog", "--columns", "time,duration_ms"]);
    assert_eq!(
        output.lines(),
        ["2020-12-31T23:59:59Z\t1", "2021-01-01T00:00:01Z\t2", "2021-01-01T00:01:00Z\t3"]
    );
    assert_eq!(
        output.stderr,
        "pgkit: syslog: syslog wrote times without year and time zone; they are read as 2020 to 2021, UTC (--timezone)\n"
    );
    let berlin = ["tail", "syslog", "--columns", "time", "-q", "--since", "2021-01-01 00:00:30"];
    let output = run_in("Europe/Berlin", &berlin);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("2020-12-31T23:01:00Z\n", ""));
    let last = ["tail", "syslog", "--columns", "time", "-n", "1", "--timezone", "Asia/Tokyo"];
    let output = run_in("UTC", &last);
    assert_eq!(output.lines(), ["2020-12-31T15:01:00Z"]);
    assert!(output.stderr.contains("2021, Asia/Tokyo"), "{}", output.snapshot());
    let output = run_in("UTC", &["report", "syslog", "--every", "1m", "-q"]);
    assert_eq!(output.stdout.lines().count(), 3, "{}", output.snapshot());
    // A time that is none, and one that would be after the end.
    let odd = [text.as_str(), &line("Feb 30 00:00:00", 4), &line("Jun  1 00:00:00", 5)].concat();
    std::fs::write(&path, odd).unwrap();
    std::fs::File::options().append(true).open(&path).unwrap().set_modified(written.into()).unwrap();
    let output = run_in("UTC", &["report", "syslog"]);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(output.stdout.starts_with("statements\t1\t3\t"), "{}", output.snapshot());
    assert!(output.stderr.contains("syslog: 2 of 5 lines could not be read"), "{}", output.snapshot());
}

#[test]
fn what_comes_through_a_pipe_is_read_the_same() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/corpus");
    for command in [
        "pgkit - < default.log.gz",
        "cat utf16.log | pgkit /dev/stdin",
        "pgkit <(gzip -dc default.log.gz)",
        "cat docker.json.log | pgkit -",
    ] {
        let script = command.replace("pgkit", &format!("{PGKIT} log tail --columns message"));
        let output = run(Command::new("bash").current_dir(folder).args(["-c", &script]));
        assert_eq!(
            output.lines(),
            ["statement", "relation \"x\" does not exist", "duration"],
            "{command}\n{}",
            output.snapshot()
        );
    }
}

#[test]
fn a_file_of_which_nothing_can_be_read_is_never_an_empty_answer() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text, says) in [
        ("other.json", "{\"level\":\"info\",\"x\":1}\n", "JSON, but not in a known format"),
        ("page.html", "<!doctype html>\n<p>", "a web page"),
        ("a.zip", "PK\u{3}\u{4}xxxx", "a zip archive"),
        (
            "bouncer.log",
            "2026-11-24 06:24:50.123 UTC [7] LOG C-0x5: shop/app@10.0.0.7:4 closing\n",
            "PgBouncer",
        ),
        ("noise.log", "hello\nworld\n", "unknown log_line_prefix"),
        ("csv.csv", "a,b,c\n1,2,3\n", "could not read any entry"),
        ("empty.json", "{\"timestamp\":\"now\"}\n", "JSON"),
        ("ours.log", "2026-11-24 06:24:50.123 UTC [7] something else\n", "unknown log_line_prefix"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
        let output = run(bare_pgkit().current_dir(folder.path()).args(["log", "tail", name]));
        assert_eq!((output.code, output.stdout.as_str()), (Some(65), ""), "{name}\n{}", output.snapshot());
        assert!(output.stderr.contains(says), "{name}: {}", output.stderr);
    }
    // A prefix that does not fit reads nothing.
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/log/corpus/default.log");
    let output = run(bare_pgkit().args(["log", "tail", corpus, "--line-prefix", "%m|%u|"]));
    assert_eq!(output.code, Some(65), "{}", output.snapshot());
    // A bad one among good ones: those are read, and the code tells.
    std::fs::copy(corpus, folder.path().join("good.log")).unwrap();
    for (args, code) in [
        (&["good.log", "none.log", "good.log"][..], 74),
        (&["page.html", "good.log", "good.log"], 65),
        (&["good.log", "good.log", "noise.log"], 65),
        (&["good.log", "csv.csv", "good.log"], 65),
        (&["good.log", ".", "good.log"], 65),
    ] {
        let output =
            run(bare_pgkit().current_dir(folder.path()).args(["log", "tail", "--columns", "pid"]).args(args));
        assert_eq!(output.stdout.lines().count(), 6, "{args:?}\n{}", output.snapshot());
        assert_eq!(output.code, Some(code), "{args:?}\n{}", output.snapshot());
    }
}

#[test]
fn a_severity_of_an_unknown_language_is_no_silence() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "2026-11-24 06:24:50.123 UTC [4821] LOKI:  tila\n2026-11-24 06:24:51.000 UTC [4903] VIRHE:  ei ole\n";
    std::fs::write(folder.path().join("finnish.log"), text).unwrap();
    let tail = |args: &[&str]| {
        run(bare_pgkit().current_dir(folder.path()).args(["log", "tail", "finnish.log"]).args(args))
    };
    assert_eq!(tail(&["--columns", "severity,message"]).lines(), ["LOKI\ttila", "VIRHE\tei ole"]);
    let errors = tail(&["--errors"]);
    assert_eq!(errors.code, Some(65), "{}", errors.snapshot());
    assert!(errors.stderr.contains("\"LOKI\""), "{}", errors.stderr);
}

#[test]
fn since_and_until_cut_a_large_log_as_a_small_one() {
    let folder = tempfile::tempdir().unwrap();
    let start: jiff::Timestamp = "2026-11-24T00:00:00Z".parse().unwrap();
    let line = |n: i64| {
        let at = start + jiff::SignedDuration::from_secs(n);
        format!(
            "{} UTC [{}] LOG:  statement: SELECT {n} -- {}\n",
            at.strftime("%Y-%m-%d %H:%M:%S.000"),
            n % 7 + 50,
            "x".repeat(60)
        )
    };
    let large: String = (0..40_000).map(line).collect();
    let half = large.len() / 2;
    let half = large[half..].find('\n').unwrap() + half + 1;
    std::fs::write(folder.path().join("large.log"), &large).unwrap();
    std::fs::write(
        folder.path().join("small.log"),
        large.lines().take(9000).map(|l| format!("{l}\n")).collect::<String>(),
    )
    .unwrap();
    // Put together in the wrong order: halving would find nothing.
    std::fs::write(folder.path().join("wrong.log"), format!("{}{}", &large[half..], &large[..half])).unwrap();
    let count = |file: &str, args: &[&str]| {
        let output = run(bare_pgkit()
            .current_dir(folder.path())
            .env("TZ", "UTC")
            .args(["log", "tail", "--columns", "statement", file])
            .args(args));
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
        output.stdout.lines().count()
    };
    for file in ["large.log", "wrong.log"] {
        assert_eq!(
            count(file, &["--since", "2026-11-24T01:00:00Z", "--until", "2026-11-24 01:59:59+00"]),
            3600,
            "{file}"
        );
        assert_eq!(count(file, &["--since", "2026-11-24T11:06:39Z"]), 1, "{file}");
        assert_eq!(count(file, &["--until", "2026-11-24 00:00:09"]), 10, "{file}");
        assert_eq!(count(file, &["--since", "2026-11-25"]), 0, "{file}");
        assert_eq!(count(file, &["--since", "2026-11-23", "--limit", "5"]), 5, "{file}");
    }
    assert_eq!(
        count("small.log", &["--since", "2026-11-24T01:00:00Z", "--until", "2026-11-24T01:59:59Z"]),
        3600
    );
    assert_eq!(count("small.log", &["--since", "2026-11-24", "-n", "3"]), 3);
    for (args, code) in
        [(&["--since", "soon"][..], 64), (&["--since", "2026-11-25", "--until", "2026-11-24"], 64)]
    {
        let output =
            run(bare_pgkit().current_dir(folder.path()).args(["log", "tail", "small.log"]).args(args));
        assert_eq!(output.code, Some(code), "{}", output.snapshot());
    }
}
