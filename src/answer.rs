//! One answer of a report: which text is sent to the server, its rows, and what happens if the server refuses it.

use std::time::Duration;

use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::pattern;
use crate::report::{Condition, Param, ParamType, Report, Text, check_row, columns, describe};
use crate::rows::Tree;
use crate::rows::cell::Raw;
use crate::rows::{Flow, RowSink};
use crate::session::{Reader, Value, push_values};
use crate::sql::{self, Reach};
use crate::units::parse_duration;
use serde::Deserialize;
use tokio_postgres::types::Type;

/// How often a text may be retried after an error that its header lists, or after a transient one.
const RETRIES: u32 = 3;
/// How often a text may be retried after XX000, which is also the error when an object is dropped while the text reads it. Where
/// many objects are created and dropped, that happens several times in a row.
const RETRIES_OF_DROPPED: u32 = 8;
/// Transient errors, after which any text is retried: a recovery conflict on a standby, and a deadlock.
const PASSING: &[&str] = &["40001", "40P01"];
/// Errors after which the next text of a report is tried: no privilege, a file that is not there, a lock that does not
/// come; and what one bad file or text of others does to a whole answer of the server's: a control file that cannot be
/// parsed, a text that the database's encoding cannot represent.
const REFUSED: &[&str] = &["42501", "58P01", "55P03", "42601", "22P05", "22021"];
/// Asks for the database's encoding.
const ENCODING: &str = include_str!("../queries/session/encoding.sql");
/// Asks for the schema and the version of an extension.
const EXTENSION: &str = include_str!("../queries/session/extension.sql");
/// Asks whether the database's encoding can represent a text.
const REPRESENTABLE: &str = include_str!("../queries/session/representable.sql");
/// How long to wait before a retry.
const PAUSE: Duration = Duration::from_millis(30);

/// The value of a parameter on the command line.
#[derive(Debug, Clone, PartialEq)]
pub enum ArgValue {
    /// None was given.
    Nothing,
    Flag(bool),
    /// For `int8` and `bytes`.
    Number(i64),
    /// For `text`, `term` and `regex`.
    Text(String),
    /// For `text[]` and `pattern[]`.
    List(Vec<String>),
    /// For `interval`.
    Length(Duration),
}

/// A report and the values of its parameters.
#[derive(Debug, Clone)]
pub struct ReportRun<'a> {
    pub report: &'a Report,
    /// A value for each of its parameters.
    pub given: Vec<ArgValue>,
}

/// How much of an answer was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All rows were read: this many came from the server.
    Complete(u64),
    /// The limit is reached or the reader is gone: the session still has rows to send, and must be abandoned.
    Enough,
}

/// Sees every row of an answer, regardless of whether it is printed, and judges the answer.
pub trait Observer: RowSink {
    /// Returns its verdict on the answer that is now complete; the next row belongs to the next answer. Errors:
    /// the answer cannot be judged.
    fn judge(&mut self) -> Result<Verdict>;
}

/// An [`Observer`]'s verdict on an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The command's exit code.
    pub exit: Exit,
    /// What a person should know, one line each.
    pub remarks: Vec<String>,
}

