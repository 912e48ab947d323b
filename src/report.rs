//! Reports: what a `.sql` file's header says of it, which text of it a server gets, and the registry of them all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use tokio_postgres::types::Type;

use crate::answer::parse_duration;
use crate::cell::ColumnType;
use crate::cli::parse_bytes;
use crate::connect::ServerVersion;
use crate::error::{Error, Result};
use crate::marks;
use crate::sql;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/queries");

/// The header of a file as TOML writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(default = "oldest")]
    since: u32,
    needs: Option<String>,
    #[expect(dead_code, reason = "read by people: where the rule or the SQL comes from")]
    source: Option<String>,
    #[serde(default)]
    scope: Scope,
    #[serde(default)]
    retry: Vec<String>,
    lock_timeout: Option<String>,
    when: Option<String>,
    flag: Option<String>,
    example: Option<String>,
    tree: Option<Tree>,
    #[serde(default)]
    columns: Vec<String>,
    /// The columns that a terminal without room leaves out, in this order.
    #[serde(default)]
    wide: Vec<String>,
    /// By column, the value that says nothing.
    #[serde(default)]
    usual: BTreeMap<String, String>,
    #[serde(default, rename = "param")]
    params: Vec<Param>,
}

fn oldest() -> u32 {
    ServerVersion::OLDEST
}

/// The keys of a header: a file whose first comment has none of them has no header.
const KEYS: &[&str] = &[
    "since",
    "needs",
    "source",
    "scope",
    "retry",
    "lock_timeout",
    "when",
    "flag",
    "example",
    "tree",
    "columns",
    "wide",
    "usual",
];

/// Does a comment line belong to a header?
fn is_of_header(comment: &str) -> bool {
    let comment = comment.trim();
    comment == "[[param]]" || comment.split_once('=').is_some_and(|(key, _)| KEYS.contains(&key.trim()))
}

/// Whose answer a report gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// It differs from database to database.
    #[default]
    Database,
    /// It is the same in every database of the cluster.
    Cluster,
}

/// How rows stand under each other: the names of the columns that say it. Rows come from the top down, each before
/// those under it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// What a row is about. It may stand in several places; what is under it stands there once.
    pub node: String,
    /// What it stands under; empty on top.
    pub parent: String,
    /// How far below the top: 0 is on top.
    pub depth: String,
    /// What deserves a line of its own.
    pub below: Option<String>,
}

impl Tree {
    /// The columns that it is drawn from.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        [&self.node, &self.parent, &self.depth].into_iter().chain(&self.below).map(String::as_str)
    }
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
    /// Is it a flag without a value?
    pub const fn is_flag(self) -> bool {
        matches!(self, ParamType::Bool | ParamType::Path)
    }

    /// The server's types of what it binds: two for patterns, one for the rest.
    pub fn server_types(self) -> &'static [Type] {
        match self {
            ParamType::Bool => &[Type::BOOL],
            ParamType::Int8 | ParamType::Bytes => &[Type::INT8],
            ParamType::Text | ParamType::Regex => &[Type::TEXT],
            ParamType::TextList | ParamType::Path => &[Type::TEXT_ARRAY],
            ParamType::Patterns => &[Type::TEXT_ARRAY, Type::TEXT_ARRAY],
            ParamType::Interval => &[Type::INTERVAL],
        }
    }
}

/// What live names complete a value.
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
    /// Stands without a flag.
    #[serde(default)]
    pub positional: bool,
    /// One line for `--help`.
    pub help: String,
    /// The values it may have.
    #[serde(default)]
    pub one_of: Vec<String>,
    /// The value where none is given; not for `bool`.
    pub default: Option<String>,
    /// Must it be given?
    #[serde(default)]
    pub required: bool,
    /// What stands for its value in help.
    pub metavar: Option<String>,
    /// What completes it from the live server.
    pub complete: Option<Complete>,
}

