//! What is known about a report, and which of its texts a server gets.

use std::collections::BTreeMap;

use serde::Deserialize;
use tokio_postgres::types::Type;

use super::checks::Check;
use crate::marks;
use crate::rows::{Column, Sections, Tree};
use crate::sql::quote_ident;

/// What the answer of a report is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// It differs from database to database.
    #[default]
    Database,
    /// It is the same in every database of the cluster, on a standby too.
    Cluster,
    /// It is about this one server: the same in every of its databases, but another one on a standby.
    Server,
    /// It is about a PgBouncer: its console answers, not a server.
    Pooler,
}

/// The type of a parameter, and so of its flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum ParamType {
    /// A flag without a value; false unless given.
    #[serde(rename = "bool")]
    Bool,
    /// A whole number.
    #[serde(rename = "int8")]
    Int8,
    /// Text.
    #[serde(rename = "text")]
    Text,
    /// Text, given any number of times.
    #[serde(rename = "text[]")]
    TextList,
    /// psql patterns: binds two parameters, the schemas' regular expressions and the names'.
    #[serde(rename = "pattern[]")]
    Patterns,
    /// A text to look for, in upper or lower case: binds two parameters, the text and a regular expression for it.
    /// Where a bool parameter called `regex` is set, the text itself is the expression.
    #[serde(rename = "term")]
    Term,
    /// A PostgreSQL regular expression.
    #[serde(rename = "regex")]
    Regex,
    /// A length of time (`10m`), bound as interval.
    #[serde(rename = "interval")]
    Interval,
    /// A size (`1GB`), bound as int8.
    #[serde(rename = "bytes")]
    Bytes,
    /// A flag without a value. It binds the schemas of the user's search path, in order and with the implicit ones, as
    /// text[]; NULL where it is not given. The report itself does not run under that path.
    #[serde(rename = "path")]
    Path,
}

impl ParamType {
    /// Returns whether it is a flag without a value.
    pub const fn is_flag(self) -> bool {
        matches!(self, ParamType::Bool | ParamType::Path)
    }

    /// Returns the server's types of what it binds: two for patterns and for a term, one for the rest.
    pub fn server_types(self) -> &'static [Type] {
        match self {
            ParamType::Bool => &[Type::BOOL],
            ParamType::Int8 | ParamType::Bytes => &[Type::INT8],
            ParamType::Text | ParamType::Regex => &[Type::TEXT],
            ParamType::TextList | ParamType::Path => &[Type::TEXT_ARRAY],
            ParamType::Patterns => &[Type::TEXT_ARRAY, Type::TEXT_ARRAY],
            ParamType::Term => &[Type::TEXT, Type::TEXT],
            ParamType::Interval => &[Type::INTERVAL],
        }
    }
}

/// Which names from the live server complete a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Complete {
    /// Schemas and relations.
    Relations,
    /// Schemas and functions.
    Functions,
}

/// One parameter: a flag, or a positional argument.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// Its name, with underscores: `group_partitions` is `--group-partitions`.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// Whether it is given without a flag.
    #[serde(default)]
    pub positional: bool,
    /// One line for `--help`.
    pub help: String,
    /// The values that it may have.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// The value if none is given; not for `bool`.
    pub default: Option<String>,
    /// Whether it must be given.
    #[serde(default)]
    pub required: bool,
    /// The placeholder for its value in help.
    pub metavar: Option<String>,
    /// The names from the live server that complete it.
    pub complete: Option<Complete>,
}

impl Param {
    /// Returns the flag's long name.
    pub fn long(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// A remark on an answer, made on some servers or to some roles.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// A boolean SQL expression that is true where the remark is made.
    pub when: String,
    /// The bool parameter that makes it needless where it is set.
    pub unless: Option<String>,
    /// The remark.
    pub says: String,
}

/// A column with statements, or with the names of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Private {
    /// The column.
    pub column: String,
    /// Another column, and its values in the rows where the column is private; `None` is all rows.
    pub only: Option<(String, Vec<String>)>,
}

impl Private {
    /// Parses an entry of a header: `name`, or `name where scope = application|client`.
    pub fn parse(text: &str) -> Option<Private> {
        let (column, only) = match text.split_once(" where ") {
            None => (text, None),
            Some((column, condition)) => {
                let (other, values) = condition.split_once('=')?;
                let values = values.split('|').map(|value| value.trim().to_owned());
                (column, Some((other.trim().to_owned(), values.collect())))
            }
        };
        Some(Private { column: column.trim().to_owned(), only })
    }
}

/// The extension that a text needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// What to do where it is missing.
    pub steps: String,
}

/// One text of a report: a whole file.
#[derive(Debug, Clone)]
pub struct Text {
    /// The file, for messages: `sizes.scan.sql`.
    pub file: String,
    /// The line of the file on which the header's columns are listed.
    pub columns_line: usize,
    /// Its statement, without header and final semicolon. Version marks (see [`marks`]) are still in it until
    /// [`Text::for_server`] resolves them.
    pub sql: String,
    /// The oldest server that it runs on.
    pub since: u32,
    /// A boolean SQL expression that must be true for it to be used.
    pub when: Option<String>,
    /// The parameter that chooses it.
    pub flag: Option<String>,
    /// The SQLSTATEs after which it may be run again.
    pub retry: Vec<String>,
    /// How long it waits for a lock, if its header says so.
    pub lock_timeout: Option<String>,
    /// What a role needs to run it.
    pub needs: Option<String>,
    /// How its rows form a tree, if they do.
    pub tree: Option<Tree>,
    /// Whether it replaces the texts before it where the server refuses those, although its flag was not given.
    pub is_fallback: bool,
    /// What a role may not see of its answer, and which grant shows it: said after the answer.
    pub hidden: Vec<Condition>,
    /// What the answer costs the server, where that is much: said before it is asked.
    pub cost: Vec<Condition>,
    /// For a text that a pooler's console answers: for each column whose name the console does not have, the console's
    /// columns that it is the sum of. A name that ends in `_us` counts microseconds.
    pub from: BTreeMap<String, Vec<String>>,
    /// The extension that it needs. Until [`Text::with_extension`] fills them in, the extension's schema is the
    /// identifier `"{extension}"`, and marks of its version are still in the statement.
    pub extension: Option<Extension>,
}

