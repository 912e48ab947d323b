//! `--against`: what has changed since a snapshot, since an answer that was saved, or within a length of time.

use std::collections::BTreeSet;
use std::io::{Read, Seek};
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::escape;
use crate::pipeline::RowOptions;
use crate::render::human;
use crate::report::{Report, Scope};
use crate::rows::diff::{Differ, Out, change_of, changed};
use crate::rows::{Column, Flow, RowSink};
use crate::snapshot::{self, Header, SavedRow, Snapshot};
use crate::units::parse_duration;

/// What an answer is compared with.
pub enum Earlier {
    Snapshot(Box<Snapshot>),
    /// A file with an answer in JSON, and its text.
    Saved(String, String),
    /// The answer this long before.
    Wait(Duration),
}

impl Earlier {
    /// Reads what `--against` names: a file, - for stdin, or a length of time.
    ///
    /// Errors: it is neither (64); the file cannot be read (74), or is damaged (65).
    pub fn read(text: &str) -> Result<Earlier> {
        let path = Path::new(text);
        if text != "-" && !path.exists() {
            return parse_duration(text).map(Earlier::Wait).map_err(|_| {
                Error::usage(format!("--against: there is no file {text:?}, and it is no length of time"))
                    .hint("a length of time is written as 10s or 5m")
            });
        }
        let (mut file, name) = snapshot::seekable(path)?;
        let could_not = |e: &std::io::Error| Error::io(format!("could not read {name}"), e);
        file.rewind().map_err(|e| could_not(&e))?;
        let mut first = [0];
        let is_json = file.read(&mut first).map_err(|e| could_not(&e))? == 1 && b"[{ \n".contains(&first[0]);
        if !is_json {
            return Ok(Earlier::Snapshot(Box::new(Snapshot::of_file(file, name)?)));
        }
        let mut bytes = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut bytes)).map_err(|e| could_not(&e))?;
        let json = String::from_utf8(bytes).map_err(|_| Error::data(format!("{name} is not UTF-8")))?;
        Ok(Earlier::Saved(name, json))
    }
}

/// The answer that is compared with an earlier one.
pub struct Later<'a> {
    pub report: &'a Report,
    /// Its columns.
    pub columns: &'a [Column],
    /// The report's own flags, as they are typed.
    pub flags: &'a [String],
    /// The server's name, if several are asked.
    pub server: Option<&'a str>,
    /// The database that is asked, unless all are.
    pub database: &'a str,
    pub all_databases: bool,
    /// Whether its private columns are hashes.
    pub is_redacted: bool,
}

impl Later<'_> {
    /// Returns the comparison with an earlier answer that has these columns. Errors: see [`Differ::new`].
    fn differ(&self, earlier: &[Column]) -> Result<Differ> {
        let differ = Differ::new(&self.report.name, self.columns, &self.report.key, earlier)?;
        Ok(differ.with_doubt(self.report.doubt.as_deref()).with_incidental(&self.report.incidental))
    }
}

/// The comparison of an answer with an earlier one.
pub struct Against {
    /// The report, and what its answer is about.
    name: String,
    scope: Scope,
    all_databases: bool,
    differ: Differ,
    /// The server and the time of the earlier answer, if they are known.
    earlier: Option<Header>,
    /// The server and the time of the later answer, if they are known.
    later: Option<Header>,
    /// Whether the earlier answer is in JSON, which has no header.
    is_saved: bool,
    /// Whether the rows that come are those of the earlier answer.
    is_collecting: bool,
    /// The databases that exist now and whose later answer is not complete.
    incomplete: BTreeSet<String>,
    /// The databases whose earlier answer is missing.
    missing: BTreeSet<String>,
    /// The databases that have rows in a saved answer. Others may not have been asked then.
    saved: Option<BTreeSet<String>>,
    /// Whether the rows that come belong to a database that is not compared.
    is_skipped: bool,
    /// Whether nothing is compared, because the earlier answer may not be about this server.
    is_unknown: bool,
    /// Whether some part of the answer could not be compared.
    is_partial: bool,
    remarks: Vec<String>,
}

impl Against {
    /// Prepares the comparison, and reads the earlier answer if it is in a file.
    ///
    /// Errors: the report has no key, or the earlier answer is not there, or cannot be compared (65).
    pub fn new(later: &Later<'_>, earlier: &Earlier) -> Result<Against> {
        let mut against = Against {
            name: later.report.name.clone(),
            scope: later.report.scope,
            all_databases: later.all_databases,
            differ: later.differ(later.columns)?,
            earlier: None,
            later: None,
            is_saved: matches!(earlier, Earlier::Saved(..)),
            is_collecting: matches!(earlier, Earlier::Wait(_)),
            incomplete: BTreeSet::new(),
            missing: BTreeSet::new(),
            saved: None,
            is_skipped: false,
            is_unknown: false,
            is_partial: false,
            remarks: Vec::new(),
        };
        match earlier {
            Earlier::Wait(_) => {}
            Earlier::Saved(name, text) => against.read_saved(later, name, text)?,
            Earlier::Snapshot(snapshot) => against.read(later, snapshot)?,
        }
        let not_compared = against.differ.not_compared();
        if !not_compared.is_empty() {
            let names = not_compared.join(", ");
            against.remark(format!(
                "columns that only one answer has, or with other types, are not compared: {names}"
            ));
        }
        Ok(against)
    }