impl Param {
    /// The flag's long name.
    pub fn long(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// A column, as the header names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The full name, with its unit.
    pub name: String,
    /// What its cells are.
    pub kind: ColumnType,
    /// The server's type.
    pub server_type: Type,
    /// Where a terminal has no room for all, those with the lowest number are left out first; `None` stays.
    pub wide: Option<usize>,
    /// The value that says nothing: where every row has it, a terminal that has no room leaves the column out.
    pub usual: Option<String>,
}

/// One text of a report: a whole file.
#[derive(Debug, Clone)]
pub struct Text {
    /// The file, for messages: `sizes.scan.sql`.
    pub file: String,
    /// The line of its header's columns.
    pub columns_line: usize,
    /// Its statement, without header and final semicolon. In a text that is not yet for one server, with the version marks
    /// of its lines (see [`marks`]).
    pub sql: String,
    /// The oldest server it runs on.
    pub since: u32,
    /// Boolean SQL that must be true for it.
    pub when: Option<String>,
    /// The parameter that chooses it.
    pub flag: Option<String>,
    /// SQLSTATEs after which it may run again.
    pub retry: Vec<String>,
    /// How long it waits for a lock, where its header says so.
    pub lock_timeout: Option<String>,
}

/// A report: one or several texts with the same parameters and columns.
#[derive(Debug, Clone)]
pub struct Report {
    /// The command's name.
    pub name: String,
    /// The first line of its file.
    pub summary: String,
    /// Parameters, in the order of `$1`, `$2` ….
    pub params: Vec<Param>,
    /// Columns, in order; none where the header does not name them, and the server must be asked.
    pub columns: Vec<Column>,
    /// Its rows are a tree.
    pub tree: Option<Tree>,
    /// Whose answer it is.
    pub scope: Scope,
    /// What a role needs to run it.
    pub needs: Option<String>,
    /// A command line that shows it.
    pub example: Option<String>,
    /// Its texts, the most specific first.
    pub texts: Vec<Text>,
    /// Came from the user's folder.
    pub own: bool,
}

/// The flags that every report has; a parameter may bear none of these names.
pub const SHARED_FLAGS: &[&str] = &[
    "host",
    "port",
    "username",
    "dbname",
    "no-password",
    "password",
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
];

/// Parses one file. `file` is for messages; errors are bad data (65) with file and line.
fn parse_file(file: &str, content: &str) -> Result<(Report, Text)> {
    let at = |line: usize, why: &str| Error::data(format!("{file}:{line}: {why}"));
    let comments: Vec<&str> = content.lines().map_while(|line| line.strip_prefix("--")).collect();
    let summary = comments.first().map(|line| line.trim()).unwrap_or_default();
    let has_header = comments.iter().any(|comment| is_of_header(comment));
    if summary.is_empty() && has_header {
        return Err(at(
            1,
            "the first line must be the report's summary, as an SQL comment: -- What it shows.",
        ));
    }
    let body_line = 1 + comments.len();
    // The TOML keeps the file's line numbers: the summary's line is left empty.
    let toml_text = match comments.get(1..) {
        Some(rest) if has_header => format!("\n{}\n", rest.join("\n")),
        _ => String::new(),
    };
    let header: Header = toml::from_str(&toml_text).map_err(|e| {
        let line = e.span().map_or(2, |span| 1 + toml_text[..span.start.min(toml_text.len())].matches('\n').count());
        at(line, &format!("the header is not right: {}", e.message()))
            .hint("a header is TOML in comment lines after the summary: since, columns, [[param]] …; see pgkit man, section REPORT FILES")
    })?;
    let line_of = |needle: &str| 1 + toml_text.lines().position(|l| l.contains(needle)).unwrap_or(1);
    let columns = header
        .columns
        .iter()
        .map(|text| {
            let bad = |why: &str| at(line_of("columns"), &format!("column {text:?}: {why}"));
            let (name, kind) = text.rsplit_once(' ').ok_or_else(|| bad("write it as \"name type\""))?;
            let (kind, server_type) = ColumnType::by_name(kind).ok_or_else(|| {
                bad(&format!("type {kind:?} is not known")).hint(format!(
                    "known: {} and arrays of these; cast anything else: col::text",
                    ColumnType::names()
                ))
            })?;
            let name = name.trim().to_owned();
            let wide = header.wide.iter().position(|wide| *wide == name);
            let usual = header.usual.get(&name).cloned();
            Ok(Column { name, kind, server_type, wide, usual })
        })
        .collect::<Result<Vec<_>>>()?;
    for (key, name) in
        header.wide.iter().map(|name| ("wide", name)).chain(header.usual.keys().map(|name| ("usual", name)))
    {
        if columns.iter().all(|column| column.name != *name) {
            return Err(at(line_of(key), &format!("{key}: there is no column {name:?}")));
        }
    }
    for (i, column) in columns.iter().enumerate() {
        if columns[..i].iter().any(|c| c.name == column.name) {
            return Err(at(line_of("columns"), &format!("two columns are named {:?}", column.name)));
        }
    }
    if let Some(tree) = &header.tree {
        let at_tree = |why: &str| at(line_of("tree"), &format!("tree: {why}"));
        if let Some(missing) = tree.columns().find(|name| columns.iter().all(|c| c.name != *name)) {
            return Err(at_tree(&format!("there is no column {missing:?}")));
        }
        if columns.iter().any(|c| c.name == tree.depth && !c.kind.is_whole_number()) {
            return Err(at_tree(&format!("column {:?} is no whole number", tree.depth)));
        }
    }
    check_params(&header.params)
        .map_err(|(name, why)| at(line_of(&format!("\"{name}\"")), &format!("parameter {name:?}: {why}")))?;
    if let Some(Err(why)) = header.lock_timeout.as_deref().map(parse_duration) {
        return Err(at(line_of("lock_timeout"), &format!("lock_timeout: {why}")));
    }
    if let Some(flag) = &header.flag
        && !header.params.iter().any(|p| p.name == *flag && p.kind == ParamType::Bool)
    {
        return Err(at(line_of("flag"), &format!("flag {flag:?} is no parameter of type bool")));
    }
    let sql = content.lines().skip(body_line - 1).collect::<Vec<_>>().join("\n");
    let mut sql = sql.trim().to_owned();
    // A final semicolon, and what is said after it, is no part of the statement.
    if let Some(end) = sql::scan(&sql).separators.first().copied().filter(|end| sql::is_blank(&sql[*end..])) {
        sql.truncate(end);
    }
    if sql::is_blank(&sql) {
        return Err(at(body_line, "there is no statement after the header"));
    }
    marks::check(&sql).map_err(|(line, why)| at(body_line + line, &why))?;
    let bound: usize = header.params.iter().map(|p| p.kind.server_types().len()).sum();
    let scan = sql::scan(&sql);
    if let Some(offset) = scan.separators.first().copied() {
        return Err(at(body_line + sql[..offset].matches('\n').count(), "a report is one statement"));
    }
    if let Some((n, offset)) = scan.placeholders.iter().find(|(n, _)| *n == 0 || *n > bound) {
        return Err(at(
            body_line + sql[..*offset].matches('\n').count(),
            &format!("${n} is used, but the header's parameters bind {bound} (a pattern[] binds two)"),
        ));
    }
    let text = Text {
        file: file.to_owned(),
        columns_line: line_of("columns"),
        sql,
        since: header.since,
        when: header.when,
        flag: header.flag,
        retry: header.retry,
        lock_timeout: header.lock_timeout,
    };
    let report = Report {
        name: String::new(),
        summary: if summary.is_empty() { "A file without a header.".to_owned() } else { summary.to_owned() },
        params: header.params,
        columns,
        tree: header.tree,
        scope: header.scope,
        needs: header.needs,
        example: header.example,
        texts: Vec::new(),
        own: false,
    };
    Ok((report, text))
}

/// A parameter's fault: its name and why.
type ParamFault = (String, String);

fn check_params(params: &[Param]) -> std::result::Result<(), ParamFault> {
    for (i, param) in params.iter().enumerate() {
        let bad = |why: &str| Err((param.name.clone(), why.to_owned()));
        if !param.name.starts_with(|c: char| c.is_ascii_lowercase())
            || !param.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            return bad("a name begins with a letter and is made of a to z, 0 to 9 and _");
        }
        if SHARED_FLAGS.contains(&param.long().as_str()) {
            return bad("that is the name of a flag that every report has");
        }
        if params[..i].iter().any(|p| p.name == param.name) {
            return bad("the name is used twice");
        }
        if param.kind.is_flag() && (param.default.is_some() || param.positional || param.required) {
            return bad("a bool has no default but false, and is neither positional nor required");
        }
        if !param.one_of.is_empty() && !matches!(param.kind, ParamType::Text | ParamType::TextList) {
            return bad("one_of goes with text and text[]");
        }
        if let Some(default) =
            param.default.as_ref().filter(|d| !param.one_of.is_empty() && !param.one_of.contains(d))
        {
            return bad(&format!("the default {default:?} is none of one_of"));
        }
        let fault = match (param.kind, &param.default) {
            (ParamType::Int8, Some(text)) => text.parse::<i64>().err().map(|e| e.to_string()),
            (ParamType::Interval, Some(text)) => parse_duration(text).err(),
            (ParamType::Bytes, Some(text)) => parse_bytes(text).err(),
            _ => None,
        };
        if let Some(why) = fault {
            return bad(&format!("its default is not right: {why}"));
        }
        if param.positional && param.required && params[..i].iter().any(|p| p.positional && !p.required) {
            return bad("a required argument cannot follow one that may be left out");
        }
        let list = |p: &Param| matches!(p.kind, ParamType::TextList | ParamType::Patterns);
        if param.positional && params[..i].iter().any(|p| p.positional && list(p)) {
            return bad("nothing positional can follow a positional list");
        }
    }
    Ok(())
}

