//! What is reported about a failure, and whether a check has already reported it.

use super::super::{Finding, Severity};
use super::failures::{Failure, Object};
use super::rehearse::CHECK;
use crate::sql::quote_ident;

/// A failure as a finding, and the data by which it is compared with others.
#[derive(Debug)]
pub struct Failed {
    pub finding: Finding,
    /// The server's message.
    pub message: String,
    object: Option<Object>,
    extension: Option<String>,
}

/// Parts of messages, each with what to do about them.
const ADVICE: &[(&str, &str)] = &[
    (
        "during inlining",
        "give the function SET search_path, or qualify every name that it uses: the search path of a restore is empty",
    ),
    ("ICU is not supported", "use programs that were built with ICU"),
    ("LC_COLLATE", "install that locale on this host"),
    ("LC_CTYPE", "install that locale on this host"),
    ("locale name", "install that locale on this host"),
    ("locale \"", "install that locale on this host"),
    ("could not access file", "install that library for the new server, or drop what uses it"),
    ("could not load library", "install that library for the new server, or drop what uses it"),
    ("could not find function", "install the version of the library that has it, or drop what uses it"),
    ("unrecognized configuration parameter", "reset that setting"),
    ("invalid value for parameter", "reset that setting"),
    ("is reserved", "rename it: the name belongs to the new version"),
    ("already exists", "rename it: the new version has one of that name"),
    ("out of shared memory", "raise max_locks_per_transaction of the new cluster"),
];

const USUAL: &str = "change it on the old server so that it uses nothing that the new version lacks, or drop it and create it again afterwards";

impl Failed {
    pub fn of(failure: Failure, database: &str, to: u32) -> Failed {
        let Failure { object, message, extension, followers, count } = failure;
        let mut why = format!("PostgreSQL {to} says: {message}");
        if count > 0 {
            let more = if count > followers.len() { ", …" } else { "" };
            let what = if count == 1 { "1 other fails" } else { &format!("{count} others fail") };
            why.push_str(&format!("; {what} with it: {}{more}", followers.join(", ")));
        }
        let (label, problem) = match &extension {
            Some(name) => (format!("extension {name}"), format!("cannot be restored: {}", object.label())),
            None => (object.label(), "cannot be restored".to_owned()),
        };
        let mut finding = Finding::new(Severity::Stops, CHECK, label, problem, advice(&message))
            .because(why)
            .in_database(Some(database));
        finding.sql = drop_of(&object).filter(|_| extension.is_none());
        finding.run_in = finding.sql.is_some().then(|| database.to_owned());
        Failed { finding, message, object: Some(object), extension }
    }

    /// Creates one from a statement of the roles script that fails.
    pub fn statement(statement: &str, message: &str) -> Failed {
        let line = statement.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join(" ");
        // The value of a setting is left out, since it need not be seen.
        let line = line.split(" TO ").next().unwrap_or_default().trim();
        let short: String = line.chars().take(100).collect();
        let finding = Finding::new(
            Severity::Stops,
            CHECK,
            format!("statement {short}"),
            "cannot be restored",
            advice(message),
        )
        .because(format!(
            "the new server says: {message}; pg_upgrade restores roles and their settings first"
        ));
        Failed { finding, message: message.to_owned(), object: None, extension: None }
    }

    /// Creates one for what is wrong with a whole database.
    pub fn other(database: &str, said: &str) -> Failed {
        let finding = Finding::new(
            Severity::Stops,
            CHECK,
            format!("database {database}"),
            "cannot be restored",
            advice(said),
        )
        .because(said)
        .in_database(Some(database));
        Failed { finding, message: said.to_owned(), object: None, extension: None }
    }

    /// Creates one for what could not be rehearsed.
    pub fn unseen(finding: Finding) -> Failed {
        Failed { finding, message: String::new(), object: None, extension: None }
    }

    /// Returns whether the database could not be created.
    pub fn is_database(&self) -> bool {
        self.object.as_ref().is_some_and(|object| object.kind == "DATABASE")
    }

