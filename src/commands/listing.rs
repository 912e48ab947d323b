//! Takes an engine's rows to stdout, through the same pipeline and formats as a report's.

use super::context::Context;
use crate::commands::args::FormatArgs;
use crate::error::Result;
use crate::output::terminal;
use crate::output::{self, Output};
use crate::pipeline::Pipeline;
use crate::render::{Format, Style};
use crate::rows::Flow;
use crate::rows::{self, Row};

/// An answer that is being printed.
pub struct Listing {
    pipeline: Pipeline,
    out: Output,
}

impl Listing {
    /// Checks the flags against the columns (see [`rows::columns`]), and prints the head.
    ///
    /// Errors: there is no such column (64), `--grep` is no valid regular expression (65).
    pub fn new(context: &Context, name: &str, columns: &[&str], args: &FormatArgs) -> Result<Listing> {
        Listing::for_people(context, name, columns, args, |_| None)
    }

    /// Does the same as [`Listing::new`]; but if stdout is a terminal, and neither a format nor columns were asked
    /// for, `people` may show the rows in its own way.
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
        let mut pipeline = Pipeline::new(name, rows::columns(columns), &args.row_options()?, format, &style)?;
        let own_way = terminal.is_some() && args.is_plain();
        if let Some(format) = own_way.then(|| people(&style)).flatten() {
            pipeline = pipeline.shown_by(format);
        }
        let mut out = Output::new(None, 0)?;
        pipeline.head(&mut out);
        Ok(Listing { pipeline, out })
    }

    /// Passes one row on. Returns whether more are wanted.
    pub fn push(&mut self, row: &Row) -> Result<Flow> {
        self.push_raw(&row.raw())
    }

    /// Passes one row on, in the server's form.
    pub fn push_raw(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        self.pipeline.push(raw, &mut self.out)
    }

    /// Shows the rows so far, because no more will come for now.
    pub fn flush(&mut self) -> Result<output::Reader> {
        self.pipeline.end_round(&mut self.out)?;
        self.out.flush()
    }

    /// Passes on what is ready; a format that lays out rows together keeps them until it has more of them, or all.
    pub fn pass(&mut self) -> Result<output::Reader> {
        self.out.flush()
    }

    /// Finishes the output after the last row.
    pub async fn finish(mut self) -> Result<()> {
        self.pipeline.end_round(&mut self.out)?;
        self.pipeline.end(&mut self.out);
        self.out.finish().await
    }
}
