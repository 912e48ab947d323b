//! Compares an answer with an earlier one: which rows are new, gone or changed, and by how much.

use std::collections::{HashMap, HashSet};

use tokio_postgres::types::Type;

use super::cell::{Cell, ColumnType, Raw, Scalar};
use super::plain::plain;
use super::{Column, Flow, encode};
use crate::error::{Error, Result};

/// The prefix of a column with the earlier values of another one.
const WAS: &str = "was_";
/// The prefix of a column with the changes of another one.
const CHANGE: &str = "change_";
/// The prefix of a column with the changes a second of another one.
const RATE: &str = "rate_";

/// Returns the column that a column of differences is about; `None` if this is no such column.
pub fn compared(name: &str) -> Option<&str> {
    [WAS, CHANGE, RATE].iter().find_map(|prefix| name.strip_prefix(prefix))
}

/// Returns the column whose changes a column of this name has; `None` if it has none.
pub fn changed(name: &str) -> Option<&str> {
    name.strip_prefix(CHANGE)
}

/// Returns the name of the column with the changes of this one.
pub fn change_of(name: &str) -> String {
    format!("{CHANGE}{name}")
}

/// The column that says what happened to a row.
pub const STATUS: &str = "status";

/// A row of the earlier answer.
#[derive(Debug)]
struct Earlier {
    database: Option<String>,
    /// Its values, in the order of the later answer's columns; `None` where it does not have the column.
    cells: Vec<Option<Cell<'static>>>,
    is_found: bool,
}

/// How a column of the later answer is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It identifies the row.
    Key,
    /// Its numbers can be subtracted.
    Number,
    /// Its values can only be equal or not.
    Value,
    /// The earlier answer does not have it, or has it with another type.
    New,
}

/// Which changes of a row are known.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Those of counters: they go on from those of the earlier answer.
    counters: bool,
    /// Those of other numbers: both answers have measured them, or both have estimated them.
    numbers: bool,
}

/// What is known of a row that only one of the answers has.
const NOTHING: Known = Known { counters: false, numbers: true };

/// Two answers that are compared.
#[derive(Debug)]
pub struct Differ {
    columns: Vec<Column>,
    kinds: Vec<Kind>,
    /// For each column, its place in the earlier answer.
    places: Vec<Option<usize>>,
    earlier_columns: Vec<Column>,
    earlier: HashMap<Vec<u8>, Earlier>,
    /// The column that says how sure the numbers of a row are.
    doubt: Option<usize>,
    /// The columns that are not compared.
    incidental: Vec<usize>,
    /// The keys of the earlier answer in its order, for the rows that are gone.
    order: Vec<Vec<u8>>,
    /// The keys of the later answer so far.
    later: HashSet<Vec<u8>>,
    /// The seconds between the two answers, if they are known.
    pub seconds: Option<f64>,
    /// Whether the counters of the rows that follow go on from those of the earlier answer.
    pub counters_go_on: bool,
    /// How many rows differ.
    pub differences: u64,
    /// How many rows have counters that began anew in between.
    pub restarted: u64,
}

/// The rows of a difference go here, each with its database.
pub type Out<'a> = &'a mut dyn FnMut(Option<&str>, &[Option<&[u8]>]) -> Result<Flow>;

impl Differ {
    /// Compares an answer with these columns, of which some are the key, with an earlier one with those.
    ///
    /// Errors: there is no key, or the earlier answer does not have all of its columns (65).
    pub fn new(report: &str, columns: &[Column], key: &[String], earlier: &[Column]) -> Result<Differ> {
        if key.is_empty() {
            return Err(Error::data(format!("{report}: the rows cannot be compared, because it has no key"))
                .hint("name the columns that identify a row in the report's header: key = [\"schema\", \"name\"]"));
        }
        let place = |column: &Column| earlier.iter().position(|other| other.name == column.name);
        let places: Vec<Option<usize>> = columns.iter().map(place).collect();
        if let Some(missing) = key.iter().find(|name| earlier.iter().all(|other| other.name != **name)) {
            return Err(Error::data(format!(
                "{report}: the rows cannot be compared: the earlier answer has no column {missing:?}"
            ))
            .hint(format!("take the earlier answer again, with the columns {}", key.join(", "))));
        }
        let kind = |(column, place): (&Column, &Option<usize>)| match place {
            _ if key.contains(&column.name) => Kind::Key,
            Some(place) if is_number(column.kind) && is_number(earlier[*place].kind) => Kind::Number,
            Some(place) if class(column.kind) == class(earlier[*place].kind) => Kind::Value,
            _ => Kind::New,
        };
        Ok(Differ {
            kinds: columns.iter().zip(&places).map(kind).collect(),
            columns: columns.to_vec(),
            places,
            earlier_columns: earlier.to_vec(),
            earlier: HashMap::new(),
            doubt: None,
            incidental: Vec::new(),
            order: Vec::new(),
            later: HashSet::new(),
            seconds: None,
            counters_go_on: true,
            differences: 0,
            restarted: 0,
        })
    }

