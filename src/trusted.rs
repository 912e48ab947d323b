//! Reads a file that determines what is executed, and refuses it if another user could change or replace it.
//!
//! The path is walked from the root, one component at a time. Each folder and file is checked through its open
//! descriptor, because its name may refer to something else a moment later.

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

use crate::error::{Error, Result};

/// The maximum number of symbolic links in a path, as in the kernel.
const LINKS: usize = 40;

/// Why a path is not trusted.
enum Why {
    /// A system call failed.
    Failed(PathBuf, std::io::Error),
    /// Another user can change it; the text says how.
    Others(PathBuf, String),
    /// It is not a file.
    NoFile(PathBuf),
}

impl From<(&Path, Errno)> for Why {
    fn from((path, errno): (&Path, Errno)) -> Why {
        Why::Failed(path.to_owned(), errno.into())
    }
}

/// Reads a file that, like every folder and link on its path, must belong to this user or to root and must not be
/// writable by others. A folder that others may write is accepted if it is sticky, as /tmp is: others cannot replace
/// a file there. `what` names the file in errors.
///
/// Errors: it cannot be read (74), or others can change or replace it (65).
pub fn read(path: &Path, uid: u32, what: &str) -> Result<Vec<u8>> {
    walk(path, uid).map_err(|why| match why {
        Why::Failed(place, e) if place == path => {
            Error::io(format!("could not read {what} {}", path.display()), &e)
        }
        Why::Failed(place, e) => {
            Error::io(format!("could not read {what} {}: {}", path.display(), place.display()), &e)
        }
        Why::NoFile(place) => Error::data(format!("{what} {} is not a regular file", place.display())),
        Why::Others(place, why) => {
            let place = if place == path { "it".to_owned() } else { place.display().to_string() };
            Error::data(format!("cannot trust {what} {}: {place} {why}", path.display()))
                .hint("its contents run as you: remove the write permission of others (chmod go-w), or move it to a folder that only you can write to")
        }
    })
}

fn walk(path: &Path, uid: u32) -> std::result::Result<Vec<u8>, Why> {
    let absolute = std::path::absolute(path).map_err(|e| Why::Failed(path.to_owned(), e))?;
    let mut rest: Vec<OsString> = names(&absolute);
    rest.reverse();
    let mut place = PathBuf::from("/");
    let mut folder = root()?;
    judge(&place, &fstat(&folder).map_err(|e| (place.as_path(), e))?, uid)?;
    let mut links = 0;
    loop {
        let Some(name) = rest.pop() else {
            return Err(Why::NoFile(path.to_owned()));
        };
        let here = if rest.is_empty() && links == 0 { path.to_owned() } else { place.join(&name) };
        let failed = |errno| Why::from((here.as_path(), errno));
        if name == ".." {
            folder = open(&folder, "..", OFlag::O_DIRECTORY).map_err(failed)?;
            place.pop();
            continue;
        }
        let stat = fstatat(&folder, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW).map_err(failed)?;
        if kind(&stat) == SFlag::S_IFLNK {
            // A link's permissions are meaningless, but its owner decides where it leads.
            owned(&here, &stat, uid)?;
            links += 1;
            if links > LINKS {
                return Err(failed(Errno::ELOOP));
            }
            let target = PathBuf::from(readlinkat(&folder, name.as_os_str()).map_err(failed)?);
            if target.is_absolute() {
                place = PathBuf::from("/");
                folder = root()?;
            }
            rest.extend(names(&target).into_iter().rev());
            continue;
        }
        if !rest.is_empty() {
            folder = open(&folder, &name, OFlag::O_DIRECTORY).map_err(failed)?;
            place.push(&name);
            judge(&place, &fstat(&folder).map_err(failed)?, uid)?;
            continue;
        }
        // Without O_NONBLOCK, opening a pipe without a writer would block forever.
        let file = open(&folder, &name, OFlag::O_NONBLOCK).map_err(failed)?;
        let stat = fstat(&file).map_err(failed)?;
        if kind(&stat) != SFlag::S_IFREG {
            return Err(Why::NoFile(here));
        }
        judge(&here, &stat, uid)?;
        let mut text = Vec::new();
        std::fs::File::from(file).read_to_end(&mut text).map_err(|e| Why::Failed(here, e))?;
        return Ok(text);
    }
}

