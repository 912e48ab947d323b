//! grep, sort, limit, columns: what each does, and in which order.

use super::*;
use crate::support::*;

const NUMBERS: (&str, &str, &str) = (
    "numbers",
    r#""id int4", "word text", "weight_bytes int8", "n numeric", "at timestamptz", "f float8", "flag bool", "span interval""#,
    r"SELECT * FROM (VALUES
        (1, 'ten', 10::int8, 10::numeric, '2024-01-01'::timestamptz, 1.5::float8, true, '1 day'::interval),
        (2, 'nine', 9, 9.5, '2023-01-01', 'NaN', false, '23:00'),
        (3, 'none', NULL, NULL, NULL, NULL, NULL, NULL),
        (4, 'hundred', 100, 'NaN', 'infinity', '-Infinity', true, '1 mon'),
        (5, 'minus', -5, -0.001, '-infinity', -3, false, '-1 hour'),
        (6, 'Ten', 10, 10.0, '2024-01-01', 1.5, true, '24:00')
    ) AS v (id, word, weight_bytes, n, at, f, flag, span)",
);

fn numbers(args: &[&str]) -> Vec<String> {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = Own::new(&[NUMBERS]);
    let mut all = vec!["numbers"];
    all.extend(args);
    run(&mut own.run(&db, &all)).lines().iter().map(|l| (*l).to_owned()).collect()
}

fn ids(args: &[&str]) -> String {
    let mut all = args.to_vec();
    all.extend(["--columns", "id"]);
    numbers(&all).join(" ")
}

#[test]
fn sort_is_by_type_with_nulls_last_both_ways_and_keeps_the_order_of_equals() {
    for (column, up, down) in [
        ("weight_bytes", "5 2 1 6 4 3", "4 1 6 2 5 3"),
        // Its short name.
        ("weight", "5 2 1 6 4 3", "4 1 6 2 5 3"),
        ("n", "5 2 1 6 4 3", "4 1 6 2 5 3"),
        ("at", "5 2 1 6 4 3", "4 1 6 2 5 3"),
        ("f", "4 5 1 6 2 3", "2 1 6 5 4 3"),
        ("flag", "2 5 1 4 6 3", "1 4 6 2 5 3"),
        ("span", "5 2 1 6 4 3", "4 1 6 2 5 3"),
        ("word", "6 4 5 2 3 1", "1 3 2 5 4 6"),
    ] {
        assert_eq!(ids(&["--sort", column]), up, "{column}");
        assert_eq!(ids(&["--sort", &format!("{column}:asc")]), up, "{column}:asc");
        assert_eq!(ids(&["--sort", &format!("{column}:desc")]), down, "{column}:desc");
    }
}

#[test]
fn grep_then_sort_then_limit_then_columns() {
    // grep sees columns that are not shown, and rows that a limit would have cut.
    assert_eq!(ids(&["--grep", "(?i)ten|nine", "--sort", "weight:desc", "--limit", "2"]), "1 6");
    assert_eq!(ids(&["--sort", "weight:desc", "--limit", "1"]), "4");
    assert_eq!(ids(&["--limit", "1"]), "1");
    assert_eq!(ids(&["--grep", "hundred", "--limit", "1"]), "4");
    // The column sorted by need not be shown; columns come in the order asked for, and may come twice.
    assert_eq!(numbers(&["--sort", "n", "--limit", "1", "--columns", "word,id,word"]), ["minus\t5\tminus"]);
    assert_eq!(numbers(&["--columns", "weight", "--limit", "1"]), ["10"]);
    assert_eq!(numbers(&["--columns", "weight,id", "--header", "--limit", "0"]), ["weight_bytes\tid"]);
    assert_eq!(numbers(&["--grep", "nothing like it"]), Vec::<String>::new());
}

#[test]
fn grep_matches_the_line_as_tsv_prints_it() {
    let db = database(server(bin()).info(), "grep");
    db.sql(
        "CREATE TABLE \"tab\tbed\" (x int); CREATE TABLE plain (x int); CREATE TABLE \"new\nline\" (x int)",
    );
    let grep = |regex: &str| -> Vec<String> {
        let output = run(pgkit(&db).args(["relations", "--columns", "name", "--grep", regex]));
        output.lines().iter().map(|l| (*l).to_owned()).collect()
    };
    assert_eq!(grep(r"tab\\tbed"), ["tab\\tbed"]);
    assert_eq!(grep(r"^public\tplain\ttable\t"), ["plain"]);
    assert_eq!(grep("postgres$").len(), 3);
    assert_eq!(grep(r"new\\nline"), ["new\\nline"]);
    // It is the same line whatever the format.
    let json =
        run(pgkit(&db).args(["relations", "--json", "--columns", "name", "--grep", r"^public\tplain\t"]));
    assert_eq!(json.stdout, "[\n{\"name\":\"plain\"}\n]\n");
}

#[test]
fn a_limit_ends_the_statement_early() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = Own::new(&[(
        "endless",
        "\"n int8\"",
        "SELECT pg_catalog.generate_series(1::int8, 1000000000000) AS n",
    )]);
    let start = std::time::Instant::now();
    assert_eq!(run(&mut own.run(&db, &["endless", "--limit", "3"])).lines(), ["1", "2", "3"]);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn sorting_more_than_memory_holds_gives_the_same_order() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = Own::new(&[(
        "many",
        "\"n int8\", \"t text\"",
        "SELECT (g * 7919) % 100003 AS n, pg_catalog.repeat('x', 150) AS t FROM pg_catalog.generate_series(1::int8, 100000) g",
    )]);
    let output = run(&mut own.run(&db, &["many", "--sort", "n:desc", "--columns", "n"]));
    let ns: Vec<i64> = output.lines().iter().map(|l| l.parse().unwrap()).collect();
    assert_eq!(ns.len(), 100_000);
    assert!(ns.windows(2).all(|w| w[0] > w[1]));
    let output = run(&mut own.run(&db, &["many", "--sort", "n", "--columns", "n", "--limit", "5"]));
    let mut ns = ns;
    ns.reverse();
    let least: Vec<i64> = output.lines().iter().map(|l| l.parse().unwrap()).collect();
    assert_eq!(least, ns[..5]);
}

#[test]
fn columns_and_sort_are_checked_before_any_connection() {
    for args in [&["--columns", "nme"][..], &["--sort", "nme"], &["--sort", "name:down"], &["--grep", "("]] {
        let output = run(bare_pgkit().env("PGHOST", "/nowhere").arg("relations").args(args));
        assert_ne!(output.code, Some(69), "{}", output.snapshot());
    }
}
