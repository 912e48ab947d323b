//! How an answer is shown: its format, and which of its rows and columns.

use super::against;
use crate::answer::ReportRun;
use crate::commands::args::OutputArgs;
use crate::commands::context::Context;
use crate::connect::Environment;
use crate::error::{Error, Result};
use crate::output::{Output, terminal};
use crate::pipeline::{Pipeline, RowOptions};
use crate::render::{FormatName, Style};
use crate::report::Report;
use crate::rows::Column;

/// How an answer is shown, and which of its rows and columns.
#[derive(Clone)]
pub struct Look {
    row_options: RowOptions,
    format: FormatName,
    /// The format for rows that cannot be drawn as a tree or under headings.
    plain_format: FormatName,
    pub style: Style,
    /// The size of the terminal, if stdout is one.
    pub terminal: Option<(usize, usize)>,
}

impl Look {
    /// Returns what these flags ask for. Errors: see [`FormatArgs::row_options`](super::args::FormatArgs::row_options).
    pub fn new(context: &Context, report_run: &ReportRun<'_>, args: &OutputArgs) -> Result<Look> {
        let report = report_run.report;
        let terminal = terminal::size(context.env.var("COLUMNS"));
        let mut row_options = args.format.row_options()?;
        row_options.sort = row_options.sort.or_else(|| report.order.clone());
        let tree = report_run.tree().cloned();
        let drawn = match (&tree, &report.sections) {
            (Some(_), _) => Some(FormatName::Tree),
            (None, Some(_)) => Some(FormatName::Sections),
            (None, None) => None,
        };
        let format = match drawn {
            // A person reads such rows best as what they are.
            Some(drawn) if terminal.is_some() && args.format.is_plain() && row_options.leave_a_tree() => {
                drawn
            }
            _ => args.format.format(terminal.is_some()),
        };
        let style = Style {
            tree,
            sections: report.sections.clone(),
            one_line: args.watch.is_some() && format == FormatName::Json,
            ..args.format.style(terminal, &context.env)
        };
        let plain_format = args.format.format(terminal.is_some());
        Ok(Look { row_options, format, plain_format, style, terminal })
    }

    /// Returns the same without trees and headings, for rows of several servers.
    pub fn plain(self) -> Look {
        let style = Style { tree: None, sections: None, ..self.style };
        Look { format: self.plain_format, style, ..self }
    }

    /// Returns the same for the differences of two answers: they form no tree, and `--sort` may name their columns.
    pub fn of_differences(&self, report: &Report, columns: &[Column]) -> Look {
        let row_options = against::with_sort(&self.row_options, report, columns);
        Look { row_options, ..self.clone().plain() }
    }

    /// Returns the same for rows that only have these columns of the report. They are not drawn from others, nor sorted by
    /// another one unless the user asks for it.
    pub fn of_columns(&self, report: &Report, columns: &[Column]) -> Look {
        let has = |name: &str| columns.iter().any(|column| column.name == name);
        let mut look = self.clone();
        look.style.tree = look.style.tree.filter(|tree| tree.columns().all(has));
        look.style.sections = look.style.sections.filter(|sections| sections.columns().all(has));
        let order = report.order.as_deref().filter(|order| !has(order.split(':').next().unwrap_or(order)));
        if order.is_some() && look.row_options.sort.as_deref() == order {
            look.row_options.sort = None;
        }
        look
    }

    /// Returns the pipeline for rows with these columns, and with those that are put before them.
    ///
    /// Errors: a flag names a column that there is not, or two columns have one name (64).
    pub fn pipeline<'a>(
        &self,
        report: &str,
        before: impl Iterator<Item = &'a str>,
        columns: &[Column],
    ) -> Result<Pipeline> {
        let columns = with_before(report, before, columns)?;
        Pipeline::new(report, columns, &self.row_options, self.format, &self.style)
    }

    /// Opens stdout, with a pager on a terminal unless `no_pager`.
    pub fn output(&self, env: &Environment, no_pager: bool) -> Result<Output> {
        let height = self.terminal.map_or(0, |(_, height)| height);
        let pager = if self.terminal.is_some() && !no_pager { pager(env) } else { None };
        Output::new(pager, height)
    }
}

/// Returns the columns of an answer with those that are put before them. Errors: it has a column of that name (64).
fn with_before<'a>(
    report: &str,
    before: impl Iterator<Item = &'a str>,
    columns: &[Column],
) -> Result<Vec<Column>> {
    let mut all: Vec<Column> = before.map(Column::text).collect();
    if let Some(twice) = columns.iter().find(|column| all.iter().any(|other| other.name == column.name)) {
        let message = format!("{report} already has a column {:?}", twice.name);
        return Err(Error::usage(message).hint(
            "--watch adds a column `at`, several servers a column `server`, --all-databases a column `database`: \
             rename the report's column",
        ));
    }
    all.extend(columns.iter().cloned());
    Ok(all)
}

/// Returns the pager for long answers on a terminal; `None` if there is none.
fn pager(env: &Environment) -> Option<String> {
    let named = ["PGKIT_PAGER", "PSQL_PAGER", "PAGER"].iter().find_map(|name| env.var(name));
    let command = named.unwrap_or("less").trim();
    if command.is_empty() || command == "cat" {
        return None;
    }
    let program = command.split_whitespace().next().unwrap_or_default();
    let found = program.contains('/')
        || env
            .var("PATH")
            .is_some_and(|path| path.split(':').any(|dir| std::path::Path::new(dir).join(program).is_file()));
    found.then(|| command.to_owned())
}
