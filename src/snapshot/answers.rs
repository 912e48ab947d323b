//! Which answers of a snapshot are asked for.

use super::file::{Found, Snapshot, shown};
use super::header::Part;
use crate::error::{Error, Result};
use crate::report::{Report, Scope};
use crate::rows::Column;

/// The answers of one report.
pub struct Answers<'a> {
    /// How messages name the file.
    file: &'a str,
    /// The answers, at least one.
    pub parts: Vec<&'a Found>,
    /// An error for each answer that is missing.
    pub missing: Vec<Error>,
}

impl Answers<'_> {
    /// Returns the columns of the rows; see [`Part::columns`](super::Part::columns).
    ///
    /// Errors: they are not the same in all databases (65).
    pub fn columns(&self, known: &[Column]) -> Result<Vec<Column>> {
        let first = &self.parts[0].part;
        if let Some(other) =
            self.parts.iter().map(|found| &found.part).find(|part| part.columns != first.columns)
        {
            let of = |part: &Part| part.database.clone().unwrap_or_default();
            return Err(Error::data(format!(
                "{}: {} has other columns in database {:?} than in {:?}",
                self.file,
                first.report,
                of(other),
                of(first)
            ))
            .hint("leave out --all-databases, and choose one with -d"));
        }
        first.columns(known)
    }

    /// Returns what the role could not see of the answers, ready to be part of a message.
    pub fn hidden(&self) -> Vec<String> {
        let mut hidden = Vec::new();
        for says in self.parts.iter().flat_map(|found| &found.hidden).map(|says| shown(says)) {
            if !hidden.contains(&says) {
                hidden.push(says);
            }
        }
        hidden
    }
}

impl Snapshot {
    /// Returns the answers of a report with these flags of its own, by the names of their databases: those of all
    /// databases, or that of one, which is the one that was connected to first unless another is given.
    ///
    /// Errors: none is there, or the snapshot does not know the database (65).
    pub fn answers(
        &self,
        report: &Report,
        flags: &[String],
        database: Option<&str>,
        all: bool,
    ) -> Result<Answers<'_>> {
        let (file, name) = (self.name(), report.name.as_str());
        let of_report = |found: &&Found| found.part.report == name && found.part.own == report.own;
        let of_report: Vec<&Found> = self.parts.iter().filter(of_report).collect();
        if let Some(unknown) = database.filter(|database| !all && !self.knows(database)) {
            return Err(self.unknown(unknown));
        }
        let has_flags = |found: &&Found| found.part.flags == flags;
        if let (Some(first), false) = (flags.first(), of_report.iter().any(has_flags)) {
            let flags = flags.join(" ");
            let error = Error::data(format!("{file}: the snapshot has no answer of {name} with {flags}"));
            let hint = format!("leave out {first}, and choose among the rows with --grep");
            return Err(if of_report.is_empty() { error } else { error.hint(hint) });
        }
        let wanted = database.unwrap_or(&self.header.database);
        let is_wanted = |database: Option<&str>| all || database.is_none_or(|database| database == wanted);
        let is_asked = |found: &&Found| has_flags(found) && is_wanted(found.part.database.as_deref());
        let mut parts: Vec<&Found> = of_report.iter().copied().filter(is_asked).collect();
        parts.sort_by(|a, b| a.part.database.cmp(&b.part.database));
        let refused = self.header.refused.iter().filter(|refusal| {
            refusal.is_of(report, flags)
                && is_wanted(refusal.database.as_deref())
                && !(all && refusal.skipped)
        });
        let missing = refused.map(|refusal| {
            let what = match &refusal.database {
                Some(database) => format!("{name} of database {database:?}"),
                None => name.to_owned(),
            };
            Error::data(format!("{file}: no answer of {what}: {}", shown(&refusal.why)))
        });
        let missing: Vec<Error> = missing.collect();
        if parts.is_empty() {
            let none = || {
                Error::data(format!("{file}: the snapshot has no answer of {name}"))
                    .hint(format!("pgkit snapshot show {file} lists what it has"))
            };
            return Err(missing.into_iter().next().unwrap_or_else(none));
        }
        Ok(Answers { file, parts, missing })
    }

    /// Returns the user's report of this name, as far as the snapshot describes it, so that its rows can be read without its
    /// file; `None` if it has no answer of such a report.
    pub fn own_report(&self, name: &str) -> Option<Report> {
        let is_of = |found: &&Found| found.part.own && found.part.report == name;
        let found = self.parts.iter().find(is_of)?;
        let scope = if found.part.database.is_some() { Scope::Database } else { Scope::Server };
        let columns = found.part.columns(&[]).ok()?;
        Some(found.part.header.as_ref()?.report(name, scope, columns))
    }

    /// Returns whether it has an answer of a database, or says why there is none.
    fn knows(&self, database: &str) -> bool {
        let answered = self.parts.iter().filter_map(|found| found.part.database.as_deref());
        let refused = self.header.refused.iter().filter_map(|refusal| refusal.database.as_deref());
        answered.chain(refused).chain([self.header.database.as_str()]).any(|known| known == database)
    }

    /// Returns the error for a database of which the snapshot has no answer.
    fn unknown(&self, database: &str) -> Error {
        let mut known: Vec<String> =
            self.parts.iter().filter_map(|found| found.part.database.as_deref()).map(shown).collect();
        known.sort();
        known.dedup();
        let error = Error::data(format!("{}: the snapshot has no database {database:?}", self.name()));
        if known.is_empty() { error } else { error.hint(format!("its databases: {}", known.join(", "))) }
    }
}