    /// Adds a remark, unless it was made before.
    fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// Reads the earlier answer from JSON text.
    fn read_saved(&mut self, later: &Later<'_>, file: &str, text: &str) -> Result<()> {
        let saved = snapshot::read_saved(file, text, later.columns)?;
        if let (None, Some(_)) = (later.server, saved.rows.first().and_then(|first| first.server.as_ref())) {
            return Err(Error::data(format!("{file}: the answer is of several servers"))
                .hint("name them with --service a,b or --servers FILE"));
        }
        if let Some(first) = saved.rows.first()
            && first.database.is_some() != later.all_databases
        {
            let (was, hint) = match later.all_databases {
                true => ("one database", "leave out --all-databases"),
                false => ("all databases", "add --all-databases"),
            };
            return Err(Error::data(format!("{file}: the answer is of {was}")).hint(hint));
        }
        self.differ = later.differ(&saved.columns)?;
        // An answer of one server is compared with that of each.
        let is_meant = |row: &&SavedRow| row.server.is_none() || row.server.as_deref() == later.server;
        let rows: Vec<&SavedRow> = saved.rows.iter().filter(is_meant).collect();
        if let (Some(server), true) = (later.server, rows.is_empty() && !saved.rows.is_empty()) {
            self.is_unknown = true;
            self.remark(format!("not compared: the earlier answer has no row of server {server:?}"));
        }
        for saved in &rows {
            self.differ.earlier(saved.database.as_deref(), &saved.row.raw())?;
        }
        let databases = rows.into_iter().filter_map(|saved| saved.database.clone()).collect();
        self.saved = later.all_databases.then_some(databases);
        Ok(())
    }

    /// Reads the earlier answer from a snapshot.
    fn read(&mut self, later: &Later<'_>, snapshot: &Snapshot) -> Result<()> {
        let (report, all) = (later.report, later.all_databases);
        // An answer about the server is the same whatever database is asked.
        let database = Some(later.database).filter(|_| report.scope == Scope::Database);
        let answers = snapshot.answers(report, later.flags, database, all)?;
        let mut columns = answers.columns(later.columns)?;
        if later.is_redacted || snapshot.header.redacted {
            hide_hashes(report, &mut columns)?;
        }
        self.differ = later.differ(&columns)?;
        for found in &answers.parts {
            let database = found.part.database.as_deref().filter(|_| all);
            snapshot.rows(found, &mut EarlierRows { differ: &mut self.differ, database })?;
        }
        for says in answers.hidden() {
            self.remark(format!("not shown then: {says}"));
        }
        self.is_partial |= !answers.missing.is_empty();
        for error in &answers.missing {
            self.remark(format!("not compared: {}", error.message));
        }
        let refused = snapshot.header.refused.iter().filter(|one| one.is_of(report, later.flags));
        self.missing.extend(refused.filter_map(|refusal| refusal.database.clone()));
        self.earlier = Some(snapshot.header.clone());
        Ok(())
    }

    /// Returns the columns of the differences.
    pub fn columns(&self) -> Vec<Column> {
        self.differ.columns()
    }

    /// Returns whether any row differs, or may differ because it could not be compared.
    pub fn has_differences(&self) -> bool {
        self.differ.differences > 0 || self.is_partial
    }

    /// Returns whether the rows that come are those of the earlier answer.
    pub fn is_collecting(&self) -> bool {
        self.is_collecting
    }

    /// Sets the server and the time of the earlier answer, whose rows come next.
    pub fn set_earlier(&mut self, header: Option<Header>) {
        self.earlier = header;
    }

    /// Sets the server and the time of the later answer, whose rows come next. `waited` is how long after the earlier
    /// answer that is, if there are no times to tell.
    pub fn set_later(&mut self, header: Option<Header>, waited: Duration) {
        let between = match (&self.earlier, &header) {
            (Some(earlier), Some(later)) => later.taken.duration_since(earlier.taken).as_secs_f64(),
            _ => waited.as_secs_f64(),
        };
        self.is_collecting = false;
        self.differ.seconds = Some(between).filter(|seconds| *seconds > 0.0);
        if let Some(earlier) = self.earlier.as_ref() {
            let (at, host, port) = (earlier.taken, escape::terminal(&earlier.host), earlier.port);
            let mut remarks = vec![format!("compared with {at:.0}, {host}, port {port}")];
            if let Some(later) = header.as_ref().filter(|later| later.role != earlier.role) {
                let (was, is) = (escape::terminal(&earlier.role), escape::terminal(&later.role));
                remarks
                    .push(format!("role {was} asked then, and {is} now: one may see what the other may not"));
            }
            self.remarks.splice(0..0, remarks);
        }
        self.later = header;
    }

    /// Sets the databases that exist now. Until [`Against::complete`] is called for one of them, its rows may be missing.
    pub fn set_databases(&mut self, names: Vec<String>) {
        self.incomplete.extend(names);
    }