/// Puts files together into reports: `sizes.sql` and `sizes.scan.sql` are texts of `sizes`.
fn assemble(files: Vec<(String, Result<(Report, Text)>)>, own: bool) -> Vec<(String, Result<Report>)> {
    let mut reports: BTreeMap<String, Result<Report>> = BTreeMap::new();
    for (file, parsed) in files {
        let name = report_name(&file);
        let entry = reports.remove(&name);
        let joined = match (entry, parsed) {
            (Some(Err(e)), _) | (None | Some(Ok(_)), Err(e)) => Err(e),
            (None, Ok((mut report, text))) => {
                report.name.clone_from(&name);
                report.own = own;
                report.texts.push(text);
                Ok(report)
            }
            (Some(Ok(mut report)), Ok((other, text))) => {
                if report.params != other.params
                    || report.columns != other.columns
                    || report.tree != other.tree
                {
                    Err(Error::data(format!(
                        "{}:1: its params, columns or tree differ from those of {}",
                        text.file, report.texts[0].file
                    )))
                } else {
                    report.texts.push(text);
                    Ok(report)
                }
            }
        };
        reports.insert(name, joined);
    }
    for report in reports.values_mut().flatten() {
        // The most specific first: chosen by a flag, then by a probe, then for newer servers.
        report.texts.sort_by_key(|t| (t.flag.is_none(), t.when.is_none(), std::cmp::Reverse(t.since)));
    }
    reports.into_iter().collect()
}

