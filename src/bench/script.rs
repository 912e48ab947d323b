//! A variant: statements as psql and pgbench write them, with `:name`, `:'name'`, `:"name"` and `\gset`.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Result};
use crate::sql::{self, Quote, Variable, quote_ident, quote_literal};

/// The values of variables; `None` is NULL, which `\gset` leaves unset in psql and which is NULL here.
pub type Values = BTreeMap<String, Option<String>>;

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The text, variables and all.
    pub text: String,
    variables: Vec<Variable>,
    /// The prefix of the variables that its single row sets; `None` without `\gset`.
    pub gset: Option<String>,
}

/// One way to get the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    pub name: String,
    /// The statements that it sends, one after the other.
    pub steps: Vec<Step>,
}

/// The first words of statements that would escape from the transaction of a run, which is read-only or rolled
/// back.
const CONTROL: &[&str] = &[
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
    "prepare",
    "set",
    "reset",
    "discard",
    "copy",
];

impl Variant {
    /// Parses `NAME=SCRIPT`; `read` returns the text of the file if the script is `@FILE`.
    ///
    /// Errors: no name, no statement, an unknown command, or transaction control (64).
    pub fn parse(text: &str, read: &dyn Fn(&str) -> Result<String>) -> Result<Variant> {
        let shown: String = text.chars().take(40).collect();
        let unnamed = || {
            Error::usage(format!("missing name of variant {shown:?}"))
                .hint("use NAME=SQL, such as 'join=SELECT …', or NAME=@FILE")
        };
        let (name, script) = text.split_once('=').ok_or_else(unnamed)?;
        let name = name.trim();
        // Without a name, the equals sign found is one in the statement itself.
        if name.is_empty()
            || name.contains('\n')
            || sql::scan(name).variables.len() + name.matches('(').count() > 0
        {
            return Err(unnamed());
        }
        let first = name.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        if matches!(first.as_str(), "select" | "with" | "insert" | "update" | "delete" | "values" | "table") {
            return Err(unnamed());
        }
        let script = match script.trim().strip_prefix('@') {
            Some(file) => read(file)?,
            None => script.to_owned(),
        };
        let steps =
            steps(&script).map_err(|e| Error { message: format!("variant {name:?}: {}", e.message), ..e })?;
        if steps.is_empty() {
            return Err(Error::usage(format!("missing statement in variant {name:?}")));
        }
        Ok(Variant { name: name.to_owned(), steps })
    }

    /// Checks the variables. Errors: neither a parameter nor an earlier `\gset` sets a variable (64).
    pub fn check(&self, params: &BTreeSet<String>) -> Result<()> {
        let mut sets = false;
        for step in &self.steps {
            for variable in &step.variables {
                // Which variables a \gset sets is known only when it runs.
                if !params.contains(&variable.name) && !sets {
                    return Err(Error::usage(format!(
                        "variant {:?}: missing value for :{}",
                        self.name, variable.name
                    ))
                    .hint(format!(
                        "set it with --param {0}=1..100, --param {0}=a,b,c or --param {0}=@FILE.csv",
                        variable.name
                    )));
                }
            }
            sets |= step.gset.is_some();
        }
        Ok(())
    }
}

impl Step {
    /// Returns the text with the variables replaced by their values, as psql does it.
    ///
    /// Errors: a variable has no value (65).
    pub fn filled(&self, values: &Values) -> Result<String> {
        let mut out = String::with_capacity(self.text.len() + 16);
        let mut from = 0;
        for variable in &self.variables {
            out.push_str(&self.text[from..variable.range.start]);
            let value = look_up(values, &variable.name)?;
            out.push_str(&match (variable.quote, value) {
                (_, None) => "NULL".to_owned(),
                (Quote::Bare, Some(text)) => text.to_owned(),
                (Quote::Literal, Some(text)) => quote_literal(text),
                (Quote::Identifier, Some(text)) => quote_ident(text),
            });
            from = variable.range.end;
        }
        out.push_str(&self.text[from..]);
        Ok(out)
    }

