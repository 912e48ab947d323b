//! Puts log files in the order of their first entries, because the names of rotated files may not sort by time.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::reading::Reading;
use super::source::{Files, Named, Source};
use super::tail::{BEGINNING, time_at};

/// Returns the files in the order of their first entries. If the time of one of these entries is not known, as for a
/// pipe or a file that cannot be read, returns the files in the given order.
pub async fn in_order(paths: Vec<PathBuf>, reading: &Reading) -> Vec<PathBuf> {
    if paths.len() < 2 {
        return paths;
    }
    let mut all = Vec::new();
    for path in &paths {
        let Some(time) = first_time(path, reading).await else { return paths };
        all.push((time, path.clone()));
    }
    all.sort_by_key(|(time, _)| *time);
    all.into_iter().map(|(_, path)| path).collect()
}

/// Returns the time of a file's first entry, if it is known.
async fn first_time(path: &Path, reading: &Reading) -> Option<Timestamp> {
    // Only regular files are read here, because what is read from a pipe cannot be read again.
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mut source = Source::Files(Files::open([path.to_owned()], Named::ByUser).ok()?);
    let beginning = source.beginning(BEGINNING).await.ok()?;
    let stream = reading.begin(&beginning, &source.name(), source.written()).ok()?;
    time_at(&mut source, &stream, 0).await.ok()?
}
