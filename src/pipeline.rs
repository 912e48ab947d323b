//! What happens to rows between the server and the format: grep, sort, limit and columns, in this order.

use clap::ValueEnum;
use regex::bytes::Regex;

use crate::error::{Error, Result};
use crate::output::{Output, Reader};
use crate::render::{self, Format, FormatName, Style, human};
use crate::rows::Column;
use crate::rows::cell::{Cell, Cells, Timestamps};
use crate::rows::sort::{Key, Sorter};
use crate::rows::{Flow, RowSink};

/// What the flags ask for.
#[derive(Debug, Clone, Default)]
pub struct RowOptions {
    /// Keep only the rows whose tsv line matches.
    pub grep: Option<Regex>,
    /// Order by this column; `:desc` reverses the order.
    pub sort: Option<String>,
    /// Stop after this many rows.
    pub limit: Option<u64>,
    /// Show only these columns, in this order.
    pub columns: Vec<String>,
}

impl RowOptions {
    /// Returns whether all rows are kept in their order.
    pub fn leave_a_tree(&self) -> bool {
        self.grep.is_none() && self.sort.is_none()
    }
}

/// Takes one report's rows to stdout.
pub struct Pipeline {
    columns: Vec<Column>,
    grep: Option<Regex>,
    sort: Option<Key>,
    sorter: Option<Sorter>,
    limit: Option<u64>,
    picked: Option<Vec<usize>>,
    format: Box<dyn Format>,
    /// The report's name, for errors.
    report: String,
    line: Vec<u8>,
    times: Timestamps,
    taken: u64,
}

/// Returns the index of the column with this name, full or short (`total` for `total_bytes`). Errors: there is no
/// such column (64); the hint lists them.
fn find(columns: &[Column], name: &str, flag: &str) -> Result<usize> {
    columns
        .iter()
        .position(|c| c.name == name)
        .or_else(|| columns.iter().position(|c| human::short_name(&c.name) == name))
        .ok_or_else(|| {
            let names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
            Error::usage(format!("{flag}: unknown column {name:?}"))
                .hint(format!("columns: {}", names.join(", ")))
        })
}

/// The names of the formats that every report has: `a, b or c`.
fn other_formats() -> String {
    let is_special = |format: &FormatName| matches!(format, FormatName::Tree | FormatName::Sections);
    let all = FormatName::value_variants().iter().filter(|format| !is_special(format));
    let mut names: Vec<String> =
        all.filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned())).collect();
    let last = names.pop().unwrap_or_default();
    format!("{} or {last}", names.join(", "))
}

/// Checks that these rows can be drawn as a tree. Errors: wrong usage (64).
fn check_tree(
    report: &str,
    row_options: &RowOptions,
    style: &Style,
    columns: &[Column],
    picked: Option<&[usize]>,
) -> Result<()> {
    let Some(tree) = &style.tree else {
        return Err(Error::usage(format!("--format tree: cannot draw the rows of {report} as a tree"))
            .hint(format!("use another format: {}", other_formats())));
    };
    for (is_given, flag) in [(row_options.grep.is_some(), "--grep"), (row_options.sort.is_some(), "--sort")] {
        if is_given {
            return Err(Error::usage(format!("--format tree cannot be used with {flag}"))
                .hint("use another format, such as table"));
        }
    }
    let has = |name: &str| picked.is_none_or(|p| p.iter().any(|&i| columns[i].name == name));
    match [&tree.node, &tree.parent, &tree.depth].into_iter().find(|name| !has(name)) {
        Some(missing) => Err(Error::usage(format!("--format tree: missing column {missing:?} in --columns"))
            .hint(format!("the tree is drawn from {}, {} and {}", tree.node, tree.parent, tree.depth))),
        None => Ok(()),
    }
}

impl Pipeline {
    /// Checks the options against the columns, before any row.
    pub fn new(
        report: &str,
        columns: Vec<Column>,
        row_options: &RowOptions,
        format: FormatName,
        style: &Style,
    ) -> Result<Pipeline> {
        let sort = match &row_options.sort {
            None => None,
            Some(text) => {
                let (name, descending) = match text.rsplit_once(':') {
                    Some((name, "desc")) => (name, true),
                    Some((name, "asc")) => (name, false),
                    Some((_, other)) => {
                        return Err(Error::usage(format!("--sort: invalid direction {other:?}"))
                            .hint("use --sort COLUMN, --sort COLUMN:asc or --sort COLUMN:desc"));
                    }
                    None => (text.as_str(), false),
                };
                let index = find(&columns, name, "--sort")?;
                Some(Key { index, kind: columns[index].kind, descending })
            }
        };
        let picked = if row_options.columns.is_empty() {
            None
        } else {
            Some(
                row_options
                    .columns
                    .iter()
                    .map(|name| find(&columns, name, "--columns"))
                    .collect::<Result<Vec<_>>>()?,
            )
        };
        if matches!(format, FormatName::Json | FormatName::Jsonl)
            && let Some(picked) = &picked
            && (1..picked.len()).any(|i| picked[..i].contains(&picked[i]))
        {
            return Err(Error::usage("--columns: duplicate column in JSON output"));
        }
        if format == FormatName::Sections && style.sections.is_none() {
            return Err(Error::usage(format!("--format sections: the rows of {report} have no headings"))
                .hint(format!("use another format: {}", other_formats())));
        }
        if format == FormatName::Tree {
            check_tree(report, row_options, style, &columns, picked.as_deref())?;
        }
        let shown: Vec<Column> = picked
            .as_ref()
            .map_or_else(|| columns.clone(), |p| p.iter().map(|&i| columns[i].clone()).collect());
        let mut pipeline = Pipeline {
            columns,
            grep: row_options.grep.clone(),
            sort,
            sorter: None,
            limit: row_options.limit,
            picked,
            format: render::format(format, &shown, style),
            report: report.to_owned(),
            line: Vec::new(),
            times: Timestamps::default(),
            taken: 0,
        };
        pipeline.begin_round();
        Ok(pipeline)
    }

