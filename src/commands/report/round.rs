//! The outcome of asking several servers.

use super::way::{Watcher, Way};
use crate::answer::{Observer, Verdict};
use crate::error::{self, Error, Exit, Result};
use crate::escape;
use crate::rows::{Column, Flow, Kept, RowSink};

/// A remark on the answer of one server.
type Remark = (String, String);

/// The outcome of asking several servers or reading several snapshots.
#[derive(Default)]
pub struct Round {
    /// The exit code of the first server that failed.
    exit: Option<Exit>,
    /// The exit code of the first bad answer.
    bad: Option<Exit>,
    /// Whether any server has given an answer.
    has_answer: bool,
    /// Which servers failed, and how.
    failures: Vec<Remark>,
    /// What a person should know about the answers.
    remarks: Vec<Remark>,
}

impl Round {
    /// Records that a server has failed.
    pub fn fail(&mut self, server: &str, error: &Error) {
        self.failures.push((server.to_owned(), one_line(error)));
        self.note(error.exit);
    }

    /// Records the exit code of an answer.
    pub fn take(&mut self, exit: Exit) {
        self.has_answer = true;
        self.note(exit);
    }

    fn note(&mut self, exit: Exit) {
        self.exit = self.exit.or((exit != Exit::Done).then_some(exit));
    }

    /// Records the verdict on an answer.
    pub fn judge(&mut self, exit: Exit) {
        self.bad = self.bad.or((exit != Exit::Done).then_some(exit));
    }

    /// Returns whether every server has failed.
    pub fn has_failed(&self) -> bool {
        !self.has_answer && !self.failures.is_empty()
    }

    /// Adds remarks on an answer.
    pub fn remark(&mut self, server: &str, remarks: impl IntoIterator<Item = String>) {
        self.remarks.extend(remarks.into_iter().map(|text| (server.to_owned(), text)));
    }

    /// Prints what a person should know, and returns the exit code.
    pub fn print(&self) -> Exit {
        self.lines().iter().for_each(|line| error::note(&format!("pgkit: {line}")));
        self.exit.or(self.bad).unwrap_or(Exit::Done)
    }

    /// Returns the verdict of a round of `--watch`, which goes on although a server fails.
    pub fn verdict(self) -> Verdict {
        Verdict { exit: self.bad.unwrap_or(Exit::Done), remarks: self.lines() }
    }

    fn lines(&self) -> Vec<String> {
        let failures =
            self.failures.iter().map(|(server, text)| format!("{}: {text}", escape::terminal(server)));
        failures.chain(grouped(&self.remarks)).collect()
    }
}

/// Returns remarks with the names of their servers, each text once.
fn grouped(remarks: &[Remark]) -> Vec<String> {
    let mut texts: Vec<(&str, Vec<&str>)> = Vec::new();
    for (server, text) in remarks {
        match texts.iter_mut().find(|(known, _)| known == text) {
            Some((_, servers)) => servers.push(server),
            None => texts.push((text, vec![server])),
        }
    }
    let line = |(text, servers): (&str, Vec<&str>)| {
        let names: Vec<_> = servers.into_iter().map(escape::terminal).collect();
        format!("{}: {text}", names.join(", "))
    };
    texts.into_iter().map(line).collect()
}

/// Returns an error as one line, without its hints.
pub fn one_line(error: &Error) -> String {
    let plain = Error { hints: Vec::new(), ..error.clone() };
    // Each of the lines that follow says where and why.
    match plain.message.split_once('\n') {
        Some(("could not connect to the server", lines)) => {
            Error { message: lines.to_owned(), ..plain.clone() }.one_line()
        }
        _ => plain.one_line(),
    }
}

/// The rows of one answer.
pub struct Rows {
    /// The rows that are printed, with the database before each row if it is shown.
    pub shown: Kept,
    /// The rows for an observer, if they are not the ones that are printed.
    pub seen: Option<Seen>,
}

/// The rows of an answer, kept for an observer while the differences from another answer are printed.
#[derive(Default)]
pub struct Seen(Kept);

impl RowSink for Seen {
    fn head(&mut self, columns: &[Column]) -> Result<()> {
        self.0.head(columns)
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        self.0.row(raw)
    }

    fn end(&mut self) -> Result<()> {
        self.0.end()
    }
}

impl Observer for Seen {
    /// The rows are judged later, by the observer of all servers.
    fn judge(&mut self) -> Result<Verdict> {
        Ok(Verdict { exit: Exit::Done, remarks: Vec::new() })
    }
}

/// How an observer must read the rows of an answer.
pub struct Observed<'a> {
    /// The report's own columns.
    pub columns: &'a [Column],
    /// Whether the database stands before them in each row that is shown.
    pub all_databases: bool,
}

/// Passes on the rows of one answer as far as they are wanted. The observer sees them all.
///
/// Errors: the output failed (74), or those of the observer.
pub fn hand_on(
    rows: Rows,
    observed: &Observed<'_>,
    way: &mut Way<'_>,
    watcher: &mut Watcher<'_>,
    flow: &mut Flow,
) -> Result<()> {
    let before = usize::from(observed.all_databases);
    let sees_shown = rows.seen.is_none();
    if let Some(watcher) = watcher {
        watcher.head(observed.columns)?;
    }
    rows.shown.drain(|raw| {
        if *flow == Flow::More {
            *flow = way.row(raw)?;
        }
        match watcher {
            Some(watcher) if sees_shown => watcher.row(&raw[before.min(raw.len())..]),
            Some(_) => Ok(Flow::More),
            None => Ok(*flow),
        }
    })?;
    if let (Some(seen), Some(watcher)) = (rows.seen, watcher) {
        seen.0.drain(|raw| watcher.row(raw))?;
    }
    Ok(())
}