    /// Sets the column that says how sure the numbers of a row are. Where it differs, a change of them may only be one from
    /// a measured number to an estimated one.
    pub fn with_doubt(mut self, column: Option<&str>) -> Differ {
        self.doubt = column.and_then(|name| self.columns.iter().position(|column| column.name == name));
        self
    }

    /// Sets the columns that are not compared. A row that differs only in them is not reported as changed.
    pub fn with_incidental(mut self, columns: &[String]) -> Differ {
        let at = |name: &String| self.columns.iter().position(|column| column.name == *name);
        self.incidental = columns.iter().filter_map(at).collect();
        self
    }

    /// Returns the names of the columns that are not compared, because only one answer has them, or because they are of
    /// different types.
    pub fn not_compared(&self) -> Vec<&str> {
        let new = self.columns.iter().zip(&self.kinds).filter(|(_, kind)| **kind == Kind::New);
        let new = new.map(|(column, _)| column.name.as_str());
        let gone = self.earlier_columns.iter().map(|column| column.name.as_str());
        new.chain(gone.filter(|name| self.columns.iter().all(|column| column.name != *name))).collect()
    }

    /// Returns whether any column that is compared is a counter.
    pub fn has_counters(&self) -> bool {
        self.columns.iter().zip(&self.kinds).any(|(column, kind)| column.is_counter && *kind == Kind::Number)
    }

    /// Returns the columns of the difference.
    pub fn columns(&self) -> Vec<Column> {
        let width = self.columns.len();
        let added = |prefix: &str,
                     of: &Column,
                     (kind, server_type): (ColumnType, Type),
                     wide: Option<usize>| Column {
            name: format!("{prefix}{}", of.name),
            kind,
            server_type,
            wide,
            usual: None,
            is_counter: false,
        };
        // A change of 0 says nothing.
        let change = |column: Column| Column { usual: Some("0".to_owned()), ..column };
        let mut all = vec![Column::text(STATUS)];
        for (i, (column, kind)) in self.columns.iter().zip(&self.kinds).enumerate() {
            // A narrow terminal leaves out the earlier values first, then the values and at last the changes of what it
            // leaves out of the report too.
            all.push(Column { wide: column.wide.map(|wide| width + wide), ..column.clone() });
            let wide = column.wide.map(|wide| 3 * width + wide * 2);
            if matches!(kind, Kind::Number | Kind::Value) {
                let was = added(WAS, column, (column.kind, column.server_type.clone()), Some(i));
                all.push(Column { usual: column.usual.clone(), ..was });
            }
            if *kind == Kind::Number {
                all.push(change(added(CHANGE, column, change_type(column.kind), wide)));
                if column.is_counter {
                    let float8 = (ColumnType { scalar: Scalar::Float8, list: false }, Type::FLOAT8);
                    all.push(change(added(RATE, column, float8, wide.map(|wide| wide + 1))));
                }
            }
        }
        all
    }

    /// Takes a row of the earlier answer, of this database.
    ///
    /// Errors: a value cannot be read, or two rows have the same key (65).
    pub fn earlier(&mut self, database: Option<&str>, raw: &[Option<&[u8]>]) -> Result<()> {
        let read = |place: &Option<usize>| {
            let at = (*place)?;
            let (column, raw) = (self.earlier_columns.get(at)?, raw.get(at)?);
            Some(column.decode(*raw).map(owned))
        };
        let cells: Vec<Option<Cell<'static>>> =
            self.places.iter().map(|place| read(place).transpose()).collect::<Result<_>>()?;
        let key = self.key(database, |i| cells.get(i).and_then(Option::as_ref));
        let row = Earlier { database: database.map(str::to_owned), cells, is_found: false };
        if self.earlier.insert(key.clone(), row).is_some() {
            return Err(self.duplicate("the earlier answer", &key));
        }
        self.order.push(key);
        Ok(())
    }

