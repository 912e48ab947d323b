//! What holds for every report of the registry.

use std::collections::BTreeSet;

use pgkit::report::{self, Report};

use super::*;
use crate::support::*;

fn reports() -> Vec<Report> {
    report::built_in(|_| true).unwrap()
}

#[test]
fn every_header_says_how_to_read_the_answer_and_what_identifies_a_row() {
    for report in &reports() {
        let name = &report.name;
        let reading = report.reading.as_deref().unwrap_or_else(|| panic!("{name}: no reading"));
        assert!(reading.ends_with('.') && reading.len() <= 200, "{name}: {reading}");
        assert!(!report.key.is_empty(), "{name}: no key");
        for hidden in report.texts.iter().flat_map(|text| &text.hidden) {
            let is_remark = !hidden.says.ends_with('.') && hidden.says.len() < 200;
            assert!(is_remark, "{name}: {}", hidden.says);
        }
        // At 80 columns, what is left must fit; the longest texts are cut or wrapped.
        let narrow = report.columns.iter().filter(|column| column.wide.is_none()).count();
        assert!(narrow <= 10, "{name}: {narrow} columns are never left out");
    }
}

fn the_key_of_every_report_identifies_its_rows(bin: &Binaries) {
    let db = filled::filled(bin);
    for report in server_reports().iter().filter(|report| !needs_extension(report)) {
        let mut command = pgkit(&db);
        command.args(line_of(report, "things.orders")).args(["--columns", &report.key.join(",")]);
        let output = run(&mut command);
        assert_eq!(output.code, Some(0), "{} on {}: {}", report.name, bin.major, output.snapshot());
        let mut seen = BTreeSet::new();
        for row in tsv(&output.stdout) {
            assert!(seen.insert(row.clone()), "{} on {}: {row:?} twice", report.name, bin.major);
        }
    }
}
on_every_server!(the_key_of_every_report_identifies_its_rows);

#[test]
fn the_example_of_every_report_runs() {
    let options = options(bin()).conf("shared_preload_libraries", "pg_stat_statements");
    let server = own_server(&options);
    let db = database(server.info(), "examples");
    db.load_sample();
    for extension in ["pg_stat_statements", "pgstattuple", "pg_buffercache"] {
        db.sql(&format!("CREATE EXTENSION {extension}"));
    }
    let watch = regex::Regex::new(r" --watch \S+").unwrap();
    for report in server_reports() {
        let example = report.example.as_deref().unwrap_or_default();
        // Again and again would be for ever.
        let line = watch.replace(example, "").into_owned();
        let line = line.replace("pgkit ", &format!("{PGKIT} "));
        let mut shell = Command::new("sh");
        shell.env_clear().envs(db.info.env()).env("PGDATABASE", &db.name).env("HOME", "/nonexistent");
        shell.env("PATH", "/usr/bin:/bin").env("TZ", "UTC").env("COLUMNS", "80");
        let output = run(shell.arg("-c").arg(&line));
        // grep ends with 1 where it finds nothing.
        let is_done = output.code == Some(0) || (line.contains("| grep") && output.code == Some(1));
        assert!(is_done && output.stderr.is_empty(), "{example}\n{}", output.snapshot());
    }
}

#[test]
fn the_name_of_a_group_lists_its_reports() {
    let all = run(bare_pgkit().arg("--help")).stdout;
    assert!(all.lines().count() <= 40, "{} lines", all.lines().count());
    for report in reports() {
        assert!(all.contains(&report.name), "{} is not in --help", report.name);
        let help = run(bare_pgkit().args(["help", &report.group]));
        assert_eq!(help.code, Some(0), "{}", help.snapshot());
        let listed = help.stdout.lines().any(|line| line.split_whitespace().next() == Some(&report.name));
        assert!(listed, "{} is not in help {}", report.name, report.group);
    }
}
