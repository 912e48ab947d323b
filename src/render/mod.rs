//! From typed cells to bytes, with one small file per format. A format knows nothing about reports.

pub mod csv;
mod format;
pub mod human;
mod json;
mod markdown;
mod sections;
mod table;
mod tree;
mod tsv;
mod vertical;

pub use format::{Format, FormatName, Style, format, local_zone, raw_tsv_line, tsv_line};
