//! `--against`: what has changed since a snapshot, since an answer that was saved, or within a length of time.

use std::collections::BTreeSet;
use std::io::{Read, Seek};
use std::path::Path;
use std::time::Duration;

use crate::error::{self, Error, Result};
use crate::escape;
use crate::pipeline::RowOptions;
use crate::render::human;
use crate::report::{Report, Scope};
use crate::rows::diff::{Differ, Out};
use crate::rows::{Column, Flow, RowSink};
use crate::snapshot::{self, Answers, Header, Refusal, Snapshot};
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

/// An answer that is compared with an earlier one.
pub struct Against {
    /// The report, and what its answer is about.
    name: String,
    scope: Scope,
    all_databases: bool,
    pub differ: Differ,
    /// Where and when the earlier answer was given, if that is known.
    header: Option<Header>,
    /// Where and when the later answer is given, if that is known.
    now: Option<Header>,
    /// Why nothing is known of where and when the earlier answer was given.
    unknown: Option<&'static str>,
    /// Whether the rows that come are those of the earlier answer.
    pub is_collecting: bool,
    /// The databases that the later answer has, and those that were not looked at.
    complete: BTreeSet<String>,
    unseen: BTreeSet<String>,
    /// The databases whose rows are not compared, because the earlier answer was not given.
    skipped: BTreeSet<String>,
    is_skipped: bool,
    /// The databases of an earlier answer that does not say which ones were looked at.
    known: Option<BTreeSet<String>>,
    remarks: Vec<String>,
}

impl Against {
    /// Prepares the comparison of an answer with these columns and flags of its own, and reads the earlier one if it is in a
    /// file. `database` is the one that is asked, unless all are. In an answer that `is_redacted`, the private columns are
    /// hashes.
    ///
    /// Errors: the report has no key, or the earlier answer is not there, or cannot be compared (65).
    pub fn new(
        report: &Report,
        columns: &[Column],
        flags: &[String],
        earlier: &Earlier,
        database: &str,
        all_databases: bool,
        is_redacted: bool,
    ) -> Result<Against> {
        let new = |earlier: &[Column]| {
            let differ = Differ::new(&report.name, columns, &report.key, earlier)?;
            Ok::<Differ, Error>(differ.with_doubt(report.doubt.as_deref()))
        };
        let mut against = Against {
            name: report.name.clone(),
            scope: report.scope,
            all_databases,
            differ: new(columns)?,
            header: None,
            now: None,
            unknown: None,
            is_collecting: matches!(earlier, Earlier::Wait(_)),
            complete: BTreeSet::new(),
            unseen: BTreeSet::new(),
            skipped: BTreeSet::new(),
            is_skipped: false,
            known: None,
            remarks: Vec::new(),
        };
        match earlier {
            Earlier::Wait(_) => {}
            Earlier::Saved(name, text) => {
                let saved = snapshot::read_saved(name, text, columns)?;
                if let Some((database, _)) = saved.rows.first()
                    && database.is_some() != all_databases
                {
                    let (was, hint) = match all_databases {
                        true => ("one database", "leave out --all-databases"),
                        false => ("all databases", "add --all-databases"),
                    };
                    return Err(Error::data(format!("{name}: the answer is of {was}")).hint(hint));
                }
                against.differ = new(&saved.columns)?;
                let known = saved.rows.iter().filter_map(|(database, _)| database.clone()).collect();
                against.known = all_databases.then_some(known);
                for (database, row) in &saved.rows {
                    against.differ.earlier(database.as_deref().filter(|_| all_databases), &row.raw())?;
                }
                against.unknown =
                    Some("an answer in JSON does not say of which server it is, and when it was given");
            }
            Earlier::Snapshot(snapshot) => {
                against.read(report, snapshot, columns, flags, database, is_redacted)?
            }
        }
        let not_compared = against.differ.not_compared();
        if !not_compared.is_empty() {
            let names = not_compared.join(", ");
            against.remarks.push(format!(
                "columns that only one answer has, or with other types, are not compared: {names}"
            ));
        }
        Ok(against)
    }