    /// Returns the text with `$1`, `$2` … for the variables, and the variables' names. Identifiers are replaced by
    /// their values.
    pub fn numbered(&self, values: &Values) -> Result<(String, Vec<String>)> {
        let mut out = String::with_capacity(self.text.len() + 16);
        let mut names: Vec<String> = Vec::new();
        let mut from = 0;
        for variable in &self.variables {
            out.push_str(&self.text[from..variable.range.start]);
            if variable.quote == Quote::Identifier {
                out.push_str(&quote_ident(look_up(values, &variable.name)?.unwrap_or_default()));
            } else {
                let at = names.iter().position(|name| *name == variable.name).unwrap_or(names.len());
                if at == names.len() {
                    names.push(variable.name.clone());
                }
                out.push_str(&format!("${}", at + 1));
            }
            from = variable.range.end;
        }
        out.push_str(&self.text[from..]);
        Ok((out, names))
    }

    /// Returns whether its text depends on the values with every protocol.
    pub fn has_identifiers(&self) -> bool {
        self.variables.iter().any(|v| v.quote == Quote::Identifier)
    }

    /// Returns whether it can be explained, because it only reads.
    pub fn reads(&self) -> bool {
        matches!(first_word(&self.text).as_str(), "select" | "with" | "values" | "table")
    }
}

/// Returns a variable's value.
pub fn look_up<'a>(values: &'a Values, name: &str) -> Result<Option<&'a str>> {
    match values.get(name) {
        Some(value) => Ok(value.as_deref()),
        None => Err(Error::data(format!("missing value for :{name}: no earlier \\gset sets it")).hint(
            "\\gset sets one variable per column, named after the column, with the prefix, if any, in front",
        )),
    }
}

/// Returns the first word of a statement, in lower case.
fn first_word(text: &str) -> String {
    sql::first_words(text, 1).pop().unwrap_or_default()
}

/// Splits a script into statements.
fn steps(script: &str) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = script;
    while !sql::is_blank(rest) {
        let scan = sql::scan(rest);
        let end = match (scan.separators.first().copied(), scan.command) {
            (Some(a), Some(b)) => a.min(b),
            (Some(a), None) | (None, Some(a)) => a,
            (None, None) => rest.len(),
        };
        let text = &rest[..end];
        let after = &rest[end..];
        let mut gset = None;
        if after.starts_with('\\') {
            let (prefix, behind) = command(after)?;
            gset = Some(prefix);
            rest = behind;
        } else {
            rest = after.strip_prefix(';').unwrap_or(after);
        }
        if sql::is_blank(text) {
            if gset.is_some() {
                return Err(Error::usage("missing statement before \\gset"));
            }
            continue;
        }
        let trimmed = text.trim();
        let word = first_word(trimmed);
        if CONTROL.contains(&word.as_str()) {
            return Err(Error::usage(format!("cannot measure {}: {}", word.to_uppercase(), short(trimmed))).hint(
                "a run is read-only or, with --allow-writes, a transaction that is rolled back; set parameters with PGOPTIONS",
            ));
        }
        steps.push(Step { text: trimmed.to_owned(), variables: sql::scan(trimmed).variables, gset });
    }
    Ok(steps)
}