    /// Takes a row of the later answer, of this database, and passes on how it differs, if it does.
    ///
    /// Errors: a value cannot be read, or two rows have the same key (65); or those of `out`.
    pub fn later(&mut self, database: Option<&str>, raw: &[Option<&[u8]>], out: Out<'_>) -> Result<Flow> {
        let read = |(column, raw): (&Column, &Option<&[u8]>)| column.decode(*raw).map(owned);
        let cells: Vec<Cell<'static>> = self.columns.iter().zip(raw).map(read).collect::<Result<_>>()?;
        let key = self.key(database, |i| cells.get(i));
        if !self.later.insert(key.clone()) {
            return Err(self.duplicate("the answer", &key));
        }
        let mut row = Vec::new();
        let Some(earlier) = self.earlier.get_mut(&key) else {
            self.differences += 1;
            row.push(Some(b"new".to_vec()));
            for (i, value) in raw.iter().enumerate() {
                row.push(value.map(<[u8]>::to_vec));
                self.push_change(i, Some(&cells[i]), None, NOTHING, &mut row)?;
            }
            return pass(database, &row, out);
        };
        earlier.is_found = true;
        let was: Vec<Option<Cell<'static>>> = std::mem::take(&mut earlier.cells);
        let differs = |i: usize| match (&self.kinds[i], &was[i]) {
            _ if self.incidental.contains(&i) => false,
            (Kind::Number | Kind::Value, Some(was)) => !is_same(&cells[i], was),
            _ => false,
        };
        if !(0..cells.len()).any(differs) {
            return Ok(Flow::More);
        }
        self.differences += 1;
        let has_restarted = (0..cells.len()).any(|i| self.has_restarted(i, &cells[i], was[i].as_ref()));
        self.restarted += u64::from(has_restarted && self.counters_go_on && self.has_counters());
        let is_as_sure = |i: usize| was[i].as_ref().is_none_or(|was| is_same(&cells[i], was));
        let known = Known {
            counters: self.counters_go_on && !has_restarted,
            numbers: self.doubt.is_none_or(is_as_sure),
        };
        row.push(Some(b"changed".to_vec()));
        for (i, value) in raw.iter().enumerate() {
            row.push(value.map(<[u8]>::to_vec));
            let earlier = was[i].as_ref().unwrap_or(&Cell::Null);
            self.push_change(i, Some(&cells[i]), Some(earlier), known, &mut row)?;
        }
        pass(database, &row, out)
    }

    /// Passes on the rows of the earlier answer that the later one does not have, except those of databases that were not
    /// looked at. Errors: those of `out`.
    pub fn gone(&mut self, was_looked_at: &dyn Fn(Option<&str>) -> bool, out: Out<'_>) -> Result<Flow> {
        for key in std::mem::take(&mut self.order) {
            let Some(earlier) = self.earlier.get(&key) else { continue };
            if earlier.is_found || !was_looked_at(earlier.database.as_deref()) {
                continue;
            }
            let mut row = vec![Some(b"gone".to_vec())];
            for (i, was) in earlier.cells.iter().enumerate() {
                match (&self.kinds[i], was) {
                    (Kind::Key, Some(was)) => row.push(self.encoded(i, was)?),
                    _ => row.push(None),
                }
                let was = was.as_ref().unwrap_or(&Cell::Null);
                self.push_change(i, None, Some(was), NOTHING, &mut row)?;
            }
            self.differences += 1;
            if pass(earlier.database.as_deref(), &row, out)? == Flow::Enough {
                return Ok(Flow::Enough);
            }
        }
        Ok(Flow::More)
    }

    /// Returns whether a value shows that the counters of its row began anew: a counter is lower now, the time in a column
    /// `since` has changed, or the row is the sum over another number of `members`.
    fn has_restarted(&self, i: usize, cell: &Cell<'_>, was: Option<&Cell<'_>>) -> bool {
        let Some(was) = was else { return false };
        let column = &self.columns[i];
        let is_lower = || {
            let change = difference(cell, was).map(|change| plain(&change).into_owned());
            change.is_some_and(|change| change.starts_with('-'))
        };
        let differs = *cell != Cell::Null && *was != Cell::Null && !is_same(cell, was);
        let is_mark = ["since", "members"].contains(&column.name.as_str());
        (column.is_counter && is_lower()) || (is_mark && differs)
    }