/// A remark on an answer, for stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark<'a> {
    /// What `-v` shows.
    Verbose(&'a str),
    /// What the answer costs, before it is asked for.
    Cost(&'a str),
    /// What this role may not see.
    Hidden(&'a str),
}

/// Is called with each remark.
pub type Remarks<'a> = &'a dyn Fn(Remark<'_>);

/// Where an extension is installed, and which version of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Installed {
    schema: String,
    version: String,
}

impl ReportRun<'_> {
    /// Returns whether this bool parameter was set.
    fn is_set(&self, name: &str) -> bool {
        self.report.params.iter().zip(&self.given).any(|(p, g)| p.name == name && *g == ArgValue::Flag(true))
    }

    /// Returns how the rows form a tree, if they do: those of a text that a flag chooses may not.
    pub fn tree(&self) -> Option<&Tree> {
        let is_chosen = |text: &&Text| text.flag.as_deref().is_some_and(|flag| self.is_set(flag));
        match self.report.texts.iter().find(is_chosen) {
            Some(text) => text.tree.as_ref(),
            None => self.report.plain()?.tree.as_ref(),
        }
    }

    /// Returns whether it depends on the user's search path.
    fn wants_path(&self) -> bool {
        self.report
            .params
            .iter()
            .zip(&self.given)
            .any(|(p, g)| p.kind == ParamType::Path && *g == ArgValue::Flag(true))
    }

    /// Returns the texts for this major version, in the order to try. Errors: the server is too old for all of
    /// them (76).
    fn candidates(&self, major: u32) -> Result<Vec<Text>> {
        let texts = self.report.candidates(major, |flag| self.is_set(flag));
        let texts: Vec<Text> = texts.into_iter().map(|text| text.for_server(major)).collect();
        if texts.is_empty() {
            return Err(Error::new(
                Exit::TooOld,
                format!(
                    "{} needs PostgreSQL {} or later; this server is {major}",
                    self.report.name,
                    self.report.since()
                ),
            ));
        }
        Ok(texts)
    }

    /// Returns the lock timeout from the texts' headers, or the caller's if that is shorter.
    pub fn lock_timeout(&self, callers: Option<Duration>) -> Result<Option<Duration>> {
        let mut shortest = callers;
        for text in &self.report.texts {
            if let Some(limit) = &text.lock_timeout {
                let limit = parse_duration(limit)
                    .map_err(|why| Error::data(format!("{}: lock_timeout: {why}", text.file)))?;
                shortest = Some(shortest.map_or(limit, |s| s.min(limit)));
            }
        }
        Ok(shortest)
    }

    /// Returns the values for `$1`, `$2` … in this database. For `may` see [`pattern::of_term`]. Errors: an
    /// invalid pattern (65).
    async fn bind(&self, reader: &Reader, may: impl Fn(char) -> bool) -> Result<Vec<Value>> {
        let path = if self.wants_path() { reader.path().await? } else { Vec::new() };
        self.bind_with(reader.database(), &path, may)
    }

    fn bind_with(&self, database: &str, path: &[String], may: impl Fn(char) -> bool) -> Result<Vec<Value>> {
        let mut values = Vec::new();
        for (param, given) in self.report.params.iter().zip(&self.given) {
            values.extend(bind_one(param, given, database, path, &may)?);
        }
        Ok(values)
    }

    /// Returns the values without the texts that the encoding of this database cannot represent. `None` if nothing
    /// else was asked for: what cannot be represented does not occur in the database.
    ///
    /// Errors: such a text is a regular expression, which may match without the missing character (65).
    async fn representable(&self, reader: &mut Reader) -> Result<Option<Vec<Value>>> {
        let mut all = self.given.clone();
        for (param, given) in self.report.params.iter().zip(&mut all) {
            let is_regex = match param.kind {
                ParamType::Regex => true,
                ParamType::Term => self.is_set("regex"),
                _ => false,
            };
            match given {
                ArgValue::Text(text) if !is_representable(text, reader).await? => {
                    return if is_regex { Err(not_searched(text, reader.database())) } else { Ok(None) };
                }
                ArgValue::List(list) => {
                    let mut kept = Vec::new();
                    for text in list.iter() {
                        if is_representable(text, reader).await? {
                            kept.push(text.clone());
                        } else if param.kind == ParamType::Patterns && !pattern::is_plain(text) {
                            return Err(not_searched(text, reader.database()));
                        }
                    }
                    if kept.is_empty() && !list.is_empty() {
                        return Ok(None);
                    }
                    *list = kept;
                }
                _ => {}
            }
        }
        let mut lacking = Vec::new();
        for c in self.texts().flat_map(str::chars).filter_map(pattern::other_case) {
            if !lacking.contains(&c) && !is_representable(&c.to_string(), reader).await? {
                lacking.push(c);
            }
        }
        let reduced = ReportRun { report: self.report, given: all };
        reduced.bind(reader, |c| !lacking.contains(&c)).await.map(Some)
    }

    /// Returns the patterns that were given, for messages.
    pub fn patterns(&self) -> Vec<&str> {
        self.report
            .params
            .iter()
            .zip(&self.given)
            .filter(|(p, _)| p.kind == ParamType::Patterns)
            .flat_map(|(_, given)| match given {
                ArgValue::List(list) => list.iter().map(String::as_str).collect(),
                _ => Vec::new(),
            })
            .collect()
    }

    /// Returns the texts and patterns that were given.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.given
            .iter()
            .flat_map(|given| match given {
                ArgValue::Text(text) => std::slice::from_ref(text),
                ArgValue::List(list) => list.as_slice(),
                _ => &[],
            })
            .map(String::as_str)
    }

    /// Returns the candidates whose probes are true, in the order to try. All probes run in one query.
    async fn probed(&self, texts: Vec<Text>, reader: &Reader, tell: Remarks<'_>) -> Result<Vec<Text>> {
        let probes: Vec<&str> = texts.iter().filter_map(|t| t.when.as_deref()).collect();
        let mut truths = reader.probe(&probes).await.map_err(|e| self.blame_probe(e))?.into_iter();
        let mut usable = Vec::new();
        for text in texts {
            match &text.when {
                None => usable.push(text),
                Some(when) => {
                    if truths.next().unwrap_or(false) {
                        usable.push(text);
                    } else {
                        let why = "its `when` is not true here";
                        tell(Remark::Verbose(&format!("{}: skipped because {why}: {when}", text.file)));
                    }
                }
            }
        }
        Ok(usable)
    }

    /// Returns the texts whose extension is installed, with its schema and version filled in.
    ///
    /// Errors: no text is left (76); it is an extension that is missing.
    async fn installed(&self, texts: Vec<Text>, reader: &Reader, tell: Remarks<'_>) -> Result<Vec<Text>> {
        let mut usable = Vec::new();
        let mut missing = None;
        for text in texts {
            let Some(extension) = &text.extension else {
                usable.push(text);
                continue;
            };
            let name = Value::Text(extension.name.clone());
            let found: Vec<Installed> = reader.structs(EXTENSION, &[name]).await?;
            match found.first() {
                Some(found) => usable.push(text.with_extension(&found.schema, version_of(&found.version))),
                None => {
                    let why = format!(
                        "extension {} is not installed in database {:?}",
                        extension.name,
                        reader.database()
                    );
                    tell(Remark::Verbose(&format!("{}: skipped because {why}", text.file)));
                    missing.get_or_insert(
                        Error::new(Exit::TooOld, format!("{}: {why}", self.report.name))
                            .hint(extension.steps.clone()),
                    );
                }
            }
        }
        match missing {
            Some(error) if usable.is_empty() => Err(error),
            _ => Ok(usable),
        }
    }

    /// Returns the texts to try on this server, in order, complete with versions and extensions. Errors: see
    /// [`ReportRun::candidates`] and [`ReportRun::installed`].
    async fn usable(&self, reader: &Reader, tell: Remarks<'_>) -> Result<Vec<Text>> {
        let texts = self.candidates(reader.version().major())?;
        self.installed(self.probed(texts, reader, tell).await?, reader, tell).await
    }

    /// Returns the whole script of what would run: settings, the chosen text with its parameters filled in, and
    /// the end of the transaction.
    pub async fn script(&self, reader: &Reader, tell: Remarks<'_>) -> Result<String> {
        let text = self.usable(reader, tell).await?.into_iter().next();
        let text = text.ok_or_else(|| self.nothing_fits())?;
        let values = self.bind(reader, |_| true).await?;
        let script = self.print_script(&text, &reader.prelude(), &values);
        let is_beyond = |c: char| !c.is_ascii() && escape::is_unsafe(c);
        let reach = if script.chars().any(is_beyond) {
            let encoding = reader.texts(ENCODING, &[]).await?.pop().unwrap_or_default();
            Reach::of(&encoding, reader.version().major())
        } else {
            Reach::Ascii
        };
        Ok(sql::harmless(&script, reach).into_owned())
    }

    /// Does the same as [`ReportRun::script`] for a server of this version, without connecting to one: texts with a
    /// probe are skipped.
    pub fn script_without_server(
        &self,
        version: crate::connect::ServerVersion,
        settings: &crate::session::Settings,
        database: &str,
    ) -> Result<String> {
        if self.wants_path() {
            return Err(Error::usage(
                "--server-version cannot be used with a flag that depends on the search path",
            )
            .hint("leave out --server-version, so that pgkit can ask the server for the path"));
        }
        let texts = self.candidates(version.major())?;
        let text = texts.iter().find(|t| t.when.is_none()).ok_or_else(|| {
            Error::usage(format!(
                "{}: cannot choose a text without a server: every text has a probe",
                self.report.name
            ))
            .hint("leave out --server-version")
        })?;
        if let Some(extension) = &text.extension {
            return Err(Error::usage(format!(
                "{}: the schema of extension {} is not known without a server",
                self.report.name, extension.name
            ))
            .hint("leave out --server-version"));
        }
        let script =
            self.print_script(text, &settings.prelude(version), &self.bind_with(database, &[], |_| true)?);
        // Assume the encoding of nearly every server; a server with another one refuses escapes that it cannot
        // represent.
        Ok(sql::harmless(&script, Reach::Unicode).into_owned())
    }

    fn print_script(&self, text: &Text, prelude: &[String], values: &[Value]) -> String {
        let literals: Vec<String> = values.iter().map(Value::literal).collect();
        let mut out = String::new();
        for statement in prelude {
            out.push_str(statement);
            out.push_str(";\n");
        }
        // The script is UTF-8, whatever encoding psql is set to.
        if !prelude.iter().any(|statement| statement.contains("client_encoding")) {
            out.push_str("SET LOCAL client_encoding = 'UTF8';\n");
        }
        out.push('\n');
        out.push_str(&format!("-- {}\n", self.report.summary));
        out.push_str(&sql::fill(&text.sql, &literals));
        // The text may end in a comment.
        out.push_str("\n;\n\nCOMMIT;\n");
        out
    }

    /// Runs the report and passes its rows on. It does not call [`RowSink::end`], because only the caller knows
    /// whether more rows follow.
    ///
    /// If a text is refused (42501, 58P01), or still locked out after its retries, the next one is tried.
    pub async fn answer(
        &self,
        reader: &mut Reader,
        sink: &mut dyn RowSink,
        tell: Remarks<'_>,
    ) -> Result<Outcome> {
        let texts = self.usable(reader, tell).await?;
        let mut values = self.bind(reader, |_| true).await?;
        let mut is_reduced = false;
        if sink.wants_none() {
            return Ok(Outcome::Complete(1));
        }
        sink.head(&self.report.columns)?;
        let mut texts = texts.into_iter().peekable();
        while let Some(text) = texts.next() {
            tell(Remark::Verbose(&format!("{}: chosen for PostgreSQL {}", text.file, reader.version())));
            let mut retries = 0;
            loop {
                let mut handed_on = 0;
                let attempt = async {
                    // The description of an own report plans it, which may wait for a lock as the run does.
                    if self.report.own {
                        describe(reader, &text, &self.report.columns, &values).await?;
                    }
                    for says in self.true_of("[[cost]]", &text, &text.cost, reader).await? {
                        tell(Remark::Cost(says));
                    }
                    let hidden = self.true_of("[[hidden]]", &text, &text.hidden, reader).await?;
                    let outcome = rows(reader, &text, self.report, &values, sink, &mut handed_on).await?;
                    Ok::<_, Error>((outcome, hidden))
                };
                let error = match attempt.await {
                    Ok((outcome, hidden)) => {
                        hidden.into_iter().for_each(|says| tell(Remark::Hidden(says)));
                        return Ok(outcome);
                    }
                    Err(e) => e,
                };
                let state = error.sqlstate.clone().unwrap_or_default();
                if handed_on > 0 {
                    return Err(self.add_needs(&text, error));
                }
                let most = if state == "XX000" { RETRIES_OF_DROPPED } else { RETRIES };
                // What the database's encoding cannot represent does not occur in that database.
                if state == "22P05" && !self.report.own && !is_reduced {
                    tell(Remark::Verbose(&format!("{}: {}", text.file, error.message)));
                    reader.reopen(None).await?;
                    let Some(reduced) = self.representable(reader).await? else {
                        return Ok(Outcome::Complete(0));
                    };
                    values = reduced;
                    is_reduced = true;
                } else if (text.retry.contains(&state) || PASSING.contains(&state.as_str())) && retries < most
                {
                    retries += 1;
                    tell(Remark::Verbose(&format!("{}: {}; trying again", text.file, error.message)));
                    tokio::time::sleep(PAUSE).await;
                    reader.reopen(None).await?;
                } else if REFUSED.contains(&state.as_str()) && texts.peek().is_some() {
                    tell(Remark::Verbose(&format!("{}: {}; trying the next text", text.file, error.message)));
                    reader.reopen(None).await?;
                    break;
                } else if let (Some(extension), "55000") = (&text.extension, state.as_str()) {
                    // Its library is not loaded.
                    return Err(Error { exit: Exit::TooOld, ..error }.hint(extension.steps.clone()));
                } else {
                    return Err(self.add_needs(&text, error));
                }
            }
        }
        Err(self.nothing_fits())
    }

    /// Asks the server for the columns of a report whose header does not list them. Returns the report with these columns.
    ///
    /// Errors: the server refuses the text, or it has a type that pgkit does not read (65).
    pub async fn with_columns(&self, reader: &Reader, tell: Remarks<'_>) -> Result<Report> {
        let text = self.usable(reader, tell).await?.into_iter().next();
        let text = text.ok_or_else(|| self.nothing_fits())?;
        let columns = columns(reader, &text, &self.bind(reader, |_| true).await?).await?;
        Ok(Report { columns, ..self.report.clone() })
    }

    /// Returns the remarks of these conditions of a text that are true here.
    async fn true_of<'a>(
        &self,
        key: &str,
        text: &Text,
        conditions: &'a [Condition],
        reader: &Reader,
    ) -> Result<Vec<&'a str>> {
        let is_needless = |one: &&Condition| one.unless.as_deref().is_some_and(|flag| self.is_set(flag));
        let asked: Vec<&Condition> = conditions.iter().filter(|one| !is_needless(one)).collect();
        let when: Vec<&str> = asked.iter().map(|one| one.when.as_str()).collect();
        let truths = reader.probe(&when).await.map_err(|e| {
            // If the session ended, no condition is to blame.
            if e.exit == Exit::Unavailable {
                return e;
            }
            let message = format!("{}: {key}: {}", text.file, e.message);
            Error { message, ..e }
        })?;
        Ok(asked.iter().zip(truths).filter(|(_, truth)| *truth).map(|(one, _)| one.says.as_str()).collect())
    }

    /// Adds the names of the files with probes to the error of an invalid probe.
    fn blame_probe(&self, error: Error) -> Error {
        let files = self.report.texts.iter().filter(|t| t.when.is_some()).map(|t| t.file.as_str());
        Error { message: format!("{}: {}", files.collect::<Vec<_>>().join(", "), error.message), ..error }
    }

    /// Returns the error for a report whose probes are all false.
    fn nothing_fits(&self) -> Error {
        Error::new(Exit::TooOld, format!("{}: no text fits this server", self.report.name))
            .hint("every text has a `when`, and none of them is true here; show them with -v")
    }

    /// Adds what a text of the report needs to the server's refusal.
    fn add_needs(&self, text: &Text, error: Error) -> Error {
        match (&text.needs, error.exit) {
            // For a statement that a read-only report cannot contain, the server says "feature not supported".
            (_, Exit::TooOld) if self.report.own => Error { exit: Exit::BadInput, ..error },
            (Some(needs), Exit::Permission) => error.hint(format!("{} needs {needs}", self.report.name)),
            // Class 42 means that the server rejects the statement itself, and built-in SQL contains nothing from
            // the user.
            (_, Exit::BadInput)
                if !self.report.own && error.sqlstate.as_deref().is_some_and(is_statement) =>
            {
                let name = &self.report.name;
                Error { exit: Exit::Bug, ..error }
                    .hint(format!("the server rejects the SQL of {name}: {}", error::REPORT_IT))
            }
            _ => error,
        }
    }
}

