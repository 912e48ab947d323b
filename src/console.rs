//! Runs reports on PgBouncer's console. Its columns differ from version to version, and it cannot compute, so pgkit makes the
//! report's columns out of them.

use crate::answer::Outcome;
use crate::connect::CONSOLE;
use crate::error::{Error, Exit, Result};
use crate::report::{Report, Text};
use crate::rows::cell::{Raw, Scalar};
use crate::rows::{Column, Flow, RowSink};
use crate::session::{Console, Shown};

/// The factor from seconds to microseconds, in which sums are added up.
const MICRO: f64 = 1e6;

/// Where a report's column comes from.
struct Origin<'a> {
    column: &'a Column,
    /// The console's columns that it is the sum of: the index of each, and its factor to millionths. Empty if this version
    /// of PgBouncer has none of them.
    terms: Vec<(usize, f64)>,
}

/// Returns where each column of a report comes from in this answer.
///
/// Errors: the console has no column for one of the key (76): it is too old, or newer than what pgkit knows.
fn origins<'a>(report: &'a Report, text: &Text, shown: &Shown, version: &str) -> Result<Vec<Origin<'a>>> {
    let origin = |column: &'a Column| {
        let own = vec![column.name.clone()];
        let names = text.from.get(&column.name).unwrap_or(&own);
        let place = |name: &String| {
            let at = shown.columns.iter().position(|one| one == name)?;
            Some((at, if name.ends_with("_us") { 1.0 } else { MICRO }))
        };
        let terms: Vec<_> = names.iter().filter_map(place).collect();
        if terms.is_empty() && report.key.contains(&column.name) {
            return Err(Error::new(
                Exit::TooOld,
                format!("{}: PgBouncer {version} does not tell {}", report.name, column.name),
            )
            .caused_by(format!("its columns are {}", shown.columns.join(", "))));
        }
        Ok(Origin { column, terms })
    };
    report.columns.iter().map(origin).collect()
}

impl Origin<'_> {
    /// Returns the value in the binary form in which a server sends it; `None` if it is not known.
    ///
    /// Errors: a number is expected, and the console sent something else (65).
    fn value(&self, row: &[Option<String>]) -> Result<Option<Vec<u8>>> {
        let given = self.terms.iter().filter_map(|(at, unit)| Some((row.get(*at)?.as_deref()?, *unit)));
        let given: Vec<(&str, f64)> = given.collect();
        let Some((first, _)) = given.first() else { return Ok(None) };
        let no_number = |text: &str| {
            Error::data(format!("PgBouncer sent {text:?} where the number {} was due", self.column.name))
        };
        let value = match self.column.kind.scalar {
            Scalar::Int8 => {
                let add = |sum: i64, (text, _): &(&str, f64)| {
                    let number: Option<i64> = text.parse().ok();
                    number.and_then(|n| sum.checked_add(n)).ok_or_else(|| no_number(text))
                };
                given.iter().try_fold(0_i64, add)?.to_be_bytes().to_vec()
            }
            Scalar::Float8 => {
                let add = |sum: f64, (text, unit): &(&str, f64)| {
                    let number: std::result::Result<f64, _> = text.parse();
                    number.map(|n| sum + n * unit).map_err(|_| no_number(text))
                };
                (given.iter().try_fold(0.0, add)? / MICRO).to_be_bytes().to_vec()
            }
            _ => first.as_bytes().to_vec(),
        };
        Ok(Some(value))
    }
}

/// Runs a report on the console and passes its rows on, except for the pool of the console itself.
/// Like [`ReportRun::answer`](crate::answer::ReportRun::answer), it does not end the rows.
///
/// Errors: those of [`Console::show`]; an answer that pgkit cannot read (65, 76).
pub async fn answer(report: &Report, console: &Console, sink: &mut dyn RowSink) -> Result<Outcome> {
    let text = report.plain().ok_or_else(|| Error::bug(format!("{} has no text", report.name)))?;
    let shown = console.show(&text.sql).await?;
    let origins = origins(report, text, &shown, console.version())?;
    sink.head(&report.columns)?;
    let database = shown.columns.iter().position(|name| name == "database");
    let mut handed_on = 0;
    for row in &shown.rows {
        if database.and_then(|at| row.get(at)?.as_deref()) == Some(CONSOLE) {
            continue;
        }
        let values: Vec<Option<Vec<u8>>> = origins.iter().map(|one| one.value(row)).collect::<Result<_>>()?;
        let raw: Raw<'_> = values.iter().map(Option::as_deref).collect();
        handed_on += 1;
        if sink.row(&raw)? == Flow::Enough {
            return Ok(Outcome::Enough);
        }
    }
    Ok(Outcome::Complete(handed_on))
}

