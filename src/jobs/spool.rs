//! Results that the server did not accept: saved to files that only their owner can read, and recorded later,
//! once.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The version of the values: a new number for every change of the parameters of `finish.sql`.
const FORMAT: u32 = 1;

/// A result that is to be recorded: the values for `finish.sql`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The version of the values: [`FORMAT`].
    format: u32,
    /// Where the tables are: server, database and schema.
    pub place: String,
    pub job: String,
    pub values: Vec<Option<String>>,
}

/// The part that the results of every version of pgkit have.
#[derive(Deserialize)]
struct Head {
    format: u32,
    place: String,
}

impl Kept {
    /// Creates a result of this job, for the tables at `place`.
    pub fn new(place: String, job: String, values: Vec<Option<String>>) -> Kept {
        Kept { format: FORMAT, place, job, values }
    }
}

/// Saves a result. Returns the file.
///
/// Errors: it cannot be written (74).
pub fn keep(folder: &Path, kept: &Kept) -> Result<PathBuf> {
    let io = |e: &std::io::Error| Error::io(format!("could not save a result in {}", folder.display()), e);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|e| io(&e))?;
    let text = serde_json::to_string(kept)
        .map_err(|e| Error::bug("could not write a result as JSON").caused_by(e))?;
    // No other process on this machine uses this pid and this attempt's id at the same time.
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

/// Returns the saved results for these tables, with their files. A file that is no result is put aside, because it
/// is not known what it belongs to. A result of another version of pgkit stays for that version.
pub fn all(folder: &Path, place: &str) -> Vec<(PathBuf, Result<Kept>)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"));
    let mut found: Vec<(PathBuf, Result<Kept>)> = files
        .filter_map(|file| match std::fs::read(&file) {
            Ok(bytes) => {
                let kept = serde_json::from_slice(&bytes).and_then(|head: Head| match head {
                    Head { place: other, .. } if other != place => Ok(None),
                    Head { format: FORMAT, .. } => serde_json::from_slice(&bytes).map(Ok).map(Some),
                    Head { format, .. } => {
                        let why = format!("it was saved by another version of pgkit (format {format})");
                        Ok(Some(Err(Error::data(why))))
                    }
                });
                match kept {
                    Ok(kept) => kept.map(|kept| (file, kept)),
                    Err(e) => Some((
                        aside(&file),
                        Err(Error::data("it is not a result saved by pgkit").caused_by(e)),
                    )),
                }
            }
            // Another run on this machine has recorded it in the meantime.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => Some((file, Err(Error::io("cannot open it", &e)))),
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// Returns the message for a file that cannot be read.
pub fn unread(file: &Path, error: &Error) -> String {
    format!("cannot read a saved result, which stays in {}: {}", file.display(), error.message)
}

/// Removes the file of a result that has been recorded, or that never will be.
pub fn done(file: &Path) {
    let _ = std::fs::remove_file(file);
}

/// Renames a file that cannot be recorded, so that it stays for a person but is not tried again. Returns its new
/// path.
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
        let kept = Kept::new("here".into(), "j".into(), vec![None, None, Some("7".into())]);
        let file = keep(&spool, &kept).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&spool).unwrap().mode() & 0o777, 0o700);
        assert!(all(&spool, "there").is_empty());
        let found = all(&spool, "here");
        assert_eq!(found.len(), 1);
        assert!(found[0].0 == file && found[0].1.as_ref().is_ok_and(|found| *found == kept));
        done(&file);
        assert!(all(&spool, "here").is_empty());
    }

    #[test]
    fn a_file_that_is_no_result_is_told_of_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("7.json"), "{").unwrap();
        assert!(
            matches!(all(folder.path(), "here").as_slice(), [(file, Err(_))] if file.ends_with("7.refused"))
        );
        let other = r#"{"format": 7, "place": "here", "new": true}"#;
        std::fs::write(folder.path().join("8.json"), other).unwrap();
        assert!(all(folder.path(), "there").is_empty());
        let found = all(folder.path(), "here");
        assert!(
            matches!(&found[..], [(file, Err(e))] if unread(file, e).contains("another version of pgkit"))
        );
        assert!(folder.path().join("7.refused").exists() && folder.path().join("8.json").exists());
    }
}