    /// Is called after the last row of a database.
    pub fn complete(&mut self, database: &str) {
        self.incomplete.remove(database);
    }

    /// Is called before the rows of each database, or before those of an answer about the server.
    pub fn begin(&mut self, database: Option<&str>) {
        let compared = database.filter(|_| self.all_databases);
        let is_missing = compared.is_some_and(|database| self.missing.contains(database));
        let is_unknown = |saved: &BTreeSet<String>| compared.filter(|database| !saved.contains(*database));
        let unknown = self.saved.as_ref().and_then(is_unknown);
        self.is_skipped = is_missing || unknown.is_some() || self.is_unknown;
        self.is_partial |= is_missing;
        if let (Some(database), false) = (unknown, self.is_unknown) {
            self.remark(format!("not compared: the earlier answer has no row of database {database:?}"));
        }
        let goes_on = match (&self.earlier, &self.later) {
            (Some(earlier), Some(later)) => {
                let database = database.filter(|_| self.scope == Scope::Database);
                snapshot::counters_go_on(earlier, later, database)
            }
            _ if self.is_saved => {
                Err("an answer in JSON does not say when and on which server it was given".to_owned())
            }
            // A pooler was asked twice, a moment apart.
            _ => Ok(()),
        };
        self.differ.counters_go_on = goes_on.is_ok();
        if let (Err(why), true) = (goes_on, self.differ.has_counters()) {
            self.remark(format!("the changes of counters are not shown: {why}"));
        }
    }

    /// Takes a row of either answer, and passes on how it differs. `database` is its database, if there are several.
    ///
    /// Errors: those of [`Differ::earlier`] and [`Differ::later`].
    pub fn row(&mut self, database: Option<&str>, raw: &[Option<&[u8]>], out: Out<'_>) -> Result<Flow> {
        if self.is_collecting {
            return self.differ.earlier(database, raw).map(|()| Flow::More);
        }
        if self.is_skipped {
            self.is_partial = true;
            return Ok(Flow::More);
        }
        self.differ.later(database, raw, out)
    }

    /// Passes on the rows that are gone. A database that no longer exists is gone with all its rows. Errors: those of
    /// `out`.
    pub fn gone(&mut self, out: Out<'_>) -> Result<Flow> {
        if self.is_collecting {
            return Ok(Flow::More);
        }
        let is_complete =
            |database: Option<&str>| database.is_none_or(|name| !self.incomplete.contains(name));
        self.differ.gone(&is_complete, out)
    }

    /// Returns what a person should know about the comparison, one line each.
    pub fn remarks(&self) -> Vec<String> {
        let restarted = match self.differ.restarted {
            0 => None,
            1 => Some("1 row".to_owned()),
            rows => Some(format!("{rows} rows")),
        };
        let restarted = restarted.map(|rows| {
            format!("{rows} with counters that began anew in between: their changes are not shown")
        });
        self.remarks.iter().chain(&restarted).map(|remark| format!("{}: {remark}", self.name)).collect()
    }
}

/// Renames the private columns of a redacted answer, so that they are not compared: equal values have different hashes in two
/// snapshots.
///
/// Errors: such a column belongs to the key (65).
fn hide_hashes(report: &Report, columns: &mut [Column]) -> Result<()> {
    for private in &report.private {
        if report.key.contains(&private.column) {
            return Err(Error::data(format!(
                "{}: the rows of a redacted snapshot cannot be compared: column {:?}, which identifies them, is hashed",
                report.name, private.column
            ))
            .hint("take both snapshots without --redact"));
        }
        for column in columns.iter_mut().filter(|column| column.name == private.column) {
            column.name.push_str(" (hashed)");
        }
    }
    Ok(())
}

/// Takes the rows of an earlier answer.
struct EarlierRows<'a> {
    differ: &'a mut Differ,
    database: Option<&'a str>,
}

impl RowSink for EarlierRows<'_> {
    fn head(&mut self, _columns: &[Column]) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        self.differ.earlier(self.database, raw).map(|()| Flow::More)
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Returns these options with `change` in `--sort` replaced by a column: the changes of the first number that `--columns`
/// names, or else of the report's own measure, or else of its first number. `columns` are those of the differences.
pub fn with_sort(row_options: &RowOptions, report: &Report, columns: &[Column]) -> RowOptions {
    let mut row_options = row_options.clone();
    let Some(sort) = &row_options.sort else { return row_options };
    let (name, direction) = sort.split_at(sort.find(':').unwrap_or(sort.len()));
    if name != "change" {
        return row_options;
    }
    let changes: Vec<&str> = columns.iter().filter_map(|column| changed(&column.name)).collect();
    let chosen = row_options.columns.iter().find_map(|wanted| {
        changes.iter().find(|name| *name == wanted || human::short_name(name) == wanted).copied()
    });
    let measure = report.measure.as_deref().filter(|measure| changes.contains(measure));
    if let Some(of) = chosen.or(measure).or(changes.first().copied()) {
        row_options.sort = Some(format!("{}{direction}", change_of(of)));
    }
    row_options
}
