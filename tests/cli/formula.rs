//! `--csv-safe`: csv that a spreadsheet takes for nothing but text and numbers.

use super::*;
use crate::support::*;

#[test]
fn csv_for_a_spreadsheet_holds_no_formula() {
    let db = db("formula");
    let own = Own::new(&[(
        "cells",
        "\"=head text\", \"n int8\", \"f float8\", \"d numeric\", \"t text\", \"j json\"",
        "SELECT v AS \"=head\", -5::int8 AS n, -0.5::float8 AS f, -1.5::numeric AS d, 'x' || v AS t, '-7'::json AS j
         FROM unnest(ARRAY['=1+1', '+1', '-1', '@SUM(A1)', E'\\t=1', E'\\r=1', '\"=1\"', 'a=1', '']) v",
    )]);
    let cells = |args: &[&str]| run(&mut own.run(&db, &[&["cells"], args].concat()));
    let safe = cells(&["--csv", "--csv-safe"]);
    assert_eq!(
        safe.stdout,
        "'=head,n,f,d,t,j\n'=1+1,-5,-0.5,-1.5,x=1+1,-7\n'+1,-5,-0.5,-1.5,x+1,-7\n'-1,-5,-0.5,-1.5,x-1,-7\n\
         '@SUM(A1),-5,-0.5,-1.5,x@SUM(A1),-7\n'\t=1,-5,-0.5,-1.5,x\t=1,-7\n\"'\r=1\",-5,-0.5,-1.5,\"x\r=1\",-7\n\
         \"\"\"=1\"\"\",-5,-0.5,-1.5,\"x\"\"=1\"\"\",-7\na=1,-5,-0.5,-1.5,xa=1,-7\n,-5,-0.5,-1.5,x,-7\n",
        "{}",
        safe.snapshot()
    );
    assert_eq!(cells(&["--format", "csv", "--csv-safe"]).stdout, safe.stdout);
    let plain = cells(&["--csv"]).stdout;
    assert!(plain.starts_with("=head,n,f,d,t,j\n=1+1,-5,") && !plain.contains("'"), "{plain}");
    db.sql("CREATE TABLE \"-dash\" (x int)");
    let listed =
        run(pgkit(&db).args(["relations", "--csv", "--csv-safe", "--all-databases", "--columns", "name"]));
    assert!(listed.stdout.contains("\n'-dash\n"), "{}", listed.snapshot());
    // A tail of a log is rows too, and so is whatever else takes a format.
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("a.log");
    std::fs::write(&log, "2026-11-24 06:24:50.123 UTC [12] LOG:  =cmd|' /C calc'!A0\n").unwrap();
    let mut tail = bare_pgkit();
    tail.args(["log", "tail", "--csv", "--csv-safe", "--no-header", "--columns", "message"]).arg(&log);
    assert_eq!(run(&mut tail).stdout, "'=cmd|' /C calc'!A0\n");
    let samples = folder.path().join("samples.csv");
    let mut bench = pgkit(&db);
    bench.args(["bench", "=a=SELECT 1", "-b=SELECT 2", "--runs", "2", "--csv", "--csv-safe", "--samples"]);
    bench.arg(&samples);
    let measured = run(&mut bench);
    assert_eq!(measured.code, Some(64), "a variant has a name: {}", measured.snapshot());
    let mut bench = pgkit(&db);
    bench.args(["bench", "@a=SELECT 1", "b=SELECT 2", "--runs", "2", "--csv", "--csv-safe", "--samples"]);
    let measured = run(bench.arg(&samples));
    assert!(measured.stdout.contains("\n'@a,"), "{}", measured.snapshot());
    assert!(std::fs::read_to_string(samples).unwrap().contains(",'@a,"));
    for args in [
        &["relations", "--csv-safe"][..],
        &["relations", "--csv-safe", "--json"],
        &["relations", "--csv-safe", "--format", "tsv"],
        &["log", "tail", "--csv-safe", "/dev/null"],
        &["jobs", "list", "--csv-safe"],
        &["jobs", "run", "--csv-safe"],
        &["jobs", "status", "--nagios", "--csv-safe"],
        &["locks", "--csv-safe"],
        &["upgrade-check", "--to", "18", "--csv-safe"],
        &["upgrade-check", "--to", "18", "--fix-sql", "--csv-safe"],
        &["bench", "a=SELECT 1", "b=SELECT 1", "--csv-safe"],
    ] {
        let refused = run(pgkit(&db).current_dir(folder.path()).args(args));
        let code = if args.contains(&"--nagios") { 3 } else { 64 };
        assert_eq!(refused.code, Some(code), "{args:?}: {}", refused.snapshot());
    }
}