fn names(path: &Path) -> Vec<OsString> {
    let name = |component: Component<'_>| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(name).collect()
}

fn root() -> std::result::Result<OwnedFd, Why> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    nix::fcntl::open("/", flags, Mode::empty()).map_err(|e| (Path::new("/"), e).into())
}

fn open(folder: &OwnedFd, name: impl AsRef<std::ffi::OsStr>, more: OFlag) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | more;
    openat(folder, name.as_ref(), flags, Mode::empty())
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

fn owned(place: &Path, stat: &FileStat, uid: u32) -> std::result::Result<(), Why> {
    if stat.st_uid == uid || stat.st_uid == 0 {
        return Ok(());
    }
    Err(Why::Others(place.to_owned(), "belongs to neither you nor root".to_owned()))
}

/// Checks that only this user and root can change this.
fn judge(place: &Path, stat: &FileStat, uid: u32) -> std::result::Result<(), Why> {
    owned(place, stat, uid)?;
    let sticky = kind(stat) == SFlag::S_IFDIR && stat.st_mode & 0o1000 != 0;
    if stat.st_mode & 0o022 != 0 && !sticky {
        return Err(Why::Others(place.to_owned(), "is writable by others".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn told(path: &Path) -> String {
        match read(path, nix::unistd::geteuid().as_raw(), "the file") {
            Ok(text) => String::from_utf8(text).unwrap(),
            Err(e) => e.one_line(),
        }
    }

    #[test]
    fn each_folder_on_the_way_and_each_link_counts() {
        let top = tempfile::tempdir().unwrap();
        let deep = top.path().join("a/b");
        std::fs::create_dir_all(&deep).unwrap();
        let file = deep.join("f");
        std::fs::write(&file, "text").unwrap();
        mode(&file, 0o644);
        for folder in [deep.clone(), top.path().join("a")] {
            mode(&folder, 0o755);
            assert_eq!(told(&file), "text");
            for open in [0o775, 0o757, 0o777] {
                mode(&folder, open);
                assert!(told(&file).contains("is writable by others"), "{open:o}");
            }
            mode(&folder, 0o1777);
            assert_eq!(told(&file), "text", "a sticky folder");
            mode(&folder, 0o755);
        }
        mode(&file, 0o664);
        assert!(told(&file).contains("it is writable by others"));
        mode(&file, 0o600);
        // The user's own links, absolute and relative, to the file and to a folder, and a link to itself.
        symlink(&file, top.path().join("link")).unwrap();
        symlink("a/b/../b/f", top.path().join("relative")).unwrap();
        symlink("a", top.path().join("folder")).unwrap();
        symlink("round", top.path().join("round")).unwrap();
        assert_eq!(told(&top.path().join("link")), "text");
        assert_eq!(told(&top.path().join("relative")), "text");
        assert_eq!(told(&top.path().join("folder/b/f")), "text");
        assert!(told(&top.path().join("round")).contains("could not read"));
        // The folders that a link leads through are checked too.
        mode(&deep, 0o777);
        assert!(told(&top.path().join("link")).contains("is writable by others"));
        mode(&deep, 0o755);
        assert!(told(&deep).contains("is not a regular file") || told(&deep).contains("directory"));
        nix::unistd::mkfifo(&top.path().join("pipe"), Mode::from_bits_truncate(0o600)).unwrap();
        assert!(told(&top.path().join("pipe")).contains("is not a regular file"));
        assert!(told(&top.path().join("missing")).contains("could not read"));
    }

    #[test]
    fn what_belongs_to_others_is_refused_even_where_it_may_not_be_written() {
        // Only root can give a file to another user.
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let top = tempfile::tempdir().unwrap();
        mode(top.path(), 0o1777);
        let file = top.path().join("f");
        std::fs::write(&file, "text").unwrap();
        let link = top.path().join("link");
        symlink(&file, &link).unwrap();
        assert_eq!(told(&link), "text");
        std::os::unix::fs::lchown(&link, Some(12345), None).unwrap();
        assert!(told(&link).contains("belongs to neither you nor root"));
        std::os::unix::fs::chown(&file, Some(12345), None).unwrap();
        assert!(told(&file).contains("belongs to neither you nor root"));
    }
}
