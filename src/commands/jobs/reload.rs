//! Reads the jobs file again when it has changed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::shared::{self, FileArgs};
use crate::commands::context::Context;
use crate::error::Error;
use crate::jobs::account::{self, Account};
use crate::jobs::runner::Reload;
use crate::jobs::talk::{Progress, ProgressSink};

/// The jobs file of a runner that keeps running, which rereads it when it has changed.
pub(super) struct Watched {
    path: PathBuf,
    /// The patterns of the files that it includes.
    include: Vec<String>,
    /// The stamps of the jobs file and of the files that it includes, from when they were last read.
    stamps: Vec<Stamp>,
    owner: Option<String>,
    user: Option<Account>,
}

/// A file, and properties that change when it is changed; `None` if they cannot be read.
type Stamp = (PathBuf, Option<(u64, u64, i64, i64)>);

/// Returns the stamps of a jobs file, and of the files that these patterns match now.
fn stamps(path: &Path, include: &[String]) -> Vec<Stamp> {
    let stamp = |path: PathBuf| {
        let meta = std::fs::metadata(&path).ok();
        let stamp = meta.map(|meta| (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()));
        (path, stamp)
    };
    let included = include.iter().flat_map(|pattern| shared::matching(path, pattern).unwrap_or_default());
    std::iter::once(path.to_owned()).chain(included).map(stamp).collect()
}

impl Watched {
    /// Watches the file at this path, which was just read, and those that it includes.
    pub(super) fn new(
        path: PathBuf,
        include: Vec<String>,
        owner: Option<String>,
        user: Option<Account>,
    ) -> Watched {
        let stamps = stamps(&path, &include);
        Watched { path, include, stamps, owner, user }
    }

    /// Returns the new jobs if a file has changed and is valid. An invalid file is reported once, and the jobs stay as
    /// they were.
    pub(super) fn reload(&mut self, context: &Context, args: &FileArgs, tell: ProgressSink<'_>) -> Reload {
        let stamps = stamps(&self.path, &self.include);
        if stamps == self.stamps {
            return Reload::Same;
        }
        self.stamps = stamps;
        let same = |read: shared::Read| {
            if read.parsed.include != self.include {
                self.include.clone_from(&read.parsed.include);
                self.stamps = self::stamps(&self.path, &self.include);
            }
            let user = account::whom(read.parsed.user.as_deref(), read.parsed.has_programs(), &context.env)?;
            if read.parsed.owner != self.owner || user != self.user {
                return Err(Error::data("the jobs file names another owner or user")
                    .hint("restart pgkit to change either"));
            }
            let hash = read.hash.clone();
            Ok((read.jobs()?, hash))
        };
        let read = shared::read(context, args).and_then(same);
        match read {
            Ok((new, hash)) => Reload::New(new.into_iter().map(Rc::new).collect(), hash),
            Err(e) => {
                tell(Progress::Warning(format!("{}: keeping the jobs as they were", e.message)));
                Reload::Same
            }
        }
    }
}
