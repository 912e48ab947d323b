//! Runs statements that end at the first damaged table or index, and goes on behind it.

use crate::answer::{ArgValue, Outcome, Remarks, ReportRun};
use crate::error::{Error, Result};
use crate::rows::cell::Cell;
use crate::rows::{Column, Flow, RowSink};
use crate::session::Reader;

/// The SQLSTATEs of data and of an index that are damaged.
const DAMAGED: [&str; 2] = ["XX001", "XX002"];
/// The SQLSTATE of a lock that was not available in time. When the statement is run again, it sees the lock and skips what is
/// locked.
const LOCKED: &str = "55P03";

/// The parameter for the value of the first column in the last row before the damage.
const AFTER: &str = "resume_after";
/// The parameter for the server's message about the damage. If it is set, the first row must be that of what is damaged.
const DAMAGE: &str = "resume_damage";

/// Returns whether an error of the server says that it met damaged data.
pub fn is_damage(e: &Error) -> bool {
    e.sqlstate.as_deref().is_some_and(|state| DAMAGED.contains(&state))
}

/// Runs a report and passes its rows on, as [`ReportRun::answer`] does. If its statement ends at something damaged or
/// locked, and the report has the parameters for that, it is run again and goes on behind it.
///
/// Errors: those of [`ReportRun::answer`]; the statement ended again without another row.
pub async fn answer(
    run: &mut ReportRun<'_>,
    reader: &mut Reader,
    sink: &mut dyn RowSink,
    tell: Remarks<'_>,
) -> Result<Outcome> {
    let Some(column) = run.report.columns.first().filter(|_| place(run, AFTER).is_some()).cloned() else {
        return run.answer(reader, sink, tell).await;
    };
    let mut followed = Followed { sink, column, last: None };
    loop {
        let before = followed.last;
        let e = match run.answer(reader, &mut followed, tell).await {
            Err(e) if is_damage(&e) || e.sqlstate.as_deref() == Some(LOCKED) => e,
            other => return other,
        };
        let damage = is_damage(&e).then(|| e.server_message().to_owned());
        let is_told = place(run, DAMAGE).is_some_and(|place| run.given[place] != ArgValue::Nothing);
        if followed.last == before && (damage.is_none() || is_told) {
            return Err(e);
        }
        set(run, AFTER, followed.last.map_or(ArgValue::Nothing, ArgValue::Number));
        set(run, DAMAGE, damage.map_or(ArgValue::Nothing, ArgValue::Text));
        reader.reopen(None).await?;
    }
}

/// Returns the place of a parameter, if the report has it.
fn place(run: &ReportRun<'_>, name: &str) -> Option<usize> {
    run.report.params.iter().position(|param| param.name == name)
}

fn set(run: &mut ReportRun<'_>, name: &str, value: ArgValue) {
    if let Some(place) = place(run, name) {
        run.given[place] = value;
    }
}

/// Passes rows on, and keeps the number in the first column of the last row.
struct Followed<'a> {
    sink: &'a mut dyn RowSink,
    column: Column,
    last: Option<i64>,
}

impl RowSink for Followed<'_> {
    fn head(&mut self, columns: &[Column]) -> Result<()> {
        self.sink.head(columns)
    }

    fn row(&mut self, raw: &[Option<&[u8]>]) -> Result<Flow> {
        let flow = self.sink.row(raw)?;
        if let Cell::Int(number) = self.column.decode(raw.first().copied().flatten())? {
            self.last = Some(number);
        }
        Ok(flow)
    }

    fn end(&mut self) -> Result<()> {
        self.sink.end()
    }

    fn wants_none(&self) -> bool {
        self.sink.wants_none()
    }
}