    /// Shows the rows in this format instead.
    pub fn shown_by(mut self, format: Box<dyn Format>) -> Pipeline {
        self.format = format;
        self
    }

    /// Begins a new answer (of `--watch`) with the same columns.
    pub fn begin_round(&mut self) {
        self.taken = 0;
        let limit = self.limit.and_then(|l| usize::try_from(l).ok());
        self.sorter = self.sort.map(|key| Sorter::new(key, limit));
    }

    /// Prints the head, if the format has one before the first row.
    pub fn head(&mut self, out: &mut Output) {
        self.format.head(out.buffer());
    }

    /// Returns whether the limit allows no row at all.
    pub fn wants_none(&self) -> bool {
        self.limit == Some(0)
    }

    /// Takes one row as the server sent it.
    pub fn push(&mut self, raw: &[Option<&[u8]>], out: &mut Output) -> Result<Flow> {
        if !self.matches(raw)? {
            return Ok(Flow::More);
        }
        if let Some(sorter) = &mut self.sorter {
            sorter.push(raw)?;
            return Ok(Flow::More);
        }
        if self.picked.is_none() && !self.is_full() && self.format.plain_row(raw, out.buffer()) {
            return self.count(out);
        }
        let cells = decode(&self.report, &self.columns, raw)?;
        self.print(&cells, out)
    }

    /// Returns whether `--grep` keeps this row.
    fn matches(&mut self, raw: &[Option<&[u8]>]) -> Result<bool> {
        let Some(grep) = &self.grep else { return Ok(true) };
        self.line.clear();
        if !render::raw_tsv_line(&self.columns, raw, &mut self.times, &mut self.line) {
            render::tsv_line(&decode(&self.report, &self.columns, raw)?, &mut self.line);
        }
        Ok(grep.is_match(&self.line))
    }

    fn print(&mut self, cells: &[Cell<'_>], out: &mut Output) -> Result<Flow> {
        if self.is_full() {
            return Ok(Flow::Enough);
        }
        match &self.picked {
            None => self.format.row(cells, out.buffer()),
            Some(picked) => {
                let chosen: Cells<'_> = picked.iter().map(|&i| cells[i].clone()).collect();
                self.format.row(&chosen, out.buffer());
            }
        }
        self.count(out)
    }

    fn is_full(&self) -> bool {
        self.limit.is_some_and(|limit| self.taken >= limit)
    }

    /// Counts a row that is now in the buffer, passes the buffer on, and returns whether more rows are wanted.
    fn count(&mut self, out: &mut Output) -> Result<Flow> {
        self.taken += 1;
        Ok(if out.pass()? == Reader::Gone || self.is_full() { Flow::Enough } else { Flow::More })
    }

    /// Prints the rows that were kept for sorting, after the last row of this answer.
    pub fn end_round(&mut self, out: &mut Output) -> Result<()> {
        if let Some(sorter) = self.sorter.take() {
            sorter.drain(|raw| {
                let cells = decode(&self.report, &self.columns, raw)?;
                Ok(self.print(&cells, out)? == Flow::More)
            })?;
        }
        self.format.flush(out.buffer());
        Ok(())
    }

    /// Prints what the format has after the last row.
    pub fn end(&mut self, out: &mut Output) {
        self.format.end(out.buffer());
    }
}

/// A pipeline and the stdout that it prints to.
pub struct Printer<'a> {
    /// The pipeline.
    pub pipeline: &'a mut Pipeline,
    /// Stdout.
    pub out: &'a mut Output,
}

impl RowSink for Printer<'_> {
    /// Prints nothing, because several answers may share one head: see [`Pipeline::head`].
    fn head(&mut self, _columns: &[Column]) -> Result<()> {
        Ok(())
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        self.pipeline.push(raw, self.out)
    }

    fn end(&mut self) -> Result<()> {
        self.pipeline.end_round(self.out)
    }

    fn wants_none(&self) -> bool {
        self.pipeline.wants_none()
    }
}

/// Decodes a row's cells. A value that cannot be decoded is an error that names report and column, never a
/// default.
fn decode<'a>(report: &str, columns: &[Column], raw: &[Option<&'a [u8]>]) -> Result<Cells<'a>> {
    let decoded = columns.iter().zip(raw).map(|(column, raw)| column.decode(*raw));
    decoded.collect::<Result<_>>().map_err(|e| Error { message: format!("{report}: {}", e.message), ..e })
}