    /// Adds the earlier value of a column, the change, and the rate, as far as the column has them. `None` is a row that one
    /// of the answers does not have: its numbers count as 0 there, but not those of counters, which may be much older than
    /// the row's name.
    fn push_change(
        &self,
        i: usize,
        cell: Option<&Cell<'_>>,
        was: Option<&Cell<'_>>,
        known: Known,
        row: &mut Vec<Option<Vec<u8>>>,
    ) -> Result<()> {
        let column = &self.columns[i];
        if !matches!(self.kinds[i], Kind::Number | Kind::Value) {
            return Ok(());
        }
        row.push(was.map_or(Ok(None), |was| self.encoded(i, was))?);
        if self.kinds[i] == Kind::Value {
            return Ok(());
        }
        let zero = Cell::Int(0);
        let change = match (cell, was) {
            (Some(cell), Some(was)) => {
                let is_known = if column.is_counter { known.counters } else { known.numbers };
                difference(cell, was).filter(|_| is_known)
            }
            (cell, was) => {
                difference(cell.unwrap_or(&zero), was.unwrap_or(&zero)).filter(|_| !column.is_counter)
            }
        };
        let as_bytes = |change: &Cell<'_>| {
            let (kind, _) = change_type(column.kind);
            encode::encode(kind.scalar, &plain(change)).ok()
        };
        row.push(change.as_ref().and_then(as_bytes));
        if column.is_counter {
            let amount = change.as_ref().and_then(Cell::as_float).filter(|amount| *amount >= 0.0);
            let rate = amount.zip(self.seconds).map(|(amount, seconds)| to_thousandths(amount / seconds));
            row.push(rate.map(|rate| rate.to_be_bytes().to_vec()));
        }
        Ok(())
    }

    /// Returns an earlier value in the type of the later column.
    fn encoded(&self, i: usize, cell: &Cell<'_>) -> Result<Option<Vec<u8>>> {
        let column = &self.columns[i];
        let scalar = |cell: &Cell<'_>| match cell {
            Cell::Null => Ok(None),
            cell => encode::encode(column.kind.scalar, &plain(cell)).map(Some),
        };
        let encoded = match cell {
            Cell::List(cells) => cells
                .iter()
                .map(scalar)
                .collect::<std::result::Result<Vec<_>, _>>()
                .and_then(|cells| encode::array(&cells).map(Some)),
            cell => scalar(cell),
        };
        encoded.map_err(|why| Error::data(format!("column {:?} of the earlier answer: {why}", column.name)))
    }

    /// Returns the bytes that identify a row.
    fn key<'c>(&self, database: Option<&str>, cell: impl Fn(usize) -> Option<&'c Cell<'c>>) -> Vec<u8> {
        let mut key = Vec::new();
        let mut push = |text: Option<&str>| match text {
            None => key.push(0),
            Some(text) => {
                key.push(1);
                key.extend_from_slice(text.as_bytes());
                // No UTF-8 text contains this byte, so it is clear where each text ends.
                key.push(0xFF);
            }
        };
        push(database);
        for (i, _) in self.kinds.iter().enumerate().filter(|(_, kind)| **kind == Kind::Key) {
            match cell(i) {
                None | Some(Cell::Null) => push(None),
                Some(cell) => push(Some(&plain(cell))),
            }
        }
        key
    }

    fn duplicate(&self, answer: &str, key: &[u8]) -> Error {
        let shown: Vec<String> = key
            .split(|byte| matches!(byte, 0 | 1 | 0xFF))
            .filter(|part| !part.is_empty())
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect();
        let names: Vec<&str> = self
            .columns
            .iter()
            .zip(&self.kinds)
            .filter(|(_, kind)| **kind == Kind::Key)
            .map(|(column, _)| column.name.as_str())
            .collect();
        Error::data(format!(
            "the rows cannot be compared: {answer} has two rows with the key {}",
            shown.join(", ")
        ))
        .hint(format!("the key of the report is {}", names.join(", ")))
    }
}

fn pass(database: Option<&str>, row: &[Option<Vec<u8>>], out: Out<'_>) -> Result<Flow> {
    let raw: Raw<'_> = row.iter().map(Option::as_deref).collect();
    out(database, &raw)
}

fn is_number(kind: ColumnType) -> bool {
    let is_fraction = matches!(kind.scalar, Scalar::Float4 | Scalar::Float8 | Scalar::Numeric) && !kind.list;
    // An oid is a name.
    is_fraction || (kind.is_whole_number() && kind.scalar != Scalar::Oid)
}

/// Returns the type, with json in place of jsonb. Values whose types are the same then can be compared.
fn class(kind: ColumnType) -> (Scalar, bool) {
    let scalar = match kind.scalar {
        Scalar::Jsonb => Scalar::Json,
        other => other,
    };
    (scalar, kind.list)
}