/// Returns whether an SQLSTATE is of the class "syntax error or access rule violation".
fn is_statement(sqlstate: &str) -> bool {
    sqlstate.starts_with("42")
}

/// Returns the version of an extension as two numbers: 1.10 is (1, 10). A part that is no number is 0.
fn version_of(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

async fn rows(
    reader: &Reader,
    text: &Text,
    report: &Report,
    values: &[Value],
    sink: &mut dyn RowSink,
    handed_on: &mut u64,
) -> Result<Outcome> {
    let mut stream = reader.rows(&text.sql, values).await?;
    while let Some(row) = stream.next().await? {
        if *handed_on == 0 {
            check_row(&text.file, &report.columns, &row)?;
        }
        *handed_on += 1;
        let mut raw = Raw::new();
        push_values(&row, &mut raw)?;
        if sink.row(&raw)? == Flow::Enough {
            return Ok(Outcome::Enough);
        }
    }
    Ok(Outcome::Complete(*handed_on))
}

/// Returns whether the database's encoding can represent this text. If the server refuses it, the transaction is
/// opened anew.
async fn is_representable(text: &str, reader: &mut Reader) -> Result<bool> {
    if text.is_ascii() {
        return Ok(true);
    }
    match reader.texts(REPRESENTABLE, &[Value::Text(text.to_owned())]).await {
        Ok(_) => Ok(true),
        Err(e) if e.sqlstate.as_deref() == Some("22P05") => {
            reader.reopen(None).await?;
            Ok(false)
        }
        Err(e) => Err(e),
    }
}

fn not_searched(text: &str, database: &str) -> Error {
    Error::data(format!(
        "the encoding of database {database:?} cannot represent the regular expression {text:?}"
    ))
    .hint("nothing was searched in this database; leave out the characters that it lacks, or skip the database with --exclude-database")
}

fn bind_one(
    param: &Param,
    given: &ArgValue,
    database: &str,
    path: &[String],
    may: impl Fn(char) -> bool,
) -> Result<Vec<Value>> {
    let null = || param.kind.server_types().iter().cloned().map(Value::Null).collect();
    Ok(match given {
        ArgValue::Nothing => null(),
        ArgValue::Flag(false) if param.kind == ParamType::Path => null(),
        ArgValue::Flag(true) if param.kind == ParamType::Path => {
            vec![Value::TextList(path.iter().cloned().map(Some).collect())]
        }
        ArgValue::Flag(b) => vec![Value::Bool(*b)],
        ArgValue::Number(n) => vec![Value::Int8(*n)],
        ArgValue::Text(text) if param.kind == ParamType::Term => {
            vec![Value::Text(text.clone()), Value::Text(pattern::of_term(text, may))]
        }
        ArgValue::Text(text) => vec![Value::Text(text.clone())],
        ArgValue::Length(d) => vec![Value::Interval(i64::try_from(d.as_micros()).unwrap_or(i64::MAX))],
        ArgValue::List(list) if param.kind == ParamType::Patterns => match pattern::bind(list, database)? {
            None => null(),
            Some(bound) => vec![
                Value::TextList(bound.schemas),
                Value::TextList(bound.names.into_iter().map(Some).collect()),
            ],
        },
        ArgValue::List(list) if list.is_empty() => vec![Value::Null(Type::TEXT_ARRAY)],
        ArgValue::List(list) => vec![Value::TextList(list.iter().cloned().map(Some).collect())],
    })
}
