//! Results that the server did not take: kept in files that only their owner can read, and recorded later, once.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A result that is to be recorded: the values of `finish.sql`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Where the tables are: server, database and schema.
    pub place: String,
    /// The job.
    pub job: String,
    /// The values.
    pub values: Vec<Option<String>>,
}

/// Keeps a result. Gives the file.
///
/// Errors: it cannot be written (74).
pub fn keep(folder: &Path, kept: &Kept) -> Result<PathBuf> {
    let io = |e: &std::io::Error| Error::io(format!("could not keep a result in {}", folder.display()), e);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| io(&e))?;
    let text =
        serde_json::to_string(kept).map_err(|e| Error::bug("a result that is no JSON").caused_by(e))?;
    // Nobody else has this attempt's number on this machine at once.
    let name =
        format!("{}-{}", std::process::id(), kept.values.get(2).cloned().flatten().unwrap_or_default());
    let (new, path) = (folder.join(format!(".{name}")), folder.join(format!("{name}.json")));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .map_err(|e| io(&e))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|e| io(&e))?;
    std::fs::rename(&new, &path).map_err(|e| io(&e))?;
    Ok(path)
}

/// What is kept for these tables, with its files. A file that cannot be understood is left where it is.
pub fn all(folder: &Path, place: &str) -> Vec<(PathBuf, Kept)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(PathBuf, Kept)> = entries
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "json"))
        .filter_map(|entry| {
            let kept: Kept = serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok()?;
            (kept.place == place).then(|| (entry.path(), kept))
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// It has been recorded, or never will be.
pub fn done(file: &Path) {
    let _ = std::fs::remove_file(file);
}

/// It will not be recorded: it stays for a person, under a name that is tried no more.
pub fn aside(file: &Path) -> PathBuf {
    let aside = file.with_extension("refused");
    let _ = std::fs::rename(file, &aside);
    aside
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_result_is_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("a/spool");
        let kept = Kept { place: "here".into(), job: "j".into(), values: vec![None, None, Some("7".into())] };
        let file = keep(&spool, &kept).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&spool).unwrap().mode() & 0o777, 0o700);
        assert!(all(&spool, "there").is_empty());
        assert_eq!(all(&spool, "here"), [(file.clone(), kept)]);
        done(&file);
        assert!(all(&spool, "here").is_empty());
    }
}
