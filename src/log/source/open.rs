//! Opening a log file. Anything but a file is refused, and opening never blocks.

use std::fs::{File, FileType, Metadata};
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::error::{Error, Result};

/// Who says that a file is a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// The user, who may name a link.
    ByUser,
    /// The server, which may belong to another user: the file must not be a link and, if the owner of the server's
    /// files is known, must belong to that user.
    ByServer(Option<u32>),
}

/// Opens a regular file and refuses anything else: a pipe may never get a writer, and a device may have no end. So
/// the file is opened without blocking, and what was opened is checked before it is read.
///
/// Errors: it cannot be opened (74); it is not a file, or not one of the server's own (65).
pub fn open(path: &Path, named: Named) -> Result<File> {
    if path == Path::new("-") {
        return stdin();
    }
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let flags = if named == Named::ByUser { flags } else { flags | OFlag::O_NOFOLLOW };
    let file = match File::options().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) => file,
        Err(e) if e.raw_os_error() == Some(Errno::ELOOP as i32) && named != Named::ByUser => {
            return Err(refused(path, "a symbolic link"));
        }
        // The system's message for a socket does not say that it is one.
        Err(e) => {
            return Err(match std::fs::metadata(path).ok().and_then(|meta| no_file(meta.file_type())) {
                Some(what) => refused(path, what),
                None => failed(path, &e),
            });
        }
    };
    let meta = file.metadata().map_err(|e| failed(path, &e))?;
    match no_file(meta.file_type()) {
        // A pipe that the shell has opened, as for <(zcat …), has a writer.
        Some("a named pipe") if named == Named::ByUser && is_descriptor(path) => {
            fcntl(&file, FcntlArg::F_SETFL(OFlag::empty())).map_err(|e| failed(path, &e.into()))?;
        }
        Some(what) => return Err(refused(path, what)),
        None => {}
    }
    match named {
        Named::ByServer(Some(owner)) if meta.uid() != owner => {
            Err(Error::data(format!("{} does not belong to the server's user", path.display())))
        }
        _ => Ok(file),
    }
}

/// Returns whether this is one of our own file descriptors, which our parent process has opened.
fn is_descriptor(path: &Path) -> bool {
    let folders = ["/dev/fd", "/proc/self/fd"].map(Path::new);
    folders.iter().any(|folder| {
        path.strip_prefix(folder).is_ok_and(|number| {
            let digits = number.as_os_str().as_encoded_bytes();
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        })
    })
}

/// Returns the kind of anything that is not a regular file.
fn no_file(kind: FileType) -> Option<&'static str> {
    match kind {
        kind if kind.is_file() => None,
        kind if kind.is_dir() => Some("a directory"),
        kind if kind.is_fifo() => Some("a named pipe"),
        kind if kind.is_socket() => Some("a socket"),
        _ => Some("a device"),
    }
}

fn refused(path: &Path, what: &str) -> Error {
    let error = Error::data(format!("{} is {what}, not a log file", path.display()));
    if what == "a named pipe" { error.hint("to read from a pipe, use - for standard input") } else { error }
}

/// Opens standard input if it can end: a file, a pipe, a socket or /dev/null.
fn stdin() -> Result<File> {
    let path = Path::new("-");
    let stdin = std::io::stdin();
    let file = stdin.as_fd().try_clone_to_owned().map(File::from).map_err(|e| failed(path, &e))?;
    let meta = file.metadata().map_err(|e| failed(path, &e))?;
    let is_null =
        |meta: &Metadata| std::fs::metadata("/dev/null").is_ok_and(|null| null.rdev() == meta.rdev());
    let what = match no_file(meta.file_type()) {
        None | Some("a named pipe" | "a socket") => return Ok(file),
        Some("a device") if is_null(&meta) => return Ok(file),
        Some("a device") if file.is_terminal() => "a terminal",
        Some(what) => what,
    };
    Err(Error::data(format!("standard input is {what}, not a log")))
}

pub(super) fn failed(path: &Path, e: &std::io::Error) -> Error {
    Error::io(format!("could not read {}", path.display()), e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;

    #[test]
    fn what_the_server_names_is_no_link_and_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "secret").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let owner = std::fs::metadata(&file).unwrap().uid();
        assert!(open(&link, Named::ByUser).is_ok());
        assert!(
            open(&file, Named::ByServer(None)).is_ok() && open(&file, Named::ByServer(Some(owner))).is_ok()
        );
        let said = |path, named| open(path, named).err().unwrap();
        let link = said(&link, Named::ByServer(Some(owner)));
        assert!(
            link.exit == Exit::BadInput && link.message.ends_with("is a symbolic link, not a log file"),
            "{link}"
        );
        let other = said(&file, Named::ByServer(Some(owner + 1)));
        assert!(
            other.exit == Exit::BadInput && other.message.ends_with("does not belong to the server's user"),
            "{other}"
        );
    }
}
