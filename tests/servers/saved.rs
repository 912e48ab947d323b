//! Several servers that are compared with an earlier answer, and several snapshots.

use super::*;

#[test]
fn each_server_is_compared_with_what_it_was_or_with_one_that_all_should_be_like() {
    let fleet = Fleet::new("differ", 3);
    for db in &fleet.dbs {
        db.sql("CREATE TABLE same ()");
    }
    let saved = fleet.pgkit(&["relations", "--service", "s1,s2", "--json"]);
    fleet.write("then.json", &saved.stdout);
    let model = fleet.pgkit(&["snapshot", "-q", "-o", "model.snap", "relations", "--service", "s1"]);
    assert_eq!(model.code, Some(0), "{}", model.snapshot());
    fleet.dbs[1].sql("CREATE TABLE comes ()");
    let columns = ["--columns", "server,status,name"];
    for against in ["then.json", "model.snap"] {
        let flags = ["relations", "--service", "s1,s2", "--against", against, "--fail-on-change"];
        let found = fleet.pgkit(&[&flags[..], &columns].concat());
        assert_eq!(
            (found.code, found.stdout.as_str()),
            (Some(1), "s2\tnew\tcomes\n"),
            "{}",
            found.snapshot()
        );
    }
    // The answer in JSON knows nothing of the third server, which may have changed.
    let third =
        fleet.pgkit(&["relations", "--service", "s1,s3", "--against", "then.json", "--fail-on-change"]);
    assert_eq!((third.code, third.stdout.as_str()), (Some(1), ""), "{}", third.snapshot());
    let unknown = "pgkit: s3: relations: not compared: the earlier answer has no row of server \"s3\"";
    assert!(third.stderr.contains(unknown), "{}", third.snapshot());
    let one = fleet.pgkit(&["relations", "--service", "s1", "--against", "then.json"]);
    assert_eq!(one.code, Some(65), "{}", one.snapshot());
    // Each with itself, a moment before; rows that come in between are new.
    let waits = fleet.pgkit(&["relations", "--service", "s1,s2,s3", "--against", "1s", "--fail-on-change"]);
    assert_eq!((waits.code, waits.stdout.as_str()), (Some(0), ""), "{}", waits.snapshot());
}

