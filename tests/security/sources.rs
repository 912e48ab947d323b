//! Rules for the source code: only one module opens sessions, and functions in SQL are schema-qualified.

use std::path::{Path, PathBuf};

fn files(folder: &str, end: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut out = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == end) {
                out.push((path.clone(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    out
}

/// How often these words occur in each source file, outside its tests.
fn uses(words: &str) -> Vec<(String, usize)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut out: Vec<(String, usize)> = files("src", "rs")
        .into_iter()
        .map(|(path, text)| {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            (path.strip_prefix(&src).unwrap().display().to_string(), code.matches(words).count())
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    out.sort();
    out
}

#[test]
fn one_place_opens_sessions() {
    assert_eq!(uses("connect_raw("), [("connect/dial.rs".to_owned(), 1)]);
    assert_eq!(uses("dial::session("), [("connect/connection.rs".to_owned(), 1)]);
    assert_eq!(uses("connect::connect("), [("session/open.rs".to_owned(), 1)]);
    // Only `connect` may use the driver's own functions for connecting.
    for words in ["tokio_postgres::connect(", "tokio_postgres::Config"] {
        let found = uses(words);
        assert!(found.iter().all(|(file, _)| file.starts_with("connect/")), "{words}: {found:?}");
    }
}

/// SQL keywords that may precede a parenthesis without being the name of a function.
const GRAMMAR: &str = "all and any array as by case cast coalesce distinct except exists extract filter from greatest \
    grouping in intersect interval key lateral least limit not nullif on operator or order over overlay partition position \
    references returns rollup row rows select similar substring table then trim union unique using values varchar when where with within";

#[test]
fn functions_are_called_by_their_full_names() {
    // The search path that pgkit sets protects them already; the schema is a second line of defense.
    let grammar: Vec<&str> = GRAMMAR.split_whitespace().collect();
    let literal = regex::Regex::new(r"'(?:[^']|'')*'").unwrap();
    let call = regex::Regex::new(r#"(?:^|[^.\w"$:%])([A-Za-z_]\w*)\("#).unwrap();
    let mut bad = Vec::new();
    let mut calls = 0;
    for (path, text) in files("queries", "sql") {
        let mut in_body = false;
        for (n, line) in text.lines().enumerate() {
            // The body of a function runs under the search path in its own SET clause.
            in_body ^= line.contains("$guard$");
            if in_body {
                continue;
            }
            let code = literal.replace_all(line, "''");
            let code = code.split("--").next().unwrap_or_default();
            calls += code.matches("pg_catalog.").count();
            for found in call.captures_iter(code) {
                if !grammar.contains(&found[1].to_lowercase().as_str()) {
                    bad.push(format!("{}:{}: {}", path.display(), n + 1, &found[1]));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(calls > 500, "{calls}");
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let page = ["SECURITY.md", "ARCHITECTURE.md"]
        .map(|page| std::fs::read_to_string(docs.join(page)).unwrap())
        .join("\n");
    let sources: String =
        files("src", "rs").into_iter().chain(files("tests", "rs")).map(|(_, text)| text).collect();
    // Names of tests are sentences, so they have at least four words.
    let name = regex::Regex::new("`([a-z0-9]+(?:_[a-z0-9]+){3,})`").unwrap();
    // Only the last column of the table names tests; elsewhere, names of this form are settings of the server.
    let tests: String = page
        .lines()
        .filter_map(|line| line.trim_end_matches(" |").rsplit_once(" | "))
        .map(|(_, tests)| tests)
        .collect();
    let named: Vec<&str> = name.captures_iter(&tests).map(|found| found.get(1).unwrap().as_str()).collect();
    let missing: Vec<&&str> = named.iter().filter(|name| !sources.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(named.len() > 30, "{named:?}");
}
