//! relations and functions, compared with psql's backslash commands.

use super::*;
use crate::support::*;

/// The first columns of each row.
fn first(rows: Vec<Row>, n: usize) -> Vec<Row> {
    rows.into_iter().map(|row| row[..n].to_vec()).collect()
}

fn relations_that_are_visible_are_those_of_psqls_d(bin: &Binaries) {
    let db = filled::filled(bin);
    let ours = answer(&db, &["relations", "--visible"]);
    assert_ordered(&ours, &[0, 1]);
    assert!(ours.len() >= 20, "{}", ours.len());
    assert_same("\\d", ours, psql_rows(&db, "\\d", 4));
}
on_every_server!(relations_that_are_visible_are_those_of_psqls_d);

fn relations_are_those_of_psql_in_every_schema_of_users(bin: &Binaries) {
    let db = filled::filled(bin);
    let ours = answer(&db, &["relations"]);
    assert_ordered(&ours, &[0, 1]);
    assert!(ours.len() > 2000, "{}", ours.len());
    let theirs: Vec<Row> = of_users(psql_rows(&db, "\\dtvmsE *.*", 4));
    assert_same("\\dtvmsE *.*", ours, theirs);
    let indexes = answer(&db, &["relations", "--kind", "index", "--kind", "partitioned index"]);
    assert_ordered(&indexes, &[0, 1]);
    let theirs = of_users(first(psql_rows(&db, "\\di *.*", 5), 4));
    assert_same("\\di *.*", indexes, theirs);
    let system = answer(&db, &["relations", "--system"]);
    assert_same("with --system", system, psql_rows(&db, "\\dtvmsE *.*", 4));
}
on_every_server!(relations_are_those_of_psql_in_every_schema_of_users);

fn each_kind_alone_gives_the_relations_of_that_kind(bin: &Binaries) {
    let db = filled::filled(bin);
    let all = answer(&db, &["relations"]);
    for kind in ["table", "partitioned table", "view", "materialized view", "sequence", "foreign table"] {
        let only = answer(&db, &["relations", "--kind", kind]);
        let expected: Vec<Row> = all.iter().filter(|row| row[2] == kind).cloned().collect();
        assert!(!expected.is_empty(), "{kind}");
        assert_eq!(only, expected, "{kind} on {}", bin.major);
    }
}
on_every_server!(each_kind_alone_gives_the_relations_of_that_kind);

/// Schema, name, result, arguments, psql's type.
fn as_psql_lists(row: &Row) -> Row {
    let kind = match row[4].as_str() {
        "function" | "trigger" => "func",
        "procedure" => "proc",
        "aggregate" => "agg",
        other => other,
    };
    vec![row[0].clone(), row[1].clone(), row[3].clone(), row[2].clone(), kind.to_owned()]
}

/// psql says `trigger` on 10 only.
fn without_triggers(rows: Vec<Row>) -> Vec<Row> {
    rows.into_iter()
        .map(|mut row| {
            for (theirs, same) in [("trigger", "func"), ("normal", "func")] {
                if row[4] == theirs {
                    row[4] = same.to_owned();
                }
            }
            row
        })
        .collect()
}

fn functions_that_are_visible_are_those_of_psqls_df(bin: &Binaries) {
    let db = filled::filled(bin);
    let ours = answer(&db, &["functions", "--visible"]);
    assert_ordered(&ours, &[0, 1, 2]);
    assert!(ours.len() >= 7, "{}", ours.len());
    let ours = ours.iter().map(as_psql_lists).collect();
    assert_same("\\df", ours, without_triggers(psql_rows(&db, "\\df", 5)));
}
on_every_server!(functions_that_are_visible_are_those_of_psqls_df);

fn functions_are_those_of_psql_in_every_schema_of_users(bin: &Binaries) {
    let db = filled::filled(bin);
    let ours = answer(&db, &["functions"]);
    assert_ordered(&ours, &[0, 1, 2]);
    let theirs = |pattern: &str| {
        let mut psql = psql(&db);
        psql.env("PGOPTIONS", "-c search_path=pg_catalog");
        psql.args(["-q", "-z", "-0", "-c", &format!("\\df {pattern}")]);
        without_triggers(fields(psql, 5))
    };
    assert!(ours.iter().filter(|row| row[1] == "overloaded").count() == 5);
    let kinds: std::collections::BTreeSet<&str> = ours.iter().map(|row| row[4].as_str()).collect();
    let procedure = if bin.major >= 11 { 5 } else { 4 };
    assert_eq!(kinds.len(), procedure, "{kinds:?}");
    assert_same("\\df *.*", ours.iter().map(as_psql_lists).collect(), of_users(theirs("*.*")));
    let system = answer(&db, &["functions", "--system"]);
    assert!(system.len() > 2500);
    assert_same("with --system", system.iter().map(as_psql_lists).collect(), theirs("*.*"));
    for kind in kinds {
        let only = answer(&db, &["functions", "--kind", kind]);
        let expected: Vec<Row> = ours.iter().filter(|row| row[4] == kind).cloned().collect();
        assert_eq!(only, expected);
    }
}
on_every_server!(functions_are_those_of_psql_in_every_schema_of_users);

