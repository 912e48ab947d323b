//! What an output format is, and the list of formats.

use jiff::tz::TimeZone;

use super::{csv, json, markdown, sections, table, tree, tsv, vertical};
use crate::rows::cell::{Cell, Timestamps};
use crate::rows::{Column, Sections, Tree};

/// The formats of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum FormatName {
    /// Aligned columns for people, with units
    Table,
    /// One object per line, with tabs between its values, escaped as in COPY's text format
    Tsv,
    /// RFC 4180, with a header
    Csv,
    /// One array of objects
    Json,
    /// One object per line
    Jsonl,
    /// A table for an issue or a wiki, with units
    Markdown,
    /// One value per line, with units
    Vertical,
    /// A tree, with units, for reports that have one
    Tree,
    /// Facts under headings, with units, for reports that have them
    Sections,
}

/// The options of the output, for any format.
#[derive(Debug, Clone)]
pub struct Style {
    /// With or without a header; `None` means what is usual for the format.
    pub header: Option<bool>,
    /// Bold headers and the like.
    pub color: bool,
    /// The terminal's width, if stdout is a terminal.
    pub width: Option<usize>,
    /// The user chose the columns (`--columns`), so none may be left out.
    pub all_columns: bool,
    /// How rows form a tree, if they do.
    pub tree: Option<Tree>,
    /// How rows are facts under headings, if they are.
    pub sections: Option<Sections>,
    /// Whether a JSON answer is on one line, for `--watch`.
    pub one_line: bool,
    /// Whether csv avoids texts that a spreadsheet would take for a formula.
    pub csv_safe: bool,
    /// The time zone for people. It is looked up only when a time is shown, since that reads many files.
    pub zone: Zone,
}

#[cfg(test)]
impl Style {
    /// The style of a terminal of this width, or of none, with nothing special.
    pub fn plain(width: Option<usize>) -> Style {
        Style {
            header: None,
            color: false,
            width,
            all_columns: false,
            tree: None,
            sections: None,
            one_line: false,
            csv_safe: false,
            zone: std::rc::Rc::new(std::cell::LazyCell::new(|| TimeZone::UTC)),
        }
    }
}

/// A time zone that is looked up when it is needed.
pub type Zone = std::rc::Rc<std::cell::LazyCell<TimeZone>>;

/// Returns the zone of this machine and its user (`TZ`).
pub fn local_zone() -> Zone {
    std::rc::Rc::new(std::cell::LazyCell::new(TimeZone::system))
}

