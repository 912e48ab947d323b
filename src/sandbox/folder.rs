//! Where throwaway servers live, and how a stale folder is recognized: by its lock and its owner.
//!
//! ```text
//! /tmp/pgkit-sandbox-1000/       the base: ours, 0700 (0711 for root, whose servers run as another user)
//!     lock                       held briefly: while folders are made, swept and removed
//!     KEY.start                  held by the process that starts the shared server of that key
//!     t-HASH/                    a data folder to copy, as initdb made it
//!     RANDOM/                    one server's folder
//!         lock                   held by its keeper as long as the keeper lives
//!         info.json, control     for those who join: what is known of the server, and the keeper's socket
//!         server.log
//!         pg/                    0700, owned by the server's user: the sockets, data/
//! ```
//! The last keeper removes the base. Nothing in it is touched that is not ours (`lstat`), and a server's folder is
//! removed only if its lock is there and free. Lock files are removed while they are held, so a process that gets
//! a lock checks whether the path still leads to it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The length of `sun_path` on the systems where it is shortest, without the closing NUL.
const LONGEST_SOCKET: usize = 103;
/// The beginning of the name of a base.
const NAME: &str = "pgkit-sandbox-";
/// The longest path below the temporary folder: `/pgkit-sandbox-4294967295-9`, `/RANDOM00`, `/pg`,
/// `/.s.PGSQL.65535.lock`.
const BELOW: usize = 27 + 9 + 3 + 20;

/// Returns the temporary folder for servers: `TMPDIR` if it is short enough and the server's user can reach it,
/// otherwise `/tmp`. (Not `XDG_RUNTIME_DIR`, which is small, often in memory, and removed at the end of the
/// session.)
pub(super) fn temp_dir(env: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let named = env("TMPDIR").map(PathBuf::from).filter(|dir| dir.is_absolute() && dir.is_dir());
    let fits = |dir: &PathBuf| dir.as_os_str().len() + BELOW <= LONGEST_SOCKET;
    let open = |dir: &PathBuf| !nix::unistd::geteuid().is_root() || dir.ancestors().all(others_may_pass);
    named.filter(fits).filter(open).unwrap_or_else(|| PathBuf::from("/tmp"))
}

fn others_may_pass(dir: &Path) -> bool {
    fs::metadata(dir).is_ok_and(|meta| meta.mode() & 0o001 != 0)
}

/// The folder that holds all sandboxes of this user.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Base(PathBuf);

/// Returns whether this path has the name of a base.
pub(super) fn is_base(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(NAME))
}

/// Returns the folder of the throwaway server whose socket is in this directory; `None` if it is another server's.
pub fn folder_of(socket_dir: &str) -> Option<PathBuf> {
    let socket_dir = Path::new(socket_dir);
    let folder = socket_dir.parent().filter(|_| socket_dir.ends_with(super::server::PRIVATE))?;
    is_base(folder.parent()?).then(|| folder.to_owned())
}

