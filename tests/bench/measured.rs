//! What is measured, and what is told of it.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[test]
fn every_value_goes_through_every_variant_in_shuffled_order() {
    let folder = tempfile::tempdir().unwrap();
    for bin in bins() {
        let db = songs_on(bin, "turns");
        for protocol in ["simple", "extended", "prepared"] {
            let file = folder.path().join(format!("{protocol}.csv"));
            let samples = file.display().to_string();
            let output = bench(
                &db,
                &[
                    TWO,
                    JOIN,
                    "--param",
                    "id=1..200",
                    "--protocol",
                    protocol,
                    "--samples",
                    &samples,
                    "--seed",
                    "7",
                    "--header",
                ],
            );
            assert_eq!(output.code, Some(0), "{protocol} on {}\n{}", bin.major, output.snapshot());
            let figures = rows(&output);
            assert_eq!(figures.len(), 2);
            for row in &figures {
                let of = |name: &str| row[name].parse::<f64>().unwrap();
                assert_eq!((row["n"].as_str(), row["errors"].as_str()), ("200", "0"), "{row:?}");
                assert!(
                    of("min_ms") > 0.0 && of("min_ms") <= of("median_ms") && of("median_ms") <= of("p95_ms")
                );
                assert!(
                    of("p95_ms") <= of("p99_ms") && of("p99_ms") <= of("max_ms") && of("server_ms") > 0.0
                );
                assert!(of("round_trips_ms") > 0.0);
            }
            let trips = |i: usize| figures[i]["round_trips_ms"].parse::<f64>().unwrap();
            assert!((trips(0) - 2.0 * trips(1)).abs() < 2e-6, "two statements are two round trips");
            let mut reader = csv::Reader::from_path(&file).unwrap();
            let all: Vec<BTreeMap<String, String>> = reader.deserialize().map(|row| row.unwrap()).collect();
            assert_eq!(all.len(), 400);
            let firsts = all.iter().filter(|r| r["position"] == "0" && r["variant"] == "join").count();
            assert!((60..140).contains(&firsts), "{firsts} of 200 turns began with the join");
            for name in ["two look-ups", "join"] {
                let values: BTreeSet<&str> =
                    all.iter().filter(|r| r["variant"] == name).map(|r| r["value"].as_str()).collect();
                assert_eq!(values.len(), 200);
            }
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let db = songs("seed");
    let order = |seed: &str, clients: &str| -> Vec<String> {
        let file = folder.path().join("samples.json");
        let path = file.display().to_string();
        let args = [
            "a=SELECT 1",
            "b=SELECT 2",
            "c=SELECT 3",
            "--runs",
            "30",
            "--seed",
            seed,
            "--samples",
            &path,
            "--clients",
            clients,
        ];
        let output = bench(&db, &args);
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
        assert!(output.stderr.contains(&format!("seed {seed}")), "{}", output.stderr);
        let all: Vec<serde_json::Value> =
            serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        all.iter().map(|s| s["variant"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(order("1", "1"), order("1", "1"));
    assert_eq!(order("1", "1"), order("1", "4"), "whoever takes the turns");
    assert_ne!(order("1", "1"), order("2", "1"));
}

#[test]
fn a_difference_that_is_there_is_told_in_one_sentence() {
    let db = songs("differs");
    let output = bench(
        &db,
        &[
            "slow=SELECT pg_sleep(0.004)",
            "fast=SELECT pg_sleep(0.002)",
            "--runs",
            "60",
            "--pairs",
            "--header",
        ],
    );
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let pair = &rows(&output)[0];
    assert_eq!(
        (pair["faster"].as_str(), pair["slower"].as_str(), pair["n"].as_str()),
        ("fast", "slow", "60")
    );
    let of = |name: &str| pair[name].parse::<f64>().unwrap();
    assert!(
        0.3 < of("low") && of("low") < of("ratio") && of("ratio") < of("high") && of("high") < 0.9,
        "{pair:?}"
    );
    assert!(
        output.stderr.contains("fast takes 0.") && output.stderr.contains(" of the time of slow"),
        "{}",
        output.stderr
    );
}

#[test]
fn rows_that_differ_are_told_and_a_bad_answer() {
    let db = songs("rows");
    let same = bench(&db, &[TWO, JOIN, "--param", "id=1..50", "--same-rows"]);
    assert_eq!(same.code, Some(0), "{}", same.snapshot());
    let wrong = "wrong=SELECT CASE :id WHEN 17 THEN 'x' ELSE a.name END FROM song s JOIN artist a ON a.id = s.artist_id WHERE s.id = :id";
    let output = bench(&db, &[JOIN, wrong, "--param", "id=1..50", "--same-rows"]);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(output.stderr.contains("for id=17, the variants return different rows"), "{}", output.stderr);
    assert!(output.stderr.contains("wrong: 1 rows, among them (x)"), "{}", output.stderr);
    assert_eq!(output.stdout.lines().count(), 2, "the figures are there all the same");
}

#[test]
fn a_statement_that_fails_is_counted_and_shown() {
    let db = songs("fails");
    let output = bench(
        &db,
        &[
            "good=SELECT 1",
            "bad=SELECT 1 / (:n - 3)",
            "gone=SELECT 1 AS a WHERE false \\gset\nSELECT :a",
            "--param",
            "n=1..5",
            "--header",
        ],
    );
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    let errors: Vec<(String, String)> =
        rows(&output).into_iter().map(|r| (r["n"].clone(), r["errors"].clone())).collect();
    let is = |n: &str, errors: &str| (n.to_owned(), errors.to_owned());
    assert_eq!(errors, [is("5", "0"), is("4", "1"), is("0", "5")]);
    assert!(
        output
            .stderr
            .contains("bad: 1 of its runs failed, the first with: the server says: division by zero"),
        "{}",
        output.stderr
    );
    assert!(
        output.stderr.contains("gone: 5 of its runs failed, the first with: no rows returned for \\gset"),
        "{}",
        output.stderr
    );
}

#[test]
fn what_writes_is_rolled_back() {
    let db = songs("writes");
    for protocol in ["simple", "extended", "prepared"] {
        let args = [
            "a=INSERT INTO written VALUES (:n)",
            "b=INSERT INTO written SELECT :n; DELETE FROM song",
            "--param",
            "n=1..5",
            "--allow-writes",
            "--protocol",
            protocol,
        ];
        let output = bench(&db, &args);
        assert_eq!(output.code, Some(0), "{}", output.snapshot());
        assert_eq!(db.value("SELECT count(*) FROM written"), "0");
        assert_eq!(db.value("SELECT count(*) FROM song"), "1000");
    }
}

#[test]
fn files_and_csv_parameters_are_read() {
    let db = songs("files");
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let script = write("find.sql", "-- by name\nSELECT id FROM song\nWHERE name = :'name';\n");
    let values = write("names.csv", "name,id\n\"song '7\",7\n\"song '8\",8\n");
    let page = folder.path().join("page.html").display().to_string();
    let args = [
        &format!("by name=@{script}"),
        "by id=SELECT id FROM song WHERE id = :id",
        "--param",
        &format!("name=@{values}"),
        "--param",
        &format!("id=@{values}"),
        "--same-rows",
        "--runs",
        "40",
        "--html",
        &page,
    ];
    let output = bench(&db, &args);
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("WHERE name = :&#") || page.contains("WHERE name = :'name'"), "{page}");
    assert_eq!(page.matches("<svg").count(), 2);
}

#[test]
fn a_time_limit_ends_it() {
    let db = songs("time");
    let begun = std::time::Instant::now();
    let output = bench(
        &db,
        &["a=SELECT pg_sleep(0.01)", "b=SELECT pg_sleep(0.01)", "--time", "1s", "--clients", "2", "--header"],
    );
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    assert!(begun.elapsed().as_secs_f64() < 5.0);
    let n: usize = rows(&output)[0]["n"].parse().unwrap();
    assert!((20..=110).contains(&n), "{n}");
}

#[test]
fn the_demo_prints_the_posts_table() {
    let output = run(bare_pgkit().args(["bench", "demo", "--runs", "60", "--header"]));
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let names: Vec<String> = rows(&output).into_iter().map(|r| r["variant"].clone()).collect();
    assert_eq!(names, ["two look-ups", "join"]);
}