/// Turns rows into bytes. Every method appends to `out`.
pub trait Format {
    /// Appends what comes before the first row.
    fn head(&mut self, out: &mut Vec<u8>);
    /// Appends one row, which has as many cells as there are columns.
    fn row(&mut self, cells: &[Cell<'_>], out: &mut Vec<u8>);
    /// Appends one row as the server sent it, if that is faster than with cells; `false` if the row must come as
    /// cells.
    fn plain_row(&mut self, _raw: &[Option<&[u8]>], _out: &mut Vec<u8>) -> bool {
        false
    }
    /// Appends what has been held back so far, because the reader is waiting.
    fn flush(&mut self, _out: &mut Vec<u8>) {}
    /// Appends what comes after the last row.
    fn end(&mut self, out: &mut Vec<u8>);
}

/// Returns the format of this name for these columns.
pub fn format(name: FormatName, columns: &[Column], style: &Style) -> Box<dyn Format> {
    let columns = columns.to_vec();
    let style = style.clone();
    match name {
        FormatName::Table => Box::new(table::Table::new(columns, style)),
        FormatName::Tsv => Box::new(tsv::Tsv::new(columns, &style)),
        FormatName::Csv => Box::new(csv::Csv::new(columns, &style)),
        FormatName::Json => Box::new(json::Json::new(
            columns,
            if style.one_line { json::Shape::Line } else { json::Shape::Array },
        )),
        FormatName::Jsonl => Box::new(json::Json::new(columns, json::Shape::Lines)),
        FormatName::Markdown => Box::new(markdown::Markdown::new(columns, style)),
        FormatName::Vertical => Box::new(vertical::Vertical::new(columns, style)),
        FormatName::Sections => Box::new(sections::Blocks::new(columns, style)),
        FormatName::Tree => Box::new(tree::Drawing::new(columns, style)),
    }
}

/// Appends one row as a tsv line, without the line feed: the text that `--grep` searches.
pub fn tsv_line(cells: &[Cell<'_>], out: &mut Vec<u8>) {
    tsv::line(cells, false, out);
}

/// Works like [`tsv_line`], but on values as the server sent them. Returns `false`, and appends nothing, if a type
/// needs cells.
pub fn raw_tsv_line(
    columns: &[Column],
    raw: &[Option<&[u8]>],
    times: &mut Timestamps,
    out: &mut Vec<u8>,
) -> bool {
    tsv::raw_line(columns, raw, times, false, out)
}

/// Returns whether this is a column of numbers, which are aligned to the right.
pub(super) fn is_number(column: &Column) -> bool {
    use crate::rows::cell::Scalar as S;
    !column.kind.list
        && matches!(
            column.kind.scalar,
            S::Int2 | S::Int4 | S::Int8 | S::Oid | S::Float4 | S::Float8 | S::Numeric
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::cell::ColumnType;

    fn column(name: &str, kind: &str) -> Column {
        let (kind, server_type) = ColumnType::by_name(kind).unwrap();
        Column { name: name.into(), kind, server_type, wide: None, usual: None, is_counter: false }
    }

    /// All of a report of two rows, the second with the nastiest name.
    fn render(format_name: FormatName, width: Option<usize>) -> String {
        let columns = [column("name", "text"), column("total_bytes", "int8"), column("tags", "text[]")];
        let style = Style::plain(width);
        let mut format = format(format_name, &columns, &style);
        let mut out = Vec::new();
        format.head(&mut out);
        format.row(&[Cell::Text("plain".into()), Cell::Int(8192), Cell::Null], &mut out);
        let nasty = "a\t\"b\"|\\N\n\u{1b}[31m\u{202e}\u{9b}表🐘";
        let tags = Cell::List(vec![Cell::Text("x y".into()), Cell::Null, Cell::Text("null".into())]);
        format.row(&[Cell::Text(nasty.into()), Cell::Null, tags], &mut out);
        format.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tsv_is_what_copy_reads() {
        assert_eq!(
            render(FormatName::Tsv, None),
            "plain\t8192\t\na\\t\"b\"|\\\\N\\n\\x1b[31m\u{202e}\\xc2\\x9b表🐘\t\t{\"x y\",NULL,\"null\"}\n"
        );
    }

    #[test]
    fn csv_quotes_what_rfc_4180_says() {
        assert_eq!(
            render(FormatName::Csv, None),
            "name,total_bytes,tags\nplain,8192,\n\"a\t\"\"b\"\"|\\N\n\u{1b}[31m\u{202e}\u{9b}表🐘\",,\"{\"\"x y\"\",NULL,\"\"null\"\"}\"\n"
        );
    }

    #[test]
    fn json_reads_back_and_sends_no_control_character() {
        let text = render(FormatName::Json, None);
        assert!(!text.chars().any(|c| c != '\n' && crate::escape::is_unsafe(c)), "{text:?}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value[0]["total_bytes"], 8192);
        assert_eq!(value[0]["tags"], serde_json::Value::Null);
        assert_eq!(value[1]["name"], "a\t\"b\"|\\N\n\u{1b}[31m\u{202e}\u{9b}表🐘");
        assert_eq!(value[1]["tags"], serde_json::json!(["x y", null, "null"]));
        assert_eq!(render(FormatName::Jsonl, None).lines().count(), 2);
    }

    #[test]
    fn what_people_read_is_safe_and_has_units() {
        for name in [FormatName::Table, FormatName::Markdown, FormatName::Vertical] {
            for width in [None, Some(60), Some(20)] {
                let text = render(name, width);
                assert!(!text.chars().any(|c| c != '\n' && crate::escape::is_unsafe(c)), "{text:?}");
                assert!(text.contains("8 kB"), "{text}");
                assert!(!text.contains("_bytes"), "{text}");
            }
        }
    }
}
