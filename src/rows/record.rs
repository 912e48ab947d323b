//! Rows that an engine makes, in the form in which the server sends its own, so that both are processed the same
//! way.

use jiff::Timestamp;
use tokio_postgres::types::Type;

use super::Column;
use super::cell::{self, ColumnType};

/// Returns the columns of an engine's answer, each written as in a report's header: `"pid int8"`. The type defaults
/// to text. A narrow terminal leaves out columns marked with a third word `wide`, the rightmost first.
pub fn columns(list: &[&str]) -> Vec<Column> {
    list.iter()
        .enumerate()
        .map(|(i, text)| {
            let (text, is_wide) = text.strip_suffix(" wide").map_or((*text, false), |text| (text, true));
            let (name, kind) = text.rsplit_once(' ').unwrap_or((text, "text"));
            let (kind, server_type) = ColumnType::by_name(kind).unwrap_or((ColumnType::TEXT, Type::TEXT));
            Column {
                name: name.to_owned(),
                kind,
                server_type,
                wide: is_wide.then_some(list.len() - i),
                usual: None,
                is_counter: false,
            }
        })
        .collect()
}

/// Returns the names out of a list of columns as [`columns`] takes it.
pub fn names<'a>(list: &[&'a str]) -> Vec<&'a str> {
    list.iter().map(|column| column.split(' ').next().unwrap_or(column)).collect()
}

/// One row, filled from left to right; `None` is NULL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row(Vec<Option<Vec<u8>>>);

impl Row {
    /// Creates an empty row.
    pub fn new() -> Row {
        Row::default()
    }

    /// Creates a row of values in the server's form, which are copied.
    pub fn of(raw: &[Option<&[u8]>]) -> Row {
        Row(raw.iter().map(|value| value.map(<[u8]>::to_vec)).collect())
    }

    fn push(mut self, value: Option<Vec<u8>>) -> Row {
        self.0.push(value);
        self
    }

    /// Adds a value of type text; bytes that are not UTF-8 are shown as everywhere else.
    pub fn text<T: AsRef<[u8]>>(self, value: Option<T>) -> Row {
        self.push(value.map(|text| text.as_ref().to_vec()))
    }

    /// Adds a value of type bool.
    pub fn bool(self, value: Option<bool>) -> Row {
        self.push(value.map(|yes| vec![u8::from(yes)]))
    }

    /// Adds a value of type int8.
    pub fn int8(self, value: Option<i64>) -> Row {
        self.push(value.map(|n| n.to_be_bytes().to_vec()))
    }

    /// Adds a value of type float8.
    pub fn float8(self, value: Option<f64>) -> Row {
        self.push(value.map(|x| x.to_be_bytes().to_vec()))
    }

    /// Adds a value of type timestamptz, converted from microseconds since 1970.
    pub fn timestamptz(self, value: Option<Timestamp>) -> Row {
        let micros = |t: Timestamp| match t {
            // The server's values for infinity.
            t if t == Timestamp::MAX => i64::MAX,
            t if t == Timestamp::MIN => i64::MIN,
            // The server counts from 2000-01-01, 946,684,800 seconds later.
            t => t.as_microsecond() - 946_684_800_000_000,
        };
        self.push(value.map(|t| micros(t).to_be_bytes().to_vec()))
    }

    /// Returns the row as the server would have sent it.
    pub fn raw(&self) -> cell::Raw<'_> {
        self.0.iter().map(Option::as_deref).collect()
    }
}

/// Declares the columns of an engine's answer and the function that makes one of its rows, both from one list of
/// names, types and values, so that heads and cells cannot disagree. A column marked `wide` is left out on a narrow
/// terminal, the rightmost first.
///
/// ```text
/// record! {
///     const COLUMNS;
///     fn row(job: &Job, since: Option<Timestamp>) {
///         name: text = Some(&job.name),
///         since: timestamptz wide = since,
///     }
/// }
/// ```
macro_rules! record {
    (
        const $columns:ident;
        fn $row:ident($($argument:ident: $type:ty),* $(,)?) {
            $($name:ident: $kind:ident $($wide:ident)? = $value:expr),* $(,)?
        }
    ) => {
        const $columns: &[&str] =
            &[$(concat!(stringify!($name), " ", stringify!($kind) $(, " ", stringify!($wide))?)),*];

        /// Makes a row with these columns.
        fn $row($($argument: $type),*) -> $crate::rows::Row {
            $crate::rows::Row::new()$(.$kind($value))*
        }
    };
}
pub(crate) use record;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::cell::Cell;

    record! {
        const COLUMNS;
        fn pair(name: &str, pid: Option<i64>) {
            name: text = Some(name),
            pid: int8 wide = pid,
        }
    }

    #[test]
    fn a_record_has_its_columns_and_cells_from_one_list() {
        assert_eq!(COLUMNS, ["name text", "pid int8 wide"]);
        assert_eq!(pair("a", Some(7)), Row::new().text(Some("a")).int8(Some(7)));
    }

    #[test]
    fn an_engines_row_decodes_as_the_servers() {
        let columns = columns(&["name text", "pid int8", "waited_s float8", "at timestamptz"]);
        let at: Timestamp = "2026-02-03T04:05:06.5Z".parse().unwrap();
        let row = Row::new().text(Some("a\tb")).int8(None).float8(Some(0.25)).timestamptz(Some(at));
        let cells: Vec<Cell<'_>> =
            columns.iter().zip(row.raw()).map(|(c, raw)| c.kind.decode(raw).unwrap()).collect();
        assert_eq!(cells[..3], [Cell::Text("a\tb".into()), Cell::Null, Cell::Float(0.25)]);
        assert_eq!(crate::rows::plain::plain(&cells[3]), "2026-02-03T04:05:06.5Z");
    }
}