/// The reports that pgkit brings, by name. Of one that is not wanted only name and summary are read: a header costs
/// more than everything else at the start.
///
/// Errors: a header that is not right, which a test of every file keeps from happening.
pub fn built_in(wanted: impl Fn(&str) -> bool) -> Result<Vec<Report>> {
    let mut outlines: BTreeMap<String, Report> = BTreeMap::new();
    let mut files = Vec::new();
    for file in BUILT_IN.files() {
        let Some(content) = file.contents_utf8() else { continue };
        let path = format!("queries/{}", file.path().display());
        let name = report_name(&path);
        if wanted(&name) {
            let parsed = parse_file(&path, content);
            files.push((path, parsed));
        } else {
            outlines.entry(name.clone()).or_insert_with(|| outline(&name, content));
        }
    }
    let mut reports =
        assemble(files, false).into_iter().map(|(_, report)| report).collect::<Result<Vec<Report>>>()?;
    reports.extend(outlines.into_values());
    reports.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(reports)
}

/// A report of which only name and summary are known.
fn outline(name: &str, content: &str) -> Report {
    let summary = content.lines().next().unwrap_or_default().trim_start_matches("--").trim();
    Report {
        name: name.to_owned(),
        summary: summary.to_owned(),
        params: Vec::new(),
        columns: Vec::new(),
        tree: None,
        scope: Scope::default(),
        needs: None,
        example: None,
        texts: Vec::new(),
        own: false,
    }
}

