//! The few things resolution wants to know of files, behind a trait: a table test needs no disk.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What `stat` says about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// A plain file.
    pub regular: bool,
    /// Whether it is a directory.
    pub directory: bool,
    /// The permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
}

/// Where the service file, the password file and the socket directory are looked for.
pub trait Files {
    /// What is there; symbolic links are followed.
    fn stat(&self, path: &Path) -> io::Result<Stat>;
    /// The whole content.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The machine's own files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn stat(&self, path: &Path) -> io::Result<Stat> {
        let found = std::fs::metadata(path)?;
        Ok(Stat {
            regular: found.is_file(),
            directory: found.is_dir(),
            mode: found.mode() & 0o7777,
            uid: found.uid(),
        })
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}