fn trigger_functions_and_languages_are_named(bin: &Binaries) {
    let db = filled::filled(bin);
    let rows = answer(&db, &["functions", "things.on_change", "things.window_like", "things.sum_up"]);
    let shown: Vec<(&str, &str, &str)> =
        rows.iter().map(|r| (r[1].as_str(), r[4].as_str(), r[5].as_str())).collect();
    assert_eq!(
        shown,
        [
            ("on_change", "trigger", "plpgsql"),
            ("sum_up", "aggregate", "internal"),
            ("window_like", "window", "internal")
        ]
    );
}
on_every_server!(trigger_functions_and_languages_are_named);

/// Patterns as psql takes them: names and wildcards, quotes, regular expressions, schemas, odd characters.
const PATTERNS: &[&str] = &[
    "oauth2",
    "OAUTH2",
    "\"OAUTH2\"",
    "o*",
    "?*2",
    "*",
    "s?",
    "2024",
    "_",
    "pg_class",
    "pg_c*",
    "pg_stat*",
    "public.*",
    "*.*",
    "things.*",
    "THINGS.E*",
    "Upper.*",
    "\"Upper\".*",
    "\"Upper\".\"Table\"",
    "\"Upper\".Table",
    "*.everything",
    "*.*2023*",
    "things.measures_20[0-9]+",
    "things.measures_(2023|2024)",
    "things.m|things",
    "(app|raw).account*",
    "app.account?2024011*",
    "app.account_2024[0-9]{4}",
    "\"Ops Team\".*s",
    "\"dotted.schema\".*",
    "\"dotted.schema\".\"dotted.table\"",
    "dotted.schema",
    "nasty.\"quo\"\"te\"",
    "nasty.\"*\"",
    "nasty.\"?\"",
    "nasty.*$*",
    "nasty.$1",
    "nasty.$$",
    "nasty.^start$",
    "nasty.\"^start$\"",
    "nasty.\"[a-z]\"",
    "nasty.[a-z]+",
    "nasty.[A-Z]+",
    "nasty.[[:upper:]]+",
    "nasty.\\d+",
    "nasty.%s",
    "nasty.\"a|b\"",
    "nasty.a|b",
    "nasty.\"(paren\"",
    "nasty.\"\\\"",
    "nasty.\"back\\slash\"",
    "nasty.\".\"",
    "nasty.\"a.b.c.d\"",
    "nasty.\"line\nfeed\"",
    "nasty.\"  leading and trailing  \"",
    "nasty.éÀÖß",
    "nasty.\"éÀÖß\"",
    "nasty.é*",
    "nasty.表*",
    "nasty.\":'var'\"",
    "nasty.--",
    "nasty.\"''\"",
    "nasty.UPPER",
    "nasty.\"UPPER\"",
    "s*.t",
    "pg_catalog.pg_a*",
    "information_schema.t*",
    "nothing_at_all",
    "*.",
    "things.\"\"",
];

fn patterns_of_relations_mean_what_they_mean_to_psql(bin: &Binaries) {
    let db = filled::filled(bin);
    let commands: Vec<String> =
        PATTERNS.iter().map(|pattern| format!("\\dtvmsE {}", backslash_argument(pattern))).collect();
    for (pattern, theirs) in PATTERNS.iter().zip(psql_answers(&db, &commands, 4)) {
        let mut command = pgkit(&db);
        let ours = run(command.args(["relations", "--visible", "-q", "--", pattern]));
        // psql throws TOAST tables in; here they come with --system.
        let theirs = theirs.into_iter().filter(|row| row[2] != "TOAST table").collect();
        assert_eq!(ours.code, Some(0), "{pattern}: {}", ours.snapshot());
        assert_same(&format!("{pattern} on {}", bin.major), tsv(&ours.stdout), theirs);
    }
}
on_every_server!(patterns_of_relations_mean_what_they_mean_to_psql);

