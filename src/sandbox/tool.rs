//! Running those of PostgreSQL's programs that report on a data folder.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Binaries;
use crate::error::{Error, Exit, Result};

/// Returns how much space a folder's files take, in bytes.
pub fn folder_bytes(folder: &Path) -> io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        sum += if meta.is_dir() { folder_bytes(&entry.path())? } else { meta.len() };
    }
    Ok(sum)
}

/// Returns the major version of the cluster in this data folder, from its `PG_VERSION`.
pub fn cluster_version(data: &Path) -> io::Result<String> {
    std::fs::read_to_string(data.join("PG_VERSION")).map(|text| text.trim().to_owned())
}

impl Binaries {
    /// Returns what one of its programs prints about a data folder, in English. The program must change nothing
    /// there. root runs it as the folder's owner, since `postgres` refuses to run as root.
    ///
    /// Errors: there is no such program (65), it is not permitted to read the folder (77), it fails (74).
    pub fn ask(&self, program: &str, args: &[&str], data: &Path) -> Result<String> {
        let path = self.program(program);
        if !path.is_file() {
            return Err(Error::data(format!("{} does not contain {program}", self.dir.display())));
        }
        let owner =
            std::fs::metadata(data).map_err(|e| Error::io(format!("cannot read {}", data.display()), &e))?;
        let mut command = Command::new(&path);
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").stdin(Stdio::null());
        command.arg("-D").arg(data).args(args).current_dir("/");
        if nix::unistd::geteuid().is_root() {
            command.gid(owner.gid()).uid(owner.uid());
        }
        let output = command.output().map_err(|e| Error::io(format!("cannot run {}", path.display()), &e))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let exit = if said.contains("ermission denied") { Exit::Permission } else { Exit::Io };
        Err(Error::new(exit, format!("{program} -D {} failed", data.display())).caused_by(said.trim()))
    }
}
