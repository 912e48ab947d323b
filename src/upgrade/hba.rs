//! Whether `pg_hba.conf` lets pg_upgrade in: it connects to every database as the install user, over a socket of
//! its own.

use serde::Deserialize;

use super::finding::{Finding, Severity};

/// A line of the file for connections over the local socket.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The line's number in the file.
    pub line: i64,
    /// The databases that the line is for.
    pub databases: Vec<String>,
    /// The roles that the line is for.
    pub users: Vec<String>,
    /// The authentication method.
    pub method: String,
}

impl Rule {
    /// Returns whether the line is for this database and this role. `None` if only a server can tell, because of a
    /// regular expression or the members of a role.
    fn is_for(&self, database: &str, user: &str) -> Option<bool> {
        let role = |name: &str| match name {
            "all" => Some(true),
            name if name.starts_with(['/', '+']) => None,
            name => Some(name == user),
        };
        let place = |name: &str| match name {
            "all" => Some(true),
            "sameuser" => Some(database == user),
            "samerole" | "samegroup" if database != user => None,
            "samerole" | "samegroup" => Some(true),
            "replication" => Some(false),
            name if name.starts_with('/') => None,
            name => Some(name == database),
        };
        let any = |names: &[String], one: &dyn Fn(&str) -> Option<bool>| {
            let all: Vec<Option<bool>> = names.iter().map(|name| one(name)).collect();
            if all.contains(&Some(true)) {
                Some(true)
            } else if all.contains(&None) {
                None
            } else {
                Some(false)
            }
        };
        match (any(&self.databases, &place), any(&self.users, &role)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }
    }
}

/// Parses the lines for the local socket. A file included from elsewhere may contain anything.
pub fn parse(text: &str) -> Vec<Rule> {
    let list = |word: &str| word.split(',').map(|name| name.trim_matches('"').to_owned()).collect::<Vec<_>>();
    let unknown = || list("/elsewhere");
    let mut rules = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let text = text.split('#').next().unwrap_or_default();
        // The names in a list may have blanks after their commas.
        let text = text.replace(", ", ",");
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["local", databases, users, method, ..] => {
                let read = |word: &str| if word.contains('@') { unknown() } else { list(word) };
                rules.push(Rule {
                    line,
                    databases: read(databases),
                    users: read(users),
                    method: method.to_owned(),
                });
            }
            [word, ..] if word.starts_with("include") || word.starts_with('@') => {
                rules.push(Rule {
                    line,
                    databases: unknown(),
                    users: unknown(),
                    method: "reject".to_owned(),
                });
            }
            _ => {}
        }
    }
    rules
}

/// Returns what pg_upgrade would run into at these databases, of the old cluster or, with `place`, of another one.
pub fn findings(rules: &[Rule], databases: &[&str], user: &str, place: Option<&str>) -> Vec<Finding> {
    let mut found = Vec::new();
    for database in databases {
        let mut maybe = None;
        let mut verdict = None;
        for rule in rules {
            match rule.is_for(database, user) {
                Some(false) => {}
                None if rule.method == "reject" => maybe = maybe.or(Some(rule.line)),
                None => {}
                Some(true) => {
                    verdict = Some(rule);
                    break;
                }
            }
        }
        if let Some(rule) =
            verdict.filter(|rule| ["password", "md5", "scram-sha-256"].contains(&rule.method.as_str()))
        {
            let cluster = place.unwrap_or("old cluster");
            found.push(
                Finding::new(
                    Severity::Note,
                    "pg_hba",
                    cluster,
                    "asks for a password over the local socket",
                    format!("give pg_upgrade that of {user}: PGPASSWORD or a password file"),
                )
                .because(format!("line {} of pg_hba.conf", rule.line)),
            );
        }
        let rejects = verdict.is_none_or(|rule| rule.method == "reject");
        let severity = if rejects { Severity::Stops } else { Severity::Unseen };
        let what = match (verdict, maybe) {
            (Some(rule), _) if rejects => format!("line {} of pg_hba.conf rejects it", rule.line),
            (_, Some(line)) => format!("line {line} of pg_hba.conf may reject it"),
            (None, None) => "no line of pg_hba.conf with local is for it".to_owned(),
            (Some(_), None) => continue,
        };
        let word = if rejects { "lets" } else { "may let" };
        let problem = format!("{word} {user} not in over the local socket");
        found.push(
            Finding::new(
                severity,
                "pg_hba",
                place.map_or_else(
                    || format!("database {database}"),
                    |place| format!("{place}, database {database}"),
                ),
                problem,
                format!("for the upgrade, put this line before it: local all {user} peer"),
            )
            .because(format!("{what}, and pg_upgrade connects to every database"))
            .in_database(Some(*database).filter(|_| place.is_none())),
        );
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(line: i64, databases: &str, users: &str, method: &str) -> Rule {
        let list = |text: &str| text.split(',').map(str::to_owned).collect();
        Rule { line, databases: list(databases), users: list(users), method: method.into() }
    }

    #[test]
    fn the_first_line_that_is_for_a_database_decides() {
        let judged = |rules: &[Rule]| findings(rules, &["d", "me"], "me", None).len();
        assert_eq!(judged(&[rule(1, "all", "all", "peer")]), 0);
        assert_eq!(judged(&[rule(1, "d", "all", "reject"), rule(2, "all", "all", "trust")]), 1);
        assert_eq!(judged(&[rule(1, "d", "you", "reject"), rule(2, "all", "me", "trust")]), 0);
        assert_eq!(judged(&[rule(1, "sameuser", "all", "trust")]), 1);
        assert_eq!(judged(&[rule(1, "replication", "all", "trust")]), 2);
        assert_eq!(judged(&[]), 2);
        // A regular expression may be for it.
        let found =
            findings(&[rule(1, "/^x", "all", "reject"), rule(2, "all", "all", "peer")], &["d"], "me", None);
        assert_eq!(found.iter().map(|one| one.severity).collect::<Vec<_>>(), [Severity::Unseen]);
        let text = "# x\nlocal  \"d\", e  all trust # y\nhost all all ::1/128 reject\ninclude other\nlocal all @f peer\n";
        let unknown = |line, users, method| rule(line, "/elsewhere", users, method);
        let others = [unknown(4, "/elsewhere", "reject"), rule(5, "all", "/elsewhere", "peer")];
        assert_eq!(parse(text), [&[rule(2, "d,e", "all", "trust")][..], &others].concat());
        let asked = findings(&[rule(1, "all", "all", "md5")], &["d", "e"], "me", None);
        assert_eq!(asked.iter().map(|one| one.severity).collect::<Vec<_>>(), [Severity::Note]);
        assert_eq!(judged(&[rule(1, "all", "+x", "trust"), rule(2, "all", "all", "peer")]), 0);
    }
}
