//! Prints findings as rows.

use super::people::Paragraphs;
use crate::commands::args::FormatArgs;
use crate::commands::context::Context;
use crate::commands::listing::Listing;
use crate::doctor::Finding;
use crate::error::Result;
use crate::output::terminal;
use crate::rows::{Flow, Row};

/// The maximum number of findings of one check that a terminal shows, unless the check was named on the command line.
const SHOWN: usize = 5;

/// A finding, with the name of its server if several servers were asked.
pub struct Told<'a> {
    pub server: Option<&'a str>,
    pub finding: &'a Finding,
}

/// Returns the columns of the output. `has_servers` adds the server, and `has_changes` adds the change since an earlier
/// snapshot.
pub fn columns(has_servers: bool, has_changes: bool) -> Vec<&'static str> {
    let mut columns = Vec::new();
    columns.extend(has_servers.then_some("server text"));
    columns.extend([
        "severity text",
        "check text",
        "database text",
        "object text",
        "value text",
        "limit text",
        "finding text",
        "proof text",
        "remedy text",
    ]);
    columns.extend(has_changes.then_some("change text"));
    columns
}

/// How the findings are printed.
pub struct Look<'a> {
    pub context: &'a Context,
    pub format: &'a FormatArgs,
    pub has_servers: bool,
    pub has_changes: bool,
    /// Whether a terminal shows all findings of a check, too.
    pub is_whole: bool,
}

impl Look<'_> {
    /// Returns whether the output is paragraphs on a terminal.
    fn is_for_people(&self) -> bool {
        terminal::size(self.context.env.var("COLUMNS")).is_some() && self.format.is_plain()
    }

    /// Creates the listing that the findings are printed to.
    ///
    /// Errors: a column is unknown (64), or `--grep` is invalid (65).
    pub fn listing(&self) -> Result<Listing> {
        let columns = columns(self.has_servers, self.has_changes);
        let (has_servers, has_changes) = (self.has_servers, self.has_changes);
        Listing::for_people(self.context, "doctor", &columns, self.format, |style| {
            Some(Box::new(Paragraphs::new(style, has_servers, has_changes)))
        })
    }

    /// Prints the findings. Returns how many findings a terminal does not show, by check.
    pub async fn print(&self, mut listing: Listing, all: &[Told<'_>]) -> Result<Vec<(String, usize)>> {
        let mut left_out: Vec<(String, usize)> = Vec::new();
        let mut shown: Vec<(Option<&str>, &str, usize)> = Vec::new();
        for told in all {
            let (server, check) = (told.server, told.finding.check.as_str());
            match shown.iter_mut().find(|(of, name, _)| (*of, *name) == (server, check)) {
                Some((_, _, times)) => *times += 1,
                None => shown.push((server, check, 1)),
            }
            let times = shown
                .iter()
                .find(|(of, name, _)| (*of, *name) == (server, check))
                .map_or(0, |(_, _, times)| *times);
            if times > SHOWN && self.is_for_people() && !self.is_whole {
                match left_out.iter_mut().find(|(name, _)| name == check) {
                    Some((_, number)) => *number += 1,
                    None => left_out.push((check.to_owned(), 1)),
                }
                continue;
            }
            if listing.push(&self.row(told))? == Flow::Enough {
                break;
            }
        }
        listing.finish().await?;
        Ok(left_out)
    }

    fn row(&self, told: &Told<'_>) -> Row {
        let finding = told.finding;
        // A terminal shows 12 MB, and a pipe gets 12582912.
        let (value, limit) = match self.is_for_people() {
            true => (&finding.value_shown, &finding.limit_shown),
            false => (&finding.value, &finding.limit),
        };
        let mut row = Row::new();
        if self.has_servers {
            row = row.text(told.server);
        }
        row = row
            .text(Some(finding.severity.word()))
            .text(Some(&finding.check))
            .text(finding.database.as_ref())
            .text(Some(&finding.object).filter(|object| !object.is_empty()))
            .text(value.as_ref())
            .text(limit.as_ref())
            .text(Some(&finding.finding))
            .text(finding.proof.as_ref())
            .text(finding.remedy.as_ref());
        if self.has_changes { row.text(finding.change.map(|change| change.word())) } else { row }
    }
}
