//! The order of log files: that of their first entries, since the names of rotated files are in no order.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::reading::Reading;
use super::source::{Files, Named};
use crate::rows::Flow;

/// How many bytes of a file are read to find its first time.
const BEGINNING: u64 = 256 << 10;

/// Returns the files in the order of their first entries. Where that is not known, as of a pipe, or of a file that cannot be
/// read, the order is the one given.
pub fn in_order(paths: Vec<PathBuf>, reading: &Reading) -> Vec<PathBuf> {
    if paths.len() < 2 {
        return paths;
    }
    let times: Option<Vec<Timestamp>> = paths.iter().map(|path| first_time(path, reading)).collect();
    let Some(times) = times else { return paths };
    let mut all: Vec<(Timestamp, PathBuf)> = times.into_iter().zip(paths).collect();
    all.sort_by_key(|(time, _)| *time);
    all.into_iter().map(|(_, path)| path).collect()
}

/// Returns the time of a file's first entry.
fn first_time(path: &Path, reading: &Reading) -> Option<Timestamp> {
    // What a pipe has is gone once it was read.
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut files = Files::open([path.to_owned()], Named::ByUser).ok()?;
    let mut beginning = files.beginning(BEGINNING).ok()?;
    let mut stream = reading.begin(&beginning, &path.display().to_string()).ok()?;
    let mut first = None;
    let mut take = |record: &super::record::Record| {
        first = first.or(record.time);
        Ok(if first.is_some() { Flow::Enough } else { Flow::More })
    };
    stream.feed(&mut beginning, &mut take).ok()?;
    if first.is_none() {
        stream
            .end(&mut |record| {
                first = first.or(record.time);
                Ok(Flow::More)
            })
            .ok()?;
    }
    first
}
