//! Finds PostgreSQL's programs, and names the package that provides them if there are none.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::connect::ServerVersion;
use crate::error::{Error, Exit, Result};

/// A PostgreSQL installation: a folder with `initdb` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Binaries {
    /// The folder.
    pub dir: PathBuf,
    /// The version, as `postgres --version` prints it, such as `15.20` or `19devel`.
    pub version: String,
    /// The major version, such as 15.
    pub major: u32,
}

impl Binaries {
    /// Returns the path of one of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn minor(&self) -> u32 {
        self.version.split_once('.').map_or(0, |(_, minor)| leading_number(minor).unwrap_or(0))
    }
}

/// The folders that packages use: the parent, the beginning of the name below it, and what comes below that.
const USUAL: &[(&str, &str, &str)] = &[
    ("usr/lib/postgresql", "", "bin"),                          // Debian, Ubuntu
    ("usr", "pgsql-", "bin"),                                   // the PostgreSQL project's RPMs
    ("usr/lib", "postgresql", "bin"),                           // SUSE
    ("usr/lib64", "postgresql", "bin"),                         // Gentoo
    ("usr/libexec", "postgresql", ""),                          // Alpine
    ("opt/homebrew/opt", "postgresql", "bin"),                  // Homebrew on Apple silicon
    ("usr/local/opt", "postgresql", "bin"),                     // Homebrew on Intel
    ("home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),     // Homebrew on Linux
    ("Applications/Postgres.app/Contents/Versions", "", "bin"), // Postgres.app
    ("opt/local/lib", "postgresql", "bin"),                     // MacPorts
    ("usr/local", "pgsql", "bin"),                              // built from source
    ("usr", "bin", ""),                                         // Fedora, Arch
];

/// The oldest major version that pgkit supports.
const OLDEST: u32 = ServerVersion::OLDEST;

/// Finds PostgreSQL: in `--bin-dir`, `PGKIT_PG_BIN`, the folder that `pg_config` names, the newest of the usual
/// folders, or `PATH`, in this order.
///
/// The first two are the user's explicit choice: if they contain no PostgreSQL, that is an error and not a reason to
/// search further.
pub fn find_binaries(bin_dir: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<Binaries> {
    find_under(Path::new("/"), bin_dir, env)
}

/// Does the same as [`find_binaries`], with the usual folders and `/etc/os-release` below another root.
fn find_under(root: &Path, bin_dir: Option<&Path>, env: &dyn Fn(&str) -> Option<String>) -> Result<Binaries> {
    if let Some(dir) = bin_dir {
        return named(dir, "--bin-dir", Exit::Usage);
    }
    if let Some(dir) = env("PGKIT_PG_BIN").filter(|dir| !dir.is_empty()) {
        return named(Path::new(&dir), "PGKIT_PG_BIN", Exit::BadInput);
    }
    let path: Vec<PathBuf> =
        std::env::split_paths(&env("PATH").unwrap_or_default()).filter(|dir| dir.is_absolute()).collect();
    let config = path.iter().map(|dir| dir.join("pg_config")).find(|p| p.is_file()).and_then(|p| bindir(&p));
    let newest =
        || usual(root).into_iter().filter_map(|dir| look(&dir).ok()).max_by_key(|b| (b.major, b.minor()));
    config
        .and_then(|dir| look(&dir).ok())
        .or_else(newest)
        .or_else(|| path.iter().find_map(|dir| look(dir).ok()))
        .ok_or_else(|| missing(root))
}

/// Returns every installation in the usual folders, newest first.
pub fn all_binaries() -> Vec<Binaries> {
    let mut found: Vec<Binaries> =
        usual(Path::new("/")).into_iter().filter_map(|dir| look(&dir).ok()).collect();
    found.sort_by_key(|b| std::cmp::Reverse((b.major, b.minor())));
    found
}

fn usual(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for (parent, start, below) in USUAL {
        let Ok(entries) = std::fs::read_dir(root.join(parent)) else { continue };
        let names = entries.flatten().map(|entry| entry.file_name());
        let mut names: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(start)).collect();
        names.sort();
        found.extend(names.into_iter().map(|name| root.join(parent).join(name).join(below)));
    }
    found
}

/// Examines a folder that the user named.
fn named(dir: &Path, by: &str, exit: Exit) -> Result<Binaries> {
    look(dir).map_err(|mut error| {
        error.exit = if error.exit == Exit::TooOld { Exit::TooOld } else { exit };
        error.message = format!("{by}: {}", error.message);
        if look(&dir.join("bin")).is_ok() {
            error.hint(format!("did you mean {}?", dir.join("bin").display()))
        } else {
            error.hint("name the directory of `initdb` and `postgres`, as printed by `pg_config --bindir`")
        }
    })
}

/// Examines one folder.
fn look(dir: &Path) -> Result<Binaries> {
    let shown = dir.display();
    if !dir.is_dir() {
        return Err(Error::data(format!("{shown} is not a directory")));
    }
    for program in ["initdb", "postgres"] {
        if !dir.join(program).is_file() {
            return Err(Error::data(format!("no PostgreSQL server in {shown}: missing `{program}`")));
        }
    }
    // Absolute, since the server is started from another folder.
    let dir = std::path::absolute(dir).map_err(|e| Error::io(format!("cannot resolve {shown}"), &e))?;
    let said = said(&dir.join("postgres"), "--version");
    let version = said.as_deref().and_then(parse_version);
    let Some((major, version)) = version else {
        return Err(Error::data(format!(
            "{}/postgres is not PostgreSQL, or does not run here",
            dir.display()
        )));
    };
    if major < OLDEST {
        let message = format!("PostgreSQL {version} in {} is older than {OLDEST}", dir.display());
        return Err(Error::new(Exit::TooOld, message));
    }
    Ok(Binaries { dir, version, major })
}

/// Parses the output of `postgres --version`: `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)` gives (15,
/// "15.20").
fn parse_version(said: &str) -> Option<(u32, String)> {
    let version = said.trim().strip_prefix("postgres (PostgreSQL) ")?.split_whitespace().next()?;
    Some((leading_number(version)?, version.to_owned()))
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

fn bindir(pg_config: &Path) -> Option<PathBuf> {
    said(pg_config, "--bindir").map(|dir| PathBuf::from(dir.trim()))
}

/// Returns what a program prints when run with one flag; `None` if it fails.
fn said(program: &Path, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).stdin(Stdio::null()).output().ok()?;
    if output.status.success() { String::from_utf8(output.stdout).ok() } else { None }
}

fn missing(root: &Path) -> Error {
    let release = std::fs::read_to_string(root.join("etc/os-release")).ok();
    let how = install(release.as_deref(), cfg!(target_os = "macos"));
    Error::new(Exit::Unavailable, "no PostgreSQL server is installed here")
        .hint(how)
        .hint("or name the directory of `initdb` and `postgres` with --bin-dir or PGKIT_PG_BIN")
}

/// Says which package provides the server on this system.
fn install(os_release: Option<&str>, macos: bool) -> String {
    if macos {
        return "install it with `brew install postgresql`, or Postgres.app".to_owned();
    }
    let field = |name: &str| {
        let lines = os_release.unwrap_or_default().lines();
        let value = lines.filter_map(|line| line.split_once('=')).find(|(key, _)| *key == name);
        value.map(|(_, value)| value.trim_matches(['"', '\'']).to_lowercase()).unwrap_or_default()
    };
    let (id, like) = (field("ID"), field("ID_LIKE"));
    let commands = id.split_whitespace().chain(like.split_whitespace()).find_map(|family| {
        Some(match family {
            "debian" | "ubuntu" => "apt-get install postgresql",
            "fedora" | "rhel" | "centos" | "rocky" | "almalinux" | "ol" | "amzn" => {
                "dnf install postgresql-server"
            }
            "alpine" => "apk add postgresql",
            "arch" => "pacman -S postgresql",
            "suse" | "opensuse" | "sles" => "zypper install postgresql-server",
            "gentoo" => "emerge dev-db/postgresql",
            _ if family.starts_with("opensuse") => "zypper install postgresql-server",
            _ => return None,
        })
    });
    match commands {
        Some(command) => format!("install it with `{command}`"),
        None => {
            "install the package that contains `initdb` and `postgres`, often postgresql-server".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn fake(root: &Path, dir: &str, version: &str) -> PathBuf {
        let dir = root.join(dir);
        std::fs::create_dir_all(&dir).unwrap();
        for program in ["initdb", "postgres"] {
            let script = format!("#!/bin/sh\necho '{program} (PostgreSQL) {version}'\n");
            let file = dir.join(program);
            std::fs::write(&file, script).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        dir
    }

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_newest_of_the_usual_folders_wins() {
        let root = tempfile::tempdir().unwrap();
        fake(root.path(), "usr/lib/postgresql/9.6/bin", "9.6.24");
        fake(root.path(), "usr/lib/postgresql/15/bin", "15.9 (Debian 15.9-1)");
        let newest = fake(root.path(), "usr/pgsql-15/bin", "15.20");
        let found = find_under(root.path(), None, &nothing).unwrap();
        assert_eq!((found.dir, found.version.as_str(), found.major), (newest, "15.20", 15));
    }

    #[test]
    fn the_flag_beats_the_environment_and_that_beats_pg_config_and_the_usual_folders() {
        let root = tempfile::tempdir().unwrap();
        let flag = fake(root.path(), "flag", "11.1");
        let variable = fake(root.path(), "variable", "12.1");
        let config = fake(root.path(), "config", "13.1");
        let path = fake(root.path(), "path", "14.1");
        let usual = fake(root.path(), "usr/lib/postgresql/18/bin", "18.1");
        let config_only = root.path().join("config-only");
        std::fs::create_dir(&config_only).unwrap();
        let script = config_only.join("pg_config");
        std::fs::write(&script, format!("#!/bin/sh\necho '{}'\n", config.display())).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();

        let find = |flag: Option<&Path>, variable: Option<&Path>, path: &[&Path]| {
            let path = std::env::join_paths(path).unwrap().into_string().unwrap();
            let env = |name: &str| match name {
                "PGKIT_PG_BIN" => variable.map(|v| v.display().to_string()),
                "PATH" => Some(path.clone()),
                _ => None,
            };
            find_under(root.path(), flag, &env).unwrap().dir
        };
        assert_eq!(find(Some(&flag), Some(&variable), &[&config_only, &path]), flag);
        assert_eq!(find(None, Some(&variable), &[&config_only, &path]), variable);
        assert_eq!(find(None, None, &[&config_only, &path]), config);
        assert_eq!(find(None, None, &[&path]), usual);
        std::fs::remove_dir_all(root.path().join("usr")).unwrap();
        assert_eq!(find(None, None, &[&path]), path);
    }

    #[test]
    fn a_folder_that_somebody_named_must_hold_postgresql() {
        let root = tempfile::tempdir().unwrap();
        fake(root.path(), "usr/lib/postgresql/18/bin", "18.1");
        let empty = root.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        let error = find_under(root.path(), Some(&empty), &nothing).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.message.contains("missing `initdb`"), "{error}");
        let env = |name: &str| (name == "PGKIT_PG_BIN").then(|| empty.display().to_string());
        assert_eq!(find_under(root.path(), None, &env).unwrap_err().exit, Exit::BadInput);
        let error = find_under(root.path(), Some(&root.path().join("usr/lib/postgresql/18")), &nothing);
        assert!(error.unwrap_err().hints[0].contains("did you mean"));
        let old = fake(root.path(), "old", "9.6.24");
        assert_eq!(find_under(root.path(), Some(&old), &nothing).unwrap_err().exit, Exit::TooOld);
        let other = fake(root.path(), "other", "15.1");
        std::fs::write(other.join("postgres"), "#!/bin/sh\necho something else\n").unwrap();
        let error = find_under(root.path(), Some(&other), &nothing).unwrap_err();
        assert!(error.message.contains("is not PostgreSQL"), "{error}");
    }

    #[test]
    fn without_postgresql_the_hint_names_the_package_of_this_system() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/os-release"), "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n")
            .unwrap();
        if cfg!(not(target_os = "macos")) {
            let error = find_under(root.path(), None, &nothing).unwrap_err();
            assert_eq!(error.exit, Exit::Unavailable);
            assert_eq!(error.hints[0], "install it with `apt-get install postgresql`");
        }
        for (release, package) in [
            ("ID=\"rhel\"\nID_LIKE=\"fedora\"", "dnf install postgresql-server"),
            ("ID=fedora", "dnf install postgresql-server"),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"", "dnf install postgresql-server"),
            ("ID=alpine", "apk add postgresql"),
            ("ID=arch", "pacman -S postgresql"),
            ("ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"", "zypper install postgresql-server"),
            ("ID=plan9", "often postgresql-server"),
        ] {
            assert!(install(Some(release), false).contains(package), "{release}");
        }
        assert!(install(None, true).contains("brew install postgresql"));
    }
}