/// Parses `\gset [PREFIX]`: returns the prefix and the text that follows. On the same line, a word counts as the
/// prefix only if nothing but the next separator follows it.
fn command(text: &str) -> Result<(String, &str)> {
    let name: String = text[1..].chars().take_while(|c| c.is_alphanumeric()).collect();
    if name != "gset" {
        return Err(Error::usage(format!("invalid command \\{name}"))
            .hint("leave out psql's commands other than \\gset"));
    }
    let behind = &text[1 + name.len()..];
    let blanks = behind.len() - behind.trim_start_matches([' ', '\t']).len();
    let word: String = behind[blanks..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let after = &behind[blanks + word.len()..];
    let next = after.trim_start_matches([' ', '\t']);
    let is_end = next.is_empty() || next.starts_with([';', '\n', '\r', '\\']);
    let (prefix, rest) = if !word.is_empty() && is_end { (word, next) } else { (String::new(), behind) };
    let rest = rest.trim_start();
    Ok((prefix, rest.strip_prefix("\\\\").or_else(|| rest.strip_prefix(';')).unwrap_or(rest)))
}

fn short(text: &str) -> String {
    let one: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if one.chars().count() > 50 {
        format!("{:?}…", one.chars().take(50).collect::<String>())
    } else {
        format!("{one:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Variant> {
        Variant::parse(text, &|file| Ok(format!("SELECT 1 -- from {file}")))
    }

    fn texts(text: &str) -> Vec<(String, Option<String>)> {
        parse(text).unwrap().steps.into_iter().map(|s| (s.text, s.gset)).collect()
    }

    #[test]
    fn a_script_is_cut_as_psql_cuts_it() {
        assert_eq!(
            texts("a=SELECT 1; SELECT ';' ;"),
            [("SELECT 1".into(), None), ("SELECT ';'".into(), None)]
        );
        let two = [
            ("SELECT artist_id FROM song WHERE id = :id".to_owned(), Some(String::new())),
            ("SELECT name FROM artist WHERE id = :artist_id".to_owned(), None),
        ];
        for script in [
            "SELECT artist_id FROM song WHERE id = :id \\gset\nSELECT name FROM artist WHERE id = :artist_id",
            "SELECT artist_id FROM song WHERE id = :id \\gset ; SELECT name FROM artist WHERE id = :artist_id;",
            "SELECT artist_id FROM song WHERE id = :id \\gset SELECT name FROM artist WHERE id = :artist_id",
            "SELECT artist_id FROM song WHERE id = :id \\gset \\\\ SELECT name FROM artist WHERE id = :artist_id",
        ] {
            assert_eq!(texts(&format!("two look-ups={script}")), two, "{script}");
        }
        assert_eq!(texts("a=SELECT 1 AS x \\gset p_ ; SELECT :p_x")[0].1.as_deref(), Some("p_"));
        assert_eq!(texts("a=SELECT 1 AS x \\gset p_\nSELECT :p_x")[0].1.as_deref(), Some("p_"));
        assert_eq!(texts("a=@file.sql"), [("SELECT 1 -- from file.sql".into(), None)]);
    }

    #[test]
    fn what_is_no_variant_is_told() {
        for (text, why) in [
            ("SELECT 1", "missing name of variant"),
            ("SELECT a FROM t WHERE id = 1", "missing name of variant"),
            ("=SELECT 1", "missing name of variant"),
            ("a=", "missing statement in variant"),
            ("a=-- nothing", "missing statement in variant"),
            ("a=\\gset", "missing statement before"),
            ("a=SELECT 1 \\watch", "invalid command \\watch"),
            ("a=/* x */ COMMIT; INSERT INTO t VALUES (1)", "cannot measure COMMIT"),
            ("a=SELECT 1; set default_transaction_read_only = off", "cannot measure SET"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.exit == crate::error::Exit::Usage && error.message.contains(why),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn values_are_put_in_as_psql_does_or_bound() {
        let variant = parse("a=SELECT :n, :'n', :\"n\", ':n', :n::text").unwrap();
        let values: Values = [("n".to_owned(), Some("it's".to_owned()))].into();
        let step = &variant.steps[0];
        assert_eq!(step.filled(&values).unwrap(), "SELECT it's, 'it''s', \"it's\", ':n', it's::text");
        let (text, names) = step.numbered(&values).unwrap();
        assert_eq!((text.as_str(), names), ("SELECT $1, $1, \"it's\", ':n', $1::text", vec!["n".to_owned()]));
        assert!(step.filled(&Values::new()).is_err());
        let check = |text: &str, params: &[&str]| {
            parse(text).unwrap().check(&params.iter().map(|p| (*p).to_owned()).collect())
        };
        assert!(check("a=SELECT :x", &["x"]).is_ok());
        assert!(check("a=SELECT :x", &["y"]).unwrap_err().message.contains("missing value for :x"));
        assert!(check("a=SELECT 1 AS x \\gset\nSELECT :x", &[]).is_ok());
        assert!(step.reads() && !parse("a=(DELETE FROM t)").unwrap().steps[0].reads());
    }
}