#[test]
fn several_snapshots_are_as_good_as_their_servers() {
    let fleet = Fleet::new("snaps", 2);
    for (db, i) in fleet.dbs.iter().zip(1..) {
        db.sql(&format!("CREATE TABLE t{i} (x int); CREATE TABLE same ()"));
        let (service, file) = (format!("s{i}"), format!("s{i}.snap"));
        let taken = fleet.pgkit(&[
            "snapshot",
            "-q",
            "-o",
            &file,
            "--service",
            &service,
            "relations",
            "columns",
            "settings",
        ]);
        assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
    }
    for report in ["relations", "columns", "settings"] {
        let sort = if report == "columns" { "column:desc" } else { "name:desc" };
        let flags = [report, "--sort", sort, "--limit", "7"];
        let live = fleet.pgkit(&[&flags[..], &["--service", "s1,s2"]].concat());
        let from = fleet.pgkit(&[&flags[..], &["--from", "s1.snap,s2.snap"]].concat());
        assert_eq!((from.code, &from.stdout), (Some(0), &live.stdout), "{}", from.snapshot());
    }
    assert!(
        fleet.pgkit(&["relations", "--from", "s1.snap,s2.snap"]).stderr.contains("s2: relations: as of ")
    );
    // One that is damaged, one that is missing, one without the report.
    std::fs::write(fleet.path("cut.snap"), &std::fs::read(fleet.path("s1.snap")).unwrap()[..200]).unwrap();
    let found = fleet.pgkit(&[
        "relations",
        "--from",
        "s1.snap,cut.snap,none.snap,s2.snap",
        "--columns",
        "server,name",
    ]);
    assert_eq!(found.stdout, "s1\tsame\ns1\tt1\ns2\tsame\ns2\tt2\n", "{}", found.snapshot());
    assert_eq!(found.code, Some(65), "{}", found.snapshot());
    for word in ["pgkit: cut: ", "pgkit: none: could not read none.snap"] {
        assert_eq!(found.stderr.matches(word).count(), 1, "{word}: {}", found.stderr);
    }
    let none = fleet.pgkit(&["roles", "--from", "s1.snap,s2.snap"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(65), ""), "{}", none.snapshot());
    // The exit code is that of the first one that fails, in their order.
    for (files, code) in [("s1.snap,none.snap", 65), ("none.snap,s1.snap", 74)] {
        let first = fleet.pgkit(&["roles", "--from", files]);
        assert_eq!(
            (first.code, first.stderr.lines().count()),
            (Some(code), 2),
            "{files}: {}",
            first.snapshot()
        );
    }
    assert_eq!(fleet.pgkit(&["relations", "--from", ","]).code, Some(64));
    // A file whose name has a comma.
    std::fs::copy(fleet.path("s1.snap"), fleet.path("a,b.snap")).unwrap();
    assert_eq!(
        fleet.pgkit(&["relations", "--from", "a,b.snap", "--columns", "name"]).lines(),
        ["same", "t1"]
    );
    // Two files of one name.
    std::fs::create_dir(fleet.path("other")).unwrap();
    std::fs::copy(fleet.path("s2.snap"), fleet.path("other/s1.snap")).unwrap();
    let named = fleet.pgkit(&["relations", "t?", "--from", "s1.snap,other/s1.snap"]);
    assert_eq!(named.code, Some(65), "{}", named.snapshot());
    let named = fleet.pgkit(&[
        "relations",
        "--from",
        "s1.snap,other/s1.snap",
        "--columns",
        "server,name",
        "--grep",
        "\tt[0-9]",
    ]);
    assert_eq!(named.lines(), ["s1.snap\tt1", "other/s1.snap\tt2"]);
    // The difference of each from one of them, which has the other database too, as it was before there was anything in it.
    let against = [
        "relations",
        "--from",
        "s1.snap,s2.snap",
        "--against",
        "s1.snap",
        "--fail-on-change",
        "--columns",
        "server,status,name",
    ];
    let differs = fleet.pgkit(&against);
    assert_eq!(
        (differs.code, differs.stdout.as_str()),
        (Some(1), "s2\tnew\tsame\ns2\tnew\tt2\n"),
        "{}",
        differs.snapshot()
    );
}

#[test]
fn columns_that_not_all_snapshots_have_are_left_out_and_said() {
    let fleet = Fleet::new("older", 1);
    let write = |columns: &str, sql: &str| {
        fleet.write(
            "own.sql",
            &format!("-- Own.\n--\n-- key = [\"a\"]\n-- columns = [{columns}]\nSELECT {sql}\n"),
        );
    };
    for (file, columns, sql) in [
        ("old.snap", "\"a text\", \"b int4\", \"c int8\"", "'x'::text AS a, 1 AS b, 2::int8 AS c"),
        (
            "new.snap",
            "\"a text\", \"c int4\", \"d text\", \"b int4\"",
            "'x'::text AS a, 3 AS c, 'new'::text AS d, 1 AS b",
        ),
    ] {
        write(columns, sql);
        let taken = fleet.pgkit(&["snapshot", "-q", "-o", file, "--service", "s1", "own"]);
        assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
    }
    let found = fleet.pgkit(&["run", "own", "--from", "old.snap,new.snap", "--header"]);
    assert_eq!(found.lines(), ["server\ta\tb", "old\tx\t1", "new\tx\t1"], "{}", found.snapshot());
    for word in [
        "pgkit: old: columns that not all snapshots have are left out: c",
        "pgkit: new: columns that not all snapshots have are left out: c, d",
    ] {
        assert!(found.stderr.contains(word), "{}", found.snapshot());
    }
}