/// Returns the script of a report on the console, for psql.
pub fn script(report: &Report) -> Result<String> {
    let text = report.plain().ok_or_else(|| Error::bug(format!("{} has no text", report.name)))?;
    Ok(format!("-- {}\n-- In the database {CONSOLE} of PgBouncer.\n{};\n", report.summary, text.sql))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[&str]) -> Vec<Option<String>> {
        values.iter().map(|value| Some((*value).to_owned())).collect()
    }

    fn value(kind: &str, terms: &[(usize, f64)], row: &[Option<String>]) -> Result<Option<Vec<u8>>> {
        let (kind, server_type) = crate::rows::cell::ColumnType::by_name(kind).unwrap();
        let column = Column { kind, server_type, ..Column::text("c") };
        Origin { column: &column, terms: terms.to_vec() }.value(row)
    }

    #[test]
    fn a_column_is_the_sum_of_those_that_the_console_has() {
        let sent = row(&["3", "250000", "app", "x"]);
        assert_eq!(value("int8", &[(0, MICRO)], &sent).unwrap().unwrap(), 3_i64.to_be_bytes());
        assert_eq!(value("float8", &[(0, MICRO), (1, 1.0)], &sent).unwrap().unwrap(), 3.25_f64.to_be_bytes());
        assert_eq!(value("text", &[(2, 1.0)], &sent).unwrap().unwrap(), b"app");
        assert_eq!(value("int8", &[], &sent).unwrap(), None);
        assert_eq!(value("int8", &[(0, 1.0)], &[None]).unwrap(), None);
        assert!(value("int8", &[(3, 1.0)], &sent).unwrap_err().message.contains("\"x\""));
        // There is no rounding error, as in 0.8476469999999999.
        let wait = value("float8", &[(0, MICRO), (1, 1.0)], &row(&["0", "847647"]));
        assert_eq!(wait.unwrap().unwrap(), 0.847_647_f64.to_be_bytes());
        let most = row(&["9223372036854775807", "1"]);
        assert!(value("int8", &[(0, 1.0), (1, 1.0)], &most).is_err());
    }

    /// The columns of SHOW POOLS, from PgBouncer's sources.
    const POOLS: &[(&str, &str)] = &[
        (
            "1.12.0",
            "database user cl_active cl_waiting sv_active sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode",
        ),
        (
            "1.16.0",
            "database user cl_active cl_waiting cl_cancel_req sv_active sv_idle sv_used sv_tested sv_login maxwait \
             maxwait_us pool_mode",
        ),
        (
            "1.18.0",
            "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel \
             sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode",
        ),
        (
            "1.24.0",
            "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active sv_active_cancel \
             sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us pool_mode load_balance_hosts",
        ),
    ];

    #[test]
    fn every_version_of_the_console_tells_all_columns_that_it_has() {
        let pools = crate::report::built_in(|name| name == "pools").unwrap();
        let pools = pools.iter().find(|report| report.name == "pools").unwrap();
        let text = pools.plain().unwrap();
        for (version, columns) in POOLS {
            let columns = columns.split_whitespace().map(str::to_owned).collect();
            let mut shown = Shown { columns, rows: Vec::new() };
            let found = origins(pools, text, &shown, version).unwrap();
            let unknown = found.iter().filter(|one| one.terms.is_empty()).map(|one| one.column.name.as_str());
            let expected: &[&str] = if *version == "1.12.0" { &["cancels_waiting"] } else { &[] };
            assert_eq!(unknown.collect::<Vec<_>>(), expected, "{version}");
            shown.columns.retain(|name| name != "user");
            let error = origins(pools, text, &shown, version).err().unwrap();
            assert_eq!(error.message, format!("pools: PgBouncer {version} does not tell user"));
        }
    }
}