/// The report a file is a text of: `sizes` for `queries/sizes.scan.sql`.
fn report_name(file: &str) -> String {
    let name = Path::new(file).file_name().map_or(file.into(), |f| f.to_string_lossy());
    let stem = name.strip_suffix(".sql").unwrap_or(&name);
    stem.split('.').next().unwrap_or(stem).to_owned()
}

/// The user's own reports, from these folders (the first that has a file of that name wins), by name; a file that
/// is not right stands there with its error, so that the others still run.
pub fn own(folders: &[PathBuf]) -> Result<Vec<(String, Result<Report>)>> {
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in folders {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            Err(e) => return Err(Error::io(format!("could not read the folder {}", folder.display()), &e)),
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".sql") && !name.starts_with('.') {
                files.entry(name).or_insert(entry.path());
            }
        }
    }
    let parsed = files
        .into_values()
        .map(|path| {
            let shown = path.display().to_string();
            let parsed = std::fs::read_to_string(&path)
                .map_err(|e| match e.kind() {
                    std::io::ErrorKind::InvalidData => {
                        Error::data(format!("{shown}:1: the file is not UTF-8"))
                    }
                    _ => Error::io(format!("could not read {shown}"), &e),
                })
                .and_then(|content| parse_file(&shown, &content));
            (shown, parsed)
        })
        .collect();
    Ok(assemble(parsed, true))
}

impl Text {
    /// The text as a server of this major gets it.
    pub fn for_server(&self, major: u32) -> Text {
        Text { sql: marks::resolve(&self.sql, major), ..self.clone() }
    }
}

impl Report {
    /// The texts this server may get, in the order to try: those a given flag chose, those with a probe, the plain
    /// ones; last, as a way out of a refusal, what else a flag would have chosen.
    ///
    /// `major` is the server's, `given` tells whether a bool parameter was set.
    pub fn candidates(&self, major: u32, given: impl Fn(&str) -> bool) -> Vec<&Text> {
        let fits: Vec<&Text> = self.texts.iter().filter(|t| t.since <= major).collect();
        let chosen = |t: &Text| t.flag.as_deref().is_some_and(&given);
        let mut order: Vec<&Text> = fits.iter().copied().filter(|t| chosen(t)).collect();
        if order.is_empty() {
            order.extend(fits.iter().filter(|t| t.flag.is_none() && t.when.is_some()));
            // Of the plain ones, only the newest: an older text is no way out of anything.
            order.extend(fits.iter().filter(|t| t.flag.is_none() && t.when.is_none()).take(1));
            order.extend(fits.iter().filter(|t| t.flag.is_some()));
        }
        order
    }