    /// Reads the earlier answer out of a snapshot.
    fn read(
        &mut self,
        report: &Report,
        snapshot: &Snapshot,
        columns: &[Column],
        flags: &[String],
        database: &str,
        is_redacted: bool,
    ) -> Result<()> {
        let all = self.all_databases;
        // An answer about the server is the same whatever database is asked.
        let database = Some(database).filter(|_| report.scope == Scope::Database);
        let Answers { parts, missing } = snapshot.answers(report, flags, database, all)?;
        let mut earlier = parts[0].part.columns(columns)?;
        if is_redacted || snapshot.header.redacted {
            // Equal values have different hashes in two snapshots.
            if let Some(private) = report.private.iter().find(|private| report.key.contains(&private.column))
            {
                return Err(Error::data(format!(
                    "{}: the rows of a redacted snapshot cannot be compared: column {:?}, which identifies them, is hashed",
                    report.name, private.column
                )));
            }
            let is_private = |name: &str| report.private.iter().any(|private| private.column == name);
            for column in earlier.iter_mut().filter(|column| is_private(&column.name)) {
                column.name.push_str(" (hashed)");
            }
        }
        if parts.iter().any(|found| found.part.columns != parts[0].part.columns) {
            return Err(Error::data(format!(
                "{}: {} does not have the same columns in all databases",
                snapshot.name(),
                report.name
            )));
        }
        self.differ =
            Differ::new(&report.name, columns, &report.key, &earlier)?.with_doubt(report.doubt.as_deref());
        for found in &parts {
            let mut sink = EarlierRows {
                differ: &mut self.differ,
                database: found.part.database.as_deref().filter(|_| all),
            };
            snapshot.rows(found, &mut sink)?;
        }
        for says in parts.iter().flat_map(|found| &found.hidden) {
            let remark = format!("not shown then: {}", escape::terminal(says));
            if !self.remarks.contains(&remark) {
                self.remarks.push(remark);
            }
        }
        self.remarks.extend(missing.iter().map(|error| format!("not compared: {}", error.message)));
        let is_same =
            |one: &Refusal, of: &str| of == report.name && one.own == report.own && one.flags == flags;
        let of_report = |one: &&Refusal| one.report.as_deref().is_none_or(|of| is_same(one, of));
        let refused = snapshot.header.refused.iter().filter(of_report);
        self.skipped.extend(refused.filter_map(|refusal| refusal.database.clone()));
        self.header = Some(snapshot.header.clone());
        Ok(())
    }

    /// Sets when and where the earlier answer is given.
    pub fn begin_earlier(&mut self, header: Option<Header>) {
        (self.header, self.is_collecting) = (header, true);
    }

    /// Sets when and where the later answer is given. Without that, `seconds` is how long after the earlier one.
    pub fn begin_later(&mut self, header: Option<Header>, seconds: Option<f64>) {
        self.is_collecting = false;
        self.differ.seconds = match (&self.header, &header) {
            (Some(earlier), Some(later)) => {
                Some(later.taken.duration_since(earlier.taken).as_secs_f64()).filter(|seconds| *seconds > 0.0)
            }
            _ => seconds,
        };
        if let Some(earlier) = &self.header {
            let (at, host, port) = (earlier.taken, escape::terminal(&earlier.host), earlier.port);
            self.remarks.insert(0, format!("compared with {at:.0}, {host}, port {port}"));
            if let Some(later) = header.as_ref().filter(|later| later.role != earlier.role) {
                let (was, is) = (escape::terminal(&earlier.role), escape::terminal(&later.role));
                self.remarks
                    .push(format!("role {was} asked then, and {is} now: one may see what the other may not"));
            }
        }
        self.now = header;
    }