fn patterns_of_functions_mean_what_they_mean_to_psql(bin: &Binaries) {
    let db = filled::filled(bin);
    for pattern in [
        "pg_relation_size",
        "count",
        "lies",
        "l*",
        "PG_REL*",
        "things.over*",
        "things.(over|many)*",
        "*.sum_up",
        "app.account_get",
        "app.*_get",
        "nasty.*",
        "nasty.\"dot.ted\"",
        "nasty.\"carriage\rreturn\"",
        "pg_catalog.array_*",
        "public.*",
        "none_such",
    ] {
        let ours = run(pgkit(&db).args(["functions", "--visible", "-q", "--", pattern]));
        assert_eq!(ours.code, Some(0), "{pattern}: {}", ours.snapshot());
        let theirs = psql_rows(&db, &format!("\\df {}", backslash_argument(pattern)), 5);
        let ours = tsv(&ours.stdout).iter().map(as_psql_lists).collect();
        assert_same(&format!("{pattern} on {}", bin.major), ours, without_triggers(theirs));
    }
}
on_every_server!(patterns_of_functions_mean_what_they_mean_to_psql);

#[test]
fn several_patterns_give_what_each_gives_and_nothing_twice() {
    let db = filled::filled(bin());
    let mut each = answer(&db, &["relations", "things.o*"]);
    each.extend(answer(&db, &["relations", "oauth2"]));
    let both = answer(&db, &["relations", "things.o*", "oauth2", "things.orders"]);
    assert_same("several", both, each);
}

#[test]
fn a_pattern_of_three_parts_names_this_database_or_is_refused() {
    let db = filled::filled(bin());
    let three = format!("{}.things.orders", db.name);
    assert_eq!(answer(&db, &["relations", &three]), answer(&db, &["relations", "things.orders"]));
    let other = run(pgkit(&db).args(["relations", "elsewhere.things.orders"]));
    assert_eq!(other.code, Some(65), "{}", other.snapshot());
    assert!(other.stderr.contains("it names database \"elsewhere\""), "{}", other.stderr);
    assert!(other.stderr.contains("hint: connect to it with -d elsewhere"), "{}", other.stderr);
}

#[test]
fn a_pattern_that_matches_nothing_says_so_in_one_line_and_succeeds() {
    let db = filled::filled(bin());
    for report in ["relations", "functions", "sizes"] {
        let output = run(pgkit(&db).args([report, "nothing_at_all"]));
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), ""), "{}", output.snapshot());
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        assert!(output.stderr.contains("nothing matches \"nothing_at_all\""), "{}", output.stderr);
        let quiet = run(pgkit(&db).args([report, "-q", "nothing_at_all"]));
        assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
    }
}

fn what_lies_about_the_system_in_the_search_path_deceives_nobody(bin: &Binaries) {
    let db = filled::filled(bin);
    // The path puts public, with its operators and functions that lie, before the system's.
    let path = "-c search_path=public,pg_catalog";
    for report in ["relations", "functions", "sizes"] {
        let lied_to = answer_of(pgkit(&db).env("PGOPTIONS", path).args([report, "public.*"]));
        assert!(lied_to.len() > 5, "{lied_to:?}");
        assert_eq!(lied_to, answer(&db, &[report, "public.*"]), "{report} on {}", bin.major);
    }
    let found = answer_of(pgkit(&db).env("PGOPTIONS", path).args(["find", "oauth2"]));
    assert_eq!(found, answer(&db, &["find", "oauth2"]));
    let sizes = answer(&db, &["sizes", "public.oauth2"]);
    assert!(sizes[0][8].parse::<i64>().unwrap() > 65_536, "{sizes:?}");
}
on_every_server!(what_lies_about_the_system_in_the_search_path_deceives_nobody);

fn a_pattern_that_is_no_expression_is_an_error_whatever_there_is(bin: &Binaries) {
    let db = database(server(bin).info(), "patterns");
    for report in [&["relations"][..], &["functions"], &["sizes"], &["sizes", "--estimate"]] {
        for pattern in [".{2}a", "x.{2}a", "{2}a", "nothing.(", "[", "public.["] {
            for args in [&[pattern][..], &["ok", pattern]] {
                let output = run(pgkit(&db).args(report).args(args));
                let what = format!("{report:?} {args:?} on {}: {}", bin.major, output.stderr);
                assert_eq!(output.code, Some(65), "{what}");
                assert!(output.stderr.contains("invalid regular expression"), "{what}");
            }
        }
    }
}
on_every_server!(a_pattern_that_is_no_expression_is_an_error_whatever_there_is);