    /// The oldest server any of its texts runs on.
    pub fn since(&self) -> u32 {
        self.texts.iter().map(|t| t.since).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "-- Shows one.\n--\n-- since = 10\n-- columns = [\"a int4\", \"b_bytes int8\"]\n-- [[param]]\n-- name = \"n\"\n-- type = \"int8\"\n-- help = \"how many\"\nSELECT 1 AS a, $1 AS b_bytes;\n";

    fn fault(content: &str) -> String {
        parse_file("x.sql", content).unwrap_err().message
    }

    #[test]
    fn a_header_is_data() {
        let (report, text) = parse_file("x.sql", GOOD).unwrap();
        assert_eq!(report.summary, "Shows one.");
        assert_eq!(report.params[0].long(), "n");
        assert_eq!(report.columns[1].name, "b_bytes");
        assert_eq!(text.sql, "SELECT 1 AS a, $1 AS b_bytes");
        let (_, text) =
            parse_file("x.sql", &GOOD.replace("$1 AS", "\n-- pg..14\n0 + -- pg15..\n$1 AS")).unwrap();
        assert_eq!(text.for_server(14).sql, "SELECT 1 AS a, \n\n$1 AS b_bytes");
        assert_eq!(text.for_server(15).sql, "SELECT 1 AS a, \n0 +\n$1 AS b_bytes");
    }

    #[test]
    fn a_file_without_a_header_is_a_report_whose_columns_are_asked_for() {
        for (content, summary) in [
            ("SELECT 1 AS a;", "A file without a header."),
            ("-- Shows one.\nSELECT 1 AS a", "Shows one."),
            ("-- Shows one.\n-- It is = to one.\nSELECT 1 AS a", "Shows one."),
        ] {
            let (report, text) = parse_file("x.sql", content).unwrap();
            assert_eq!((report.summary.as_str(), text.sql.as_str()), (summary, "SELECT 1 AS a"));
            assert!(report.columns.is_empty() && text.since == ServerVersion::OLDEST);
        }
    }

    #[test]
    fn a_header_that_lies_is_named_with_file_and_line() {
        assert!(fault("--\n-- since = 10\nSELECT 1").starts_with("x.sql:1: the first line"));
        assert!(
            fault(&GOOD.replace("since", "sinc"))
                .starts_with("x.sql:3: the header is not right: unknown field")
        );
        assert!(
            fault(&GOOD.replace("a int4", "a mood"))
                .starts_with("x.sql:4: column \"a mood\": type \"mood\" is not known")
        );
        assert!(
            fault(&GOOD.replace("\"n\"", "\"limit\""))
                .starts_with("x.sql:6: parameter \"limit\": that is the name of a flag")
        );
        assert!(fault(&GOOD.replace("$1 AS", "$1 -- pg..\nAS")).starts_with("x.sql:9: the version mark"));
        assert!(fault(&GOOD.replace("$1", "$2")).starts_with("x.sql:9: $2 is used"));
        assert!(
            fault(&GOOD.replace("SELECT 1", "SELECT 1; SELECT 2"))
                .starts_with("x.sql:9: a report is one statement")
        );
        assert!(fault(&GOOD.replace("b_bytes int8", "a int8")).contains("two columns are named"));
        let tree = |depth: &str| {
            let tree =
                format!("-- tree = {{ node = \"a\", parent = \"t\", depth = \"{depth}\" }}\n-- columns");
            GOOD.replace("-- columns", &tree).replace("b_bytes int8", "t text")
        };
        assert!(parse_file("x.sql", &tree("a").replace("$1 AS", "'' AS")).is_ok());
        assert_eq!(fault(&tree("d")), "x.sql:4: tree: there is no column \"d\"");
        assert_eq!(fault(&tree("t")), "x.sql:4: tree: column \"t\" is no whole number");
    }

    #[test]
    fn every_built_in_report_has_a_header_that_parses() {
        let names: Vec<String> = built_in(|_| true).unwrap().into_iter().map(|r| r.name).collect();
        assert!(names.iter().any(|n| n == "relations"), "{names:?}");
    }

    #[test]
    fn the_most_specific_text_comes_first_and_a_flags_text_is_the_last_way_out() {
        let text = |file: &str, since, when: Option<&str>, flag: Option<&str>| {
            (
                file.to_owned(),
                parse_file(file, GOOD).map(|(r, t)| {
                    (r, Text { since, when: when.map(Into::into), flag: flag.map(Into::into), ..t })
                }),
            )
        };
        let reports = assemble(
            vec![
                text("r.sql", 10, None, None),
                text("r.estimate.sql", 10, None, Some("estimate")),
                text("r.scan.sql", 10, Some("true"), None),
                text("r.pg17.sql", 17, None, None),
            ],
            false,
        );
        let report = reports[0].1.as_ref().unwrap();
        let files = |major, estimate: bool| -> Vec<&str> {
            report.candidates(major, |_| estimate).iter().map(|t| t.file.as_str()).collect()
        };
        assert_eq!(files(15, false), ["r.scan.sql", "r.sql", "r.estimate.sql"]);
        assert_eq!(files(17, false), ["r.scan.sql", "r.pg17.sql", "r.estimate.sql"]);
        assert_eq!(files(17, true), ["r.estimate.sql"]);
    }
}