    /// Begins the rows of a database; `None` if the answer is about the server, or about the only database.
    pub fn begin(&mut self, database: Option<&str>) {
        self.is_skipped =
            database.is_some_and(|database| self.all_databases && self.skipped.contains(database));
        if let (Some(known), Some(database)) = (&self.known, database)
            && !known.contains(database)
        {
            self.is_skipped = true;
            let remark = format!("not compared: the earlier answer has no row of database {database:?}");
            self.remarks.push(remark);
        }
        let of = database.filter(|_| self.scope == Scope::Database);
        let goes_on = match (&self.header, &self.now, self.unknown) {
            (Some(earlier), Some(later), _) => snapshot::counters_go_on(earlier, later, of),
            (_, _, Some(why)) => Err(why.to_owned()),
            // Two looks at a pooler, one after the other.
            _ => Ok(()),
        };
        self.differ.counters_go_on = goes_on.is_ok();
        if let (Err(why), true) = (goes_on, self.differ.has_counters()) {
            let remark = format!("the changes of counters are not shown: {why}");
            if !self.remarks.contains(&remark) {
                self.remarks.push(remark);
            }
        }
    }

    /// Takes a row of either answer, of this database, and passes on how it differs.
    ///
    /// Errors: those of [`Differ::earlier`] and [`Differ::later`].
    pub fn row(&mut self, database: Option<&str>, raw: &[Option<&[u8]>], out: Out<'_>) -> Result<Flow> {
        if self.is_collecting {
            return self.differ.earlier(database, raw).map(|()| Flow::More);
        }
        if self.is_skipped { Ok(Flow::More) } else { self.differ.later(database, raw, out) }
    }

    /// Records that the answer of a database is complete.
    pub fn complete(&mut self, database: &str) {
        self.complete.insert(database.to_owned());
    }

    /// Records that a database exists, but was not looked at.
    pub fn unseen(&mut self, database: &str) {
        self.unseen.insert(database.to_owned());
    }

    /// Passes on the rows that are gone. Errors: those of `out`.
    pub fn gone(&mut self, out: Out<'_>) -> Result<Flow> {
        if self.is_collecting {
            return Ok(Flow::More);
        }
        let (complete, unseen) = (&self.complete, &self.unseen);
        // What is no longer there is gone, with all its rows.
        let was_looked_at = |database: Option<&str>| {
            database.is_none_or(|database| complete.contains(database) || !unseen.contains(database))
        };
        self.differ.gone(&was_looked_at, out)
    }

    /// Prints what a person should know about the comparison.
    pub fn say(&self) {
        let name = &self.name;
        for remark in &self.remarks {
            error::say(&format!("pgkit: {name}: {remark}"));
        }
        let restarted = self.differ.restarted;
        if restarted > 0 {
            let rows = if restarted == 1 { "1 row".to_owned() } else { format!("{restarted} rows") };
            error::say(&format!(
                "pgkit: {name}: {rows} with counters that began anew in between: their changes are not shown"
            ));
        }
    }
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

/// Replaces `change` in `--sort` by the change of the report's own measure, or else of its first number.
pub fn with_sort(row_options: &mut RowOptions, report: &Report, columns: &[Column]) {
    let Some(sort) = &row_options.sort else { return };
    let (name, direction) =
        sort.split_once(':').map_or((sort.as_str(), None), |(name, way)| (name, Some(way)));
    if name != "change" {
        return;
    }
    let changes: Vec<&str> =
        columns.iter().filter_map(|column| column.name.strip_prefix("change_")).collect();
    let chosen = row_options.columns.iter().find_map(|wanted| {
        changes.iter().find(|name| *name == wanted || human::short_name(name) == wanted).copied()
    });
    let measure = report.measure.as_deref().filter(|measure| changes.contains(measure));
    if let Some(of) = chosen.or(measure).or(changes.first().copied()) {
        let direction = direction.map(|way| format!(":{way}")).unwrap_or_default();
        row_options.sort = Some(format!("change_{of}{direction}"));
    }
}