/// Returns the type of the change of a number.
fn change_type(kind: ColumnType) -> (ColumnType, Type) {
    let of = |scalar, server_type| (ColumnType { scalar, list: false }, server_type);
    match kind.scalar {
        Scalar::Float4 | Scalar::Float8 => of(Scalar::Float8, Type::FLOAT8),
        Scalar::Numeric => of(Scalar::Numeric, Type::NUMERIC),
        _ => of(Scalar::Int8, Type::INT8),
    }
}

/// Returns whether two values are the same.
fn is_same(a: &Cell<'_>, b: &Cell<'_>) -> bool {
    match (a, b) {
        (Cell::Null, Cell::Null) => true,
        (Cell::Null, _) | (_, Cell::Null) => false,
        // As texts, NaN equals itself; as numbers, 1.0 equals 1.
        (a, b) => plain(a) == plain(b) || difference(a, b).is_some_and(|change| is_zero(&change)),
    }
}

fn is_zero(cell: &Cell<'_>) -> bool {
    match cell {
        Cell::Int(n) => *n == 0,
        Cell::Float(x) => *x == 0.0,
        Cell::Numeric(text) => !text.bytes().any(|b| (b'1'..=b'9').contains(&b)),
        _ => false,
    }
}

/// Returns the difference of two floats, without the digits that only their binary form brings about: 99.6 - 99.5 is 0.1.
fn float_difference(a: f64, b: f64) -> f64 {
    let largest = a.abs().max(b.abs());
    // A float has at least 15 decimal digits; the difference is as exact as the larger number.
    let decimals = 14.0 - largest.log10().floor();
    if (0.0..300.0).contains(&decimals) {
        format!("{:.*}", decimals as usize, a - b).parse().unwrap_or(a - b)
    } else {
        a - b
    }
}

/// Returns a rate with three decimals, or with four digits if it is below one: the time between two answers is not known
/// more exactly.
fn to_thousandths(x: f64) -> f64 {
    if x >= 1.0 { (x * 1e3).round() / 1e3 } else { format!("{x:.3e}").parse().unwrap_or(x) }
}

/// Returns a number less another; `None` if that is no number, or too large for its type.
fn difference(a: &Cell<'_>, b: &Cell<'_>) -> Option<Cell<'static>> {
    match (a, b) {
        (Cell::Int(a), Cell::Int(b)) => a.checked_sub(*b).map(Cell::Int),
        (Cell::Numeric(_) | Cell::Int(_), Cell::Numeric(_) | Cell::Int(_)) => {
            decimal_difference(&plain(a), &plain(b)).map(Cell::Numeric)
        }
        (
            Cell::Float(_) | Cell::Int(_) | Cell::Numeric(_),
            Cell::Float(_) | Cell::Int(_) | Cell::Numeric(_),
        ) => {
            let (a, b) = (a.as_float()?, b.as_float()?);
            (a - b).is_finite().then(|| Cell::Float(float_difference(a, b)))
        }
        _ => None,
    }
}

/// Returns the exact difference of two decimal numbers; `None` if one is not finite, or has too many digits.
fn decimal_difference(a: &str, b: &str) -> Option<String> {
    let scale = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let most = scale(a).max(scale(b));
    let scaled = |text: &str| -> Option<i128> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        format!("{whole}{fraction}{}", "0".repeat(most - fraction.len())).parse().ok()
    };
    let change = scaled(a)?.checked_sub(scaled(b)?)?;
    let digits = format!("{:0>width$}", change.unsigned_abs(), width = most + 1);
    let (whole, fraction) = digits.split_at(digits.len() - most);
    let sign = if change < 0 { "-" } else { "" };
    Some(if most == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// Returns a cell that borrows nothing.
fn owned(cell: Cell<'_>) -> Cell<'static> {
    match cell {
        Cell::Null => Cell::Null,
        Cell::Bool(b) => Cell::Bool(b),
        Cell::Int(n) => Cell::Int(n),
        Cell::Float(x) => Cell::Float(x),
        Cell::Numeric(text) => Cell::Numeric(text),
        Cell::Text(text) => Cell::Text(text.into_owned().into()),
        Cell::Timestamp { micros, zoned } => Cell::Timestamp { micros, zoned },
        Cell::Date(days) => Cell::Date(days),
        Cell::Interval { months, days, micros } => Cell::Interval { months, days, micros },
        Cell::Json(text) => Cell::Json(text.into_owned().into()),
        Cell::List(cells) => Cell::List(cells.into_iter().map(owned).collect()),
    }
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