    /// Returns whether this finding of a check reports the same.
    pub fn is_told_by(&self, finding: &Finding) -> bool {
        if finding.severity != Severity::Stops || finding.check == CHECK {
            return false;
        }
        let said = plain(&finding.object);
        // A setting is reported once, where it is set, no matter in which database the failure occurs.
        if let Some(name) = self.message.split("unrecognized configuration parameter ").nth(1) {
            let name = plain(name.split(';').next().unwrap_or_default());
            return said.starts_with(&format!("setting {name} of "))
                && (finding.database.is_none() || finding.database == self.finding.database);
        }
        if self.is_database() && finding.check == "icu" && self.message.contains("ICU") {
            return true;
        }
        if finding.database != self.finding.database {
            return false;
        }
        if let Some(extension) = &self.extension
            && said == format!("extension {extension}")
            && finding.check == "libraries"
        {
            return self.message.contains("could not ");
        }
        let Some(object) = &self.object else { return false };
        let schema = object.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
        let name = plain(&format!("{} {schema}{}", object.kind.to_lowercase(), object.bare()));
        said.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with([',', '(', ' ']))
    }
}

fn plain(text: &str) -> String {
    text.replace('"', "").trim().to_owned()
}

fn advice(message: &str) -> &'static str {
    ADVICE.iter().find(|(said, _)| message.contains(said)).map_or(USUAL, |(_, fix)| fix)
}

/// Returns the statement that drops the object, if its name is certain from the archive's listing.
fn drop_of(object: &Object) -> Option<String> {
    let kinds = ["VIEW", "MATERIALIZED VIEW", "INDEX"];
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let schema = object.schema.as_deref()?;
    (kinds.contains(&object.kind.as_str()) && plain(schema) && plain(&object.name))
        .then(|| format!("DROP {} {}.{};", object.kind, quote_ident(schema), quote_ident(&object.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: &str, name: &str, message: &str) -> Failed {
        let object = Object { kind: kind.into(), schema: Some("public".into()), name: name.into() };
        let failure = Failure {
            object,
            message: message.into(),
            extension: None,
            followers: vec!["view x".into()],
            count: 2,
        };
        Failed::of(failure, "d", 17)
    }

    fn told(check: &'static str, object: &str) -> Finding {
        Finding::new(Severity::Stops, check, object, "is bad", "mend it").in_database(Some("d"))
    }

    #[test]
    fn a_failure_says_what_failed_why_what_to_do_and_what_fails_with_it() {
        let view = failed("VIEW", "v", "column x does not exist").finding;
        assert_eq!((view.object.as_str(), view.problem.as_str()), ("view public.v", "cannot be restored"));
        assert_eq!(
            view.why.as_deref(),
            Some("PostgreSQL 17 says: column x does not exist; 2 others fail with it: view x, …")
        );
        assert_eq!(view.sql.as_deref(), Some("DROP VIEW \"public\".\"v\";"));
        let index = failed(
            "INDEX",
            "i x",
            "function un(text) does not exist; CONTEXT:  SQL function \"f\" during inlining",
        );
        assert!(index.finding.fix.contains("search_path") && index.finding.sql.is_none());
    }

    #[test]
    fn what_a_check_has_said_is_not_said_twice() {
        let table = failed("TABLE", "t", "type \"abstime\" does not exist");
        assert!(table.is_told_by(&told("data_types", "table public.t, column a")));
        assert!(!table.is_told_by(&told("data_types", "table public.t2, column a")));
        assert!(
            !table
                .is_told_by(&Finding { database: Some("e".into()), ..told("data_types", "table public.t") })
        );
        let function = failed(
            "AGGREGATE",
            "agg(\"anyelement\")",
            "function array_append(anyarray, anyelement) does not exist",
        );
        assert!(function.is_told_by(&told("polymorphics", "aggregate public.agg(anyelement)")));
        let setting = failed("FUNCTION", "f()", "unrecognized configuration parameter \"x\"");
        assert!(setting.is_told_by(&told("settings", "setting x of function public.f()")));
        assert!(!setting.is_told_by(&told("settings", "setting y of function public.f()")));
    }

    #[test]
    fn a_setting_of_a_role_is_told_without_its_value() {
        let failed = Failed::statement("-- comment\nALTER ROLE \"r\" SET \"my.key\" TO 'secret'", "no");
        assert_eq!(failed.finding.object, "statement ALTER ROLE \"r\" SET \"my.key\"");
    }
}
