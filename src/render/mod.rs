//! From typed cells to bytes, with one small file per format. A format knows nothing about reports.

pub mod csv;
mod format;
pub mod human;
mod json;
mod markdown;
mod table;
mod tree;
mod tsv;
mod vertical;

pub use format::{Format, Style, local_zone, raw_tsv_line, tsv_line};

use crate::rows::Column;

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
        FormatName::Tree => Box::new(tree::Drawing::new(columns, style)),
    }
}