/// A report: one or several texts with the same parameters and columns.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The command's name.
    pub name: String,
    /// The first line of its file.
    pub summary: String,
    /// Its heading in the help: the folder of its file.
    pub group: String,
    /// How to read the answer, in two lines.
    pub reading: Option<String>,
    /// What else to know of it, for the manual.
    pub notes: Option<String>,
    /// The columns that identify a row.
    pub key: Vec<String>,
    /// The columns with statements and the names of clients, which `snapshot --redact` replaces by hashes.
    pub private: Vec<Private>,
    /// The number whose change `--sort change` means.
    pub measure: Option<String>,
    /// The flags with which a snapshot has its answer too, beside that without flags.
    pub variants: Vec<String>,
    /// The column that says how sure the numbers of a row are: where it differs, they are not compared.
    pub doubt: Option<String>,
    /// The columns that are not compared.
    pub incidental: Vec<String>,
    /// Parameters, in the order of `$1`, `$2` ….
    pub params: Vec<Param>,
    /// Columns, in order; empty if the header does not list them, so that the server must be asked.
    pub columns: Vec<Column>,
    /// How its rows are facts under headings, if they are.
    pub sections: Option<Sections>,
    /// What the answer is about.
    pub scope: Scope,
    /// The order of its rows, as `--sort` takes it, where the statement itself cannot sort.
    pub order: Option<String>,
    /// A command line that shows it.
    pub example: Option<String>,
    /// What is wrong if a row of the answer is so.
    pub checks: Vec<Check>,
    /// The texts, the most specific first.
    pub texts: Vec<Text>,
    /// Whether it came from the user's folder.
    pub own: bool,
}

/// The flags that every report has; no parameter may have one of these names.
pub const SHARED_FLAGS: &[&str] = &[
    "host",
    "port",
    "username",
    "dbname",
    "service",
    "servers",
    "parallel",
    "no-password",
    "password",
    "ssh",
    "echo-hidden",
    "sql",
    "server-version",
    "format",
    "csv",
    "csv-safe",
    "json",
    "header",
    "no-header",
    "columns",
    "sort",
    "limit",
    "grep",
    "all-databases",
    "exclude-database",
    "watch",
    "color",
    "no-color",
    "quiet",
    "verbose",
    "statement-timeout",
    "lock-timeout",
    "help",
    "version",
    "no-pager",
    "list",
    "from",
    "against",
    "fail-on-change",
];

/// The identifier that stands for the schema of a text's extension.
const EXTENSION: &str = "\"{extension}\"";

impl Text {
    /// Returns the text for a server of this major version, with its version marks resolved.
    pub fn for_server(&self, major: u32) -> Text {
        let resolved = |text: &str| marks::resolve(text, marks::Subject::Server, (major, 0));
        let conditions = |all: &[Condition]| {
            all.iter().map(|one| Condition { when: resolved(&one.when), ..one.clone() }).collect()
        };
        Text {
            sql: resolved(&self.sql),
            hidden: conditions(&self.hidden),
            cost: conditions(&self.cost),
            ..self.clone()
        }
    }

    /// Returns the text for this version of its extension, which is installed in this schema.
    pub fn with_extension(&self, schema: &str, version: (u32, u32)) -> Text {
        let sql = marks::resolve(&self.sql, marks::Subject::Extension, version);
        Text { sql: sql.replace(EXTENSION, &quote_ident(schema)), ..self.clone() }
    }
}

impl Report {
    /// Returns the texts that this server may get, in the order in which to try them: those chosen by a given flag,
    /// those with a probe, and the plain ones; last, as an alternative after a refusal, the fallbacks.
    ///
    /// `major` is the server's version, `given` says whether a bool parameter was set.
    pub fn candidates(&self, major: u32, given: impl Fn(&str) -> bool) -> Vec<&Text> {
        let fits: Vec<&Text> = self.texts.iter().filter(|t| t.since <= major).collect();
        let chosen = |t: &Text| t.flag.as_deref().is_some_and(&given);
        let mut order: Vec<&Text> = fits.iter().copied().filter(|t| chosen(t)).collect();
        if order.is_empty() {
            order.extend(fits.iter().filter(|t| t.flag.is_none() && t.when.is_some()));
            // Of the plain ones only the newest is used, since an older text would not help after a refusal.
            order.extend(fits.iter().filter(|t| t.flag.is_none() && t.when.is_none()).take(1));
            order.extend(fits.iter().filter(|t| t.is_fallback));
        }
        order
    }

    /// Returns the text that is used where no other is: that of the plain file. `None` if only its name is known.
    pub fn plain(&self) -> Option<&Text> {
        self.texts.iter().find(|text| text.flag.is_none() && text.when.is_none()).or(self.texts.first())
    }

    /// Returns the flags with which a snapshot has the report's answer, one line for each; the first line is empty.
    pub fn flag_lines(&self) -> impl Iterator<Item = &str> {
        std::iter::once("").chain(self.variants.iter().map(String::as_str))
    }

    /// Returns the oldest server that any of the texts runs on.
    pub fn since(&self) -> u32 {
        self.texts.iter().map(|t| t.since).min().unwrap_or(0)
    }
}
