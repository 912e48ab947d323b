//! The way of an engine's rows to stdout: the pipeline and formats that reports have.

use super::context::Context;
use crate::commands::args::FormatArgs;
use crate::error::Result;
use crate::output::{self, Output};
use crate::pipeline::Pipeline;
use crate::render::{Format, Style};
use crate::rows::Flow;
use crate::rows::{self, Row};
use crate::terminal;

/// An answer that is being printed.
pub struct Listing {
    pipeline: Pipeline,
    out: Output,
}

impl Listing {
    /// Checks what is wished for against the columns (see [`rows::columns`]), and prints the head.
    ///
    /// Errors: a column that is not there (64), `--grep` is no regular expression (65).
    pub fn new(context: &Context, name: &str, columns: &[&str], args: &FormatArgs) -> Result<Listing> {
        Listing::for_people(context, name, columns, args, |_| None)
    }

    /// As [`Listing::new`]; where stdout is a terminal and nobody asked for a format or for columns, `people` may show
    /// the rows in a way of their own.
    pub fn for_people(
        context: &Context,
        name: &str,
        columns: &[&str],
        args: &FormatArgs,
        people: impl FnOnce(&Style) -> Option<Box<dyn Format>>,
    ) -> Result<Listing> {
        let terminal = terminal::size(context.env.var("COLUMNS"));
        let style = args.style(terminal, &context.env);
        let format = args.format(terminal.is_some());
        let mut pipeline = Pipeline::new(name, rows::columns(columns), &args.wishes()?, format, &style)?;
        let own_way = terminal.is_some() && args.is_plain();
        if let Some(format) = own_way.then(|| people(&style)).flatten() {
            pipeline = pipeline.shown_by(format);
        }
        let mut out = Output::new(None, 0)?;
        pipeline.head(&mut out);
        Ok(Listing { pipeline, out })
    }

    /// Hands one row on. Says whether more are wanted.
    pub fn push(&mut self, row: &Row) -> Result<Flow> {
        self.push_raw(&row.raw())
    }

    /// Hands one row on, in the server's form.
    pub fn push_raw(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        self.pipeline.push(raw, &mut self.out)
    }

    /// Shows what has come so far, because nothing more comes for now.
    pub fn flush(&mut self) -> Result<output::Reader> {
        self.pipeline.end_round(&mut self.out)?;
        self.out.flush()
    }

    /// Hands on what is ready; a format that lays out rows together keeps them until it has more, or all.
    pub fn pass(&mut self) -> Result<output::Reader> {
        self.out.flush()
    }

    /// All rows have come.
    pub async fn finish(mut self) -> Result<()> {
        self.pipeline.end_round(&mut self.out)?;
        self.pipeline.end(&mut self.out);
        self.out.finish().await
    }
}
