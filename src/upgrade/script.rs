//! The psql script that fixes what was found.

use std::collections::BTreeSet;

use super::finding::Finding;
use crate::escape;

/// Returns one script for all databases. Statements that are destructive or need a choice are commented out, unless
/// `allow_destructive` is set. `home` is the database to be in for what concerns a whole database or the cluster.
pub fn script(findings: &[Finding], home: &str, allow_destructive: bool) -> String {
    let mut out = String::from(
        "-- Fixes on the old server what pgkit upgrade-check found; run it with psql -X -v ON_ERROR_STOP=1 -f FILE.\n",
    );
    if !allow_destructive {
        out.push_str("-- What destroys something or needs a choice is commented out.\n");
    }
    out.push_str("\\set ON_ERROR_STOP 1\n\\encoding UTF8\n");
    let mut inside: Option<&str> = None;
    let mut done: BTreeSet<(&str, &str)> = BTreeSet::new();
    // The databases follow one another, each with its worst findings first. But prepared transactions come before
    // the rest, because no other statement can get past their locks.
    let mut ordered: Vec<&Finding> = findings.iter().filter(|finding| finding.sql.is_some()).collect();
    ordered.sort_by_key(|finding| (finding.run_in.as_deref(), finding.check != "prepared"));
    for finding in ordered {
        let Some(sql) = finding.sql.as_deref() else { continue };
        let database = finding.run_in.as_deref().unwrap_or(home);
        let again = !done.insert((database, sql));
        if inside != Some(database) {
            // A new connection starts with the database's own encoding again.
            out.push_str(&format!("\n\\connect {}\n\\encoding UTF8\n", connect_arguments(database)));
            inside = Some(database);
        }
        let place = finding.database.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
        let head = format!("{}: {place}{} {}", finding.severity.word(), finding.object, finding.problem);
        out.push_str(&format!("\n-- {}\n-- {}\n", one_line(&head), one_line(&finding.fix)));
        if again {
            out.push_str("-- The statement above does it.\n");
        } else if finding.choice && !allow_destructive {
            for line in sql.split(['\n', '\r']) {
                out.push_str(&format!("-- {line}\n"));
            }
        } else {
            out.push_str(sql);
            out.push('\n');
        }
    }
    if done.is_empty() {
        out.push_str("\n-- There is nothing that SQL on the old server can fix.\n");
    }
    out
}

/// Returns a text that fits into a comment of one line.
fn one_line(text: &str) -> String {
    escape::terminal(text).into_owned()
}

/// Returns a database's name for psql's `\connect`. A name that is not plain is put into a conninfo string, because
/// it might itself look like one. The conninfo string is in double quotes, which psql removes last, and those are
/// in single quotes, which psql removes first, resolving their escapes.
fn connect_arguments(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(plain) {
        return name.to_owned();
    }
    let conninfo = format!("dbname='{}'", name.replace('\\', "\\\\").replace('\'', "\\'"));
    let mut quoted = String::from("-reuse-previous=on '\"");
    for c in conninfo.chars() {
        match c {
            '\'' => quoted.push_str("''"),
            '"' => quoted.push_str("\"\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if escape::is_unsafe(c) => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    quoted.push_str(&format!("\\{byte:03o}"));
                }
            }
            c => quoted.push(c),
        }
    }
    quoted.push_str("\"'");
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upgrade::Severity;

    fn finding(database: &str, sql: &str, choice: bool) -> Finding {
        let mut finding = Finding::new(Severity::Stops, "test", "table a\nb", "is bad", "mend it");
        finding.database = Some(database.to_owned());
        finding.run_in = finding.database.clone();
        finding.sql = Some(sql.to_owned());
        finding.choice = choice;
        finding
    }

    #[test]
    fn what_destroys_is_commented_out_to_its_last_line() {
        let findings = [finding("a", "DROP TABLE \"a\nb\";", true), finding("a", "SELECT 1;", false)];
        let careful = script(&findings, "postgres", false);
        let live: Vec<&str> =
            careful.lines().filter(|line| !line.starts_with("--") && !line.is_empty()).collect();
        let encoding = "\\encoding UTF8";
        assert_eq!(live, ["\\set ON_ERROR_STOP 1", encoding, "\\connect a", encoding, "SELECT 1;"]);
        assert!(script(&findings, "postgres", true).contains("\nDROP TABLE \"a\nb\";\n"));
    }

    #[test]
    fn a_statement_runs_once_in_each_database() {
        let findings = [
            finding("a", "SELECT 1;", false),
            finding("a", "SELECT 1;", false),
            finding("b", "SELECT 1;", false),
        ];
        let text = script(&findings, "postgres", false);
        assert_eq!(text.matches("\nSELECT 1;\n").count(), 2);
        assert_eq!(text.matches("\\connect").count(), 2);
    }

    #[test]
    fn any_name_connects() {
        assert_eq!(connect_arguments("demo_2"), "demo_2");
        assert_eq!(
            connect_arguments("\u{1b}\u{202e}1"),
            "-reuse-previous=on '\"dbname=''\\033\\342\\200\\2561''\"'"
        );
        assert_eq!(
            connect_arguments("it's=\"\\x\ny"),
            "-reuse-previous=on '\"dbname=''it\\\\''s=\"\"\\\\\\\\x\\ny''\"'"
        );
    }
}