impl Base {
    /// Returns the base in this temporary folder. Names that another user has taken are skipped.
    pub(super) fn in_temp(temp: &Path) -> Result<Base> {
        let name = format!("{NAME}{}", nix::unistd::geteuid());
        let names = std::iter::once(name.clone()).chain((1..10).map(|n| format!("{name}-{n}")));
        for name in names {
            let base = Base(temp.join(name));
            match fs::symlink_metadata(&base.0) {
                Ok(meta) if !(meta.is_dir() && meta_is_ours(&meta)) => {}
                Ok(_) | Err(_) => return Ok(base),
            }
        }
        let message = format!("{}/{name} and {name}-1 to {name}-9 belong to other users", temp.display());
        Err(Error::usage(message).hint("set TMPDIR to a folder of your own"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Creates the base if there is none, and takes one of its locks.
    pub(super) fn lock(&self, name: &str) -> Result<Lock> {
        self.try_lock(name, FlockArg::LockExclusive).map_err(|e| self.failed("cannot lock", &e))
    }

    fn try_lock(&self, name: &str, arg: FlockArg) -> io::Result<Lock> {
        loop {
            self.make()?;
            let path = self.0.join(name);
            let file = match lock_file(&path, true) {
                Ok(file) => file,
                // The last keeper has removed it since we made it.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            let inode = file.metadata()?.ino();
            let lock = take(file, arg)?;
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.ino() == inode => return Ok(lock),
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn make(&self) -> io::Result<()> {
        let mode = if nix::unistd::geteuid().is_root() { 0o711 } else { 0o700 };
        match DirBuilder::new().mode(mode).create(&self.0) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            Ok(()) | Err(_) => {}
        }
        let meta = match fs::symlink_metadata(&self.0) {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e),
        };
        if !(meta.is_dir() && meta_is_ours(&meta)) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
        }
        if meta.mode() & 0o7777 != mode {
            fs::set_permissions(&self.0, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    fn failed(&self, what: &str, e: &io::Error) -> Error {
        Error::io(format!("{what} {}", self.0.display()), e)
    }

    /// Creates a new folder for a server, locked by us. First removes what earlier keepers left behind.
    pub(super) fn new_folder(&self) -> Result<Folder> {
        let failed = |e: io::Error| self.failed("cannot create a folder in", &e);
        let _lock = self.lock("lock")?;
        self.sweep();
        let mode = if nix::unistd::geteuid().is_root() { 0o711 } else { 0o700 };
        let mode = fs::Permissions::from_mode(mode);
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix("").rand_bytes(8).permissions(mode.clone());
        let dir = builder.tempdir_in(&self.0).map_err(failed)?;
        // The umask may have removed some of the permissions.
        fs::set_permissions(dir.path(), mode).map_err(failed)?;
        let file = lock_file(&dir.path().join("lock"), true).map_err(failed)?;
        // This waits only if another process is just checking whether the folder is stale.
        let lock = take(file, FlockArg::LockExclusive).map_err(failed)?;
        // From here on, if we die, the folder is recognized as stale by its lock.
        Ok(Folder { path: dir.keep(), base: self.clone(), _lock: lock })
    }

    /// Returns the folders of servers whose keeper is alive.
    pub(super) fn alive(&self) -> Vec<PathBuf> {
        self.folders().into_iter().filter(|path| state(path) == State::Kept).collect()
    }

    /// Returns the folders in the base that are ours, never following a symbolic link.
    fn folders(&self) -> Vec<PathBuf> {
        if !fs::symlink_metadata(&self.0).is_ok_and(|meta| meta.is_dir() && meta_is_ours(&meta)) {
            return Vec::new();
        }
        let ours = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|m| m.is_dir() && meta_is_ours(&m));
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(ours).collect()
    }

    /// Removes stale folders. The caller must hold the base's lock.
    fn sweep(&self) {
        for path in self.folders() {
            match state(&path) {
                State::Stale => {
                    super::server::stop_leftover(&data_of(&path));
                    remove_server(&path);
                }
                // Its maker died before it took the lock. It is removed only if it is empty.
                State::Unlocked => drop(fs::remove_dir(&path)),
                State::Kept => {}
            }
        }
    }

    /// Removes the base if it is no longer in use. The caller must hold its lock.
    fn remove_if_unused(&self) {
        let Ok(entries) = fs::read_dir(&self.0) else { return };
        let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        let is_template = |path: &Path| path.join("template").is_file();
        let mut held = Vec::new();
        for path in &paths {
            let is_file = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file() && meta_is_ours(&meta));
            let is_start = is_file && path.extension().is_some_and(|extension| extension == "start");
            if is_start {
                match lock_file(path, false).and_then(|f| take(f, FlockArg::LockExclusiveNonblock)) {
                    Ok(lock) => held.push(lock),
                    Err(_) => return,
                }
            } else if !(is_template(path) || path.ends_with("lock") && is_file) {
                return;
            }
        }
        for path in paths.iter().filter(|path| is_template(path)) {
            remove(path);
        }
        for path in paths.iter().filter(|path| !is_template(path)) {
            let _ = fs::remove_file(path);
        }
        let _ = fs::remove_dir(&self.0);
    }
}

/// A held lock, which is released when this is dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held, not used")] Flock<File>);

/// One server's folder, which is ours as long as this value lives.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    base: Base,
    _lock: Lock,
}

impl Folder {
    /// Removes the folder, and the base with it if the folder was the last one.
    pub(super) fn remove(self) {
        let lock = self.base.lock("lock");
        remove_server(&self.path);
        if lock.is_ok() {
            self.base.remove_if_unused();
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Its keeper is alive.
    Kept,
    /// Its keeper is gone.
    Stale,
    /// It has no lock: it is not a folder of ours, or has only just been made.
    Unlocked,
}

fn state(folder: &Path) -> State {
    match lock_file(&folder.join("lock"), false) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => State::Unlocked,
        Err(_) => State::Kept,
        Ok(file) => match take(file, FlockArg::LockSharedNonblock) {
            Ok(_) => State::Stale,
            Err(_) => State::Kept,
        },
    }
}

fn meta_is_ours(meta: &fs::Metadata) -> bool {
    meta.uid() == nix::unistd::geteuid().as_raw()
}

/// Returns whether this path itself, not what a link leads to, belongs to us.
pub(super) fn is_ours(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta_is_ours(&meta))
}

fn lock_file(path: &Path, create: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(create).mode(0o600).custom_flags(OFlag::O_NOFOLLOW.bits());
    options.open(path)
}

fn take(mut file: File, arg: FlockArg) -> io::Result<Lock> {
    loop {
        match Flock::lock(file, arg) {
            Ok(lock) => return Ok(Lock(lock)),
            Err((back, Errno::EINTR)) => file = back,
            Err((_, errno)) => return Err(errno.into()),
        }
    }
}

fn data_of(folder: &Path) -> PathBuf {
    folder.join(super::server::PRIVATE).join("data")
}

/// Removes a server's folder and what the server has left elsewhere.
fn remove_server(folder: &Path) {
    super::server::free_shared_memory(&data_of(folder));
    remove(folder);
}

/// Removes a folder and everything below it, following no link. Tries again for a while, because a dying backend
/// may still write.
fn remove(path: &Path) {
    let start = Instant::now();
    while let Err(e) = fs::remove_dir_all(path) {
        if e.kind() == io::ErrorKind::NotFound || start.elapsed() > Duration::from_secs(5) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(temp: &tempfile::TempDir) -> Base {
        Base::in_temp(temp.path()).unwrap()
    }

    #[test]
    fn the_last_folder_takes_the_base_with_it() {
        let temp = tempfile::tempdir().unwrap();
        let base = base(&temp);
        let (one, two) = (base.new_folder().unwrap(), base.new_folder().unwrap());
        let start = base.lock("x.start").unwrap();
        one.remove();
        assert!(base.path().exists());
        two.remove();
        assert!(base.path().exists(), "somebody is about to start");
        drop(start);
        base.new_folder().unwrap().remove();
        assert!(!base.path().exists());
    }

    #[test]
    fn a_folder_is_stale_when_its_lock_is_free_whatever_its_name() {
        let temp = tempfile::tempdir().unwrap();
        let base = base(&temp);
        let kept = base.new_folder().unwrap();
        for (name, lock) in [("stale", true), ("without-a-lock", false)] {
            fs::create_dir(base.path().join(name)).unwrap();
            fs::write(base.path().join(name).join("file"), "x").unwrap();
            if lock {
                fs::write(base.path().join(name).join("lock"), "").unwrap();
            }
        }
        std::os::unix::fs::symlink("/", base.path().join("link")).unwrap();
        let new = base.new_folder().unwrap();
        assert!(!base.path().join("stale").exists());
        assert!(base.path().join("without-a-lock/file").exists());
        assert!(base.path().join("link").is_symlink());
        assert!(kept.path.exists());
        assert_eq!(base.alive().len(), 2);
        drop(new);
    }

    #[test]
    fn a_name_that_is_taken_is_passed_over() {
        let temp = tempfile::tempdir().unwrap();
        let first = base(&temp);
        fs::write(first.path(), "").unwrap();
        let second = base(&temp);
        assert_ne!(first.path(), second.path());
        second.new_folder().unwrap().remove();
        assert!(first.path().exists());
    }

    #[test]
    fn a_long_temporary_folder_gives_way_to_a_short_one() {
        let temp = tempfile::tempdir().unwrap();
        let long = temp.path().join("x".repeat(60));
        fs::create_dir(&long).unwrap();
        let env = |dir: &Path| {
            let dir = dir.display().to_string();
            temp_dir(&move |name| (name == "TMPDIR").then(|| dir.clone()))
        };
        assert_eq!(env(&long), Path::new("/tmp"));
        assert_eq!(env(Path::new("relative")), Path::new("/tmp"));
        assert_eq!(temp_dir(&|_| None), Path::new("/tmp"));
    }
}
