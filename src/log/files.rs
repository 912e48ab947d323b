//! Where the server's log goes, which parts of it this role may read over SQL, and how fast it grows.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::local::{self, Postmaster, Stderr};
use super::source::{self, Named};
use crate::error::{Error, Exit, Result};
use crate::escape::shell_word;
use crate::session::{Value, Writer};

const FILES: &str = include_str!("../../queries/log/files.sql");
/// The most bytes that are read of the collector's own list of files, which has three lines.
const LIST: u64 = 64 << 10;
const RIGHTS: &str = include_str!("../../queries/log/rights.sql");

/// One way to ask the server: its own functions, or those that a superuser has granted.
struct Statements {
    list: &'static str,
    current: &'static str,
    read: &'static str,
}

const DIRECT: Statements = Statements {
    list: include_str!("../../queries/log/direct/list.sql"),
    current: include_str!("../../queries/log/direct/current.sql"),
    read: include_str!("../../queries/log/direct/read.sql"),
};
const GRANTED: Statements = Statements {
    list: include_str!("../../queries/log/granted/list.sql"),
    current: include_str!("../../queries/log/granted/current.sql"),
    read: include_str!("../../queries/log/granted/read.sql"),
};

/// How a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum Format {
    /// Lines that begin with log_line_prefix
    #[serde(rename = "stderr")]
    Stderr,
    /// csvlog
    #[serde(rename = "csvlog")]
    Csv,
    /// jsonlog, from PostgreSQL 15 on
    #[serde(rename = "jsonlog")]
    Json,
}

/// The settings that say where things are; `None` if the role may not see one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// postgresql.conf
    pub config_file: Option<String>,
    /// pg_hba.conf
    pub hba_file: Option<String>,
    /// pg_ident.conf
    pub ident_file: Option<String>,
    /// The data folder.
    pub data_directory: Option<String>,
    /// Where the log goes: `stderr`, `csvlog`, `jsonlog`, `syslog`, and lists of these.
    pub log_destination: Option<String>,
    /// Whether stderr output is collected into files (`on` or `off`).
    pub logging_collector: Option<String>,
    /// The folder of these files.
    pub log_directory: Option<String>,
    /// The pattern of their names.
    pub log_filename: Option<String>,
    /// The prefix of a line that goes to stderr.
    pub log_line_prefix: Option<String>,
    /// The time zone of the times in the log.
    pub log_timezone: Option<String>,
    /// The syslog facility.
    pub syslog_facility: Option<String>,
    /// The server's name in syslog.
    pub syslog_ident: Option<String>,
}

impl Settings {
    /// Returns whether the server collects its log into files itself.
    pub fn collects(&self) -> bool {
        self.logging_collector.as_deref() == Some("on")
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rights {
    current: bool,
    list: bool,
    read: bool,
    granted: bool,
}

/// A file that the log is being written to.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Current {
    format: Format,
    path: Option<String>,
}

/// A file of the log directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogFile {
    /// Its name, without its folder.
    pub name: String,
    /// Its size in bytes.
    pub size: i64,
}

/// What is known about the server's log.
pub struct Place {
    /// The settings.
    pub settings: Settings,
    /// The server's main process, when it runs on this machine.
    pub postmaster: Option<Postmaster>,
    rights: Rights,
}

/// Where the log can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Log {
    /// In files that the server shows over SQL: the format, and the current file's path as the server knows it.
    Server(Format, String),
    /// In a file of this machine.
    Local(Format, PathBuf),
    /// Nowhere that can be read from here; the sentence says how to find it.
    Unknown(String),
}

impl Place {
    /// Asks the server, and looks at this machine.
    pub async fn find(writer: &Writer) -> Result<Place> {
        let settings: Settings = writer.one(FILES, &[]).await?;
        let rights: Rights = writer.one(RIGHTS, &[]).await?;
        let postmaster = local::postmaster(writer.backend_pid(), writer.user(), writer.database());
        Ok(Place { settings, postmaster, rights })
    }

    fn statements(&self) -> Option<&'static Statements> {
        match self.rights {
            Rights { current: true, list: true, read: true, .. } => Some(&DIRECT),
            Rights { granted: true, .. } => Some(&GRANTED),
            _ => None,
        }
    }

    /// Lists the files of the log directory, the oldest first; `None` if the role may not, or if there are none.
    pub async fn list(&self, writer: &Writer) -> Result<Option<Vec<LogFile>>> {
        let statement = match self.rights {
            Rights { list: true, .. } => DIRECT.list,
            Rights { granted: true, .. } => GRANTED.list,
            _ => return Ok(None),
        };
        match writer.structs(statement, &[]).await {
            Ok(files) => Ok(Some(files)),
            // The directory does not exist.
            Err(e) if e.sqlstate.as_deref() == Some("58P01") => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Returns the files that the log is being written to, each with the server's path.
    pub async fn current(&self, writer: &Writer) -> Result<Vec<(Format, String)>> {
        let statement = match self.rights {
            Rights { current: true, .. } => DIRECT.current,
            Rights { granted: true, .. } => GRANTED.current,
            _ => return Ok(Vec::new()),
        };
        let all: Vec<Current> = writer.structs(statement, &[]).await?;
        Ok(all.into_iter().filter_map(|one| Some((one.format, one.path?))).collect())
    }

    /// Reads a log file over SQL, from this byte on; `None` if the file is gone.
    pub async fn read(&self, writer: &Writer, path: &str, from: u64, bytes: u64) -> Result<Option<Vec<u8>>> {
        let statements = self.statements().ok_or_else(|| self.refusal(writer))?;
        let number = |n: u64| Value::Int8(i64::try_from(n).unwrap_or(i64::MAX));
        let params = [Value::Text(path.to_owned()), number(from), number(bytes)];
        let rows = writer.bytes(statements.read, &params).await?;
        Ok(rows.into_iter().next().flatten())
    }

    /// Returns the error for a role that may not read the log.
    fn refusal(&self, writer: &Writer) -> Error {
        let error =
            Error::new(Exit::Permission, format!("role {:?} cannot read the server's log", writer.user()));
        match writer.service() {
            Some(service) => error.hint(format!("on {}: {}", service.name(), service.log())),
            None => error.hint(format!(
                "a superuser can grant it, and nothing else: pgkit log grants --role {} | psql -d {}",
                shell_word(writer.user()),
                shell_word(writer.database())
            )),
        }
    }

    /// Returns where the log is. If it is written in several formats, the one with the most information wins.
    ///
    /// Errors: the log is on the server, and the role may not read it (77).
    pub async fn log(&self, writer: &Writer) -> Result<Log> {
        if self.settings.collects() {
            let current = self.current(writer).await?;
            if let (Some((format, path)), Some(_)) = (current.first(), self.statements()) {
                return Ok(Log::Server(*format, path.clone()));
            }
            if let Some(log) = self.local_collected(&current) {
                return Ok(log);
            }
            return match current.is_empty() && self.statements().is_some() {
                true if !self.writes_files() => Ok(self.uncollected()),
                true => Ok(Log::Unknown("the collector has not written anything yet".to_owned())),
                false => Err(self.refusal(writer)),
            };
        }
        Ok(self.uncollected())
    }

    /// Returns a collected log as a file of this machine, if this user can open it.
    fn local_collected(&self, current: &[(Format, String)]) -> Option<Log> {
        let data = self.postmaster.as_ref()?.data_directory.clone()?;
        let named = Named::ByServer(self.owner());
        let current: Vec<(Format, String)> = if current.is_empty() {
            // The collector lists the names of its current files, one per line.
            let mut text = String::new();
            let list = source::open(&data.join("current_logfiles"), named).ok()?;
            list.take(LIST).read_to_string(&mut text).ok()?;
            let mut all: Vec<(Format, String)> = text
                .lines()
                .filter_map(|line| line.split_once(' '))
                .filter_map(|(format, path)| {
                    let format = serde_json::from_value(serde_json::Value::from(format)).ok()?;
                    Some((format, path.to_owned()))
                })
                .collect();
            all.sort_by_key(|(format, _)| match format {
                Format::Csv => 0,
                Format::Json => 1,
                Format::Stderr => 2,
            });
            all
        } else {
            current.to_vec()
        };
        let (format, path) = current.first()?;
        let path = in_log_directory(&data, self.settings.log_directory.as_deref(), path)?;
        source::open(&path, named).ok().map(|_| Log::Local(*format, path))
    }

    /// Returns whether any destination is one that the collector writes to files.
    fn writes_files(&self) -> bool {
        let destination = self.settings.log_destination.as_deref().unwrap_or("stderr");
        ["stderr", "csvlog", "jsonlog"].iter().any(|kind| destination.contains(kind))
    }

    /// Returns the owner of the files that the server collects its log in, which is the owner of the data folder.
    pub fn owner(&self) -> Option<u32> {
        let data = self.postmaster.as_ref()?.data_directory.as_ref()?;
        let meta = self.settings.collects().then(|| std::fs::metadata(data).ok());
        meta.flatten().map(|meta| meta.uid())
    }

    /// Returns where a log is that no collector keeps.
    fn uncollected(&self) -> Log {
        let destination = self.settings.log_destination.as_deref().unwrap_or_default();
        if !destination.contains("stderr") {
            if destination.contains("syslog") {
                return Log::Unknown(format!(
                    "the log goes to syslog, facility {}, as {:?}: look with journalctl -t {1}, or in /var/log",
                    self.settings.syslog_facility.as_deref().unwrap_or("local0"),
                    self.settings.syslog_ident.as_deref().unwrap_or("postgres"),
                ));
            }
            if destination.contains("eventlog") {
                return Log::Unknown(
                    "the log goes to Windows' event log: look with Get-WinEvent -ProviderName PostgreSQL, or in the event viewer"
                        .to_owned(),
                );
            }
            return Log::Unknown(format!(
                "the log goes to {destination:?}, and no collector writes it to files"
            ));
        }
        match &self.postmaster {
            Some(Postmaster { stderr: Stderr::File(path), .. }) => Log::Local(Format::Stderr, path.clone()),
            Some(postmaster) => {
                if let Some(path) = self.settings.config_file.as_deref().and_then(local::debian_log) {
                    return Log::Local(Format::Stderr, path);
                }
                let kind = match &postmaster.stderr {
                    Stderr::Elsewhere(to) => format!(" ({to})"),
                    _ => String::new(),
                };
                let how = match &postmaster.unit {
                    Some(unit) => format!("look with journalctl -u {unit}"),
                    None if postmaster.stderr == Stderr::Hidden => {
                        format!("find out where with sudo readlink /proc/{}/fd/2", postmaster.pid)
                    }
                    None => "see the process that started it".to_owned(),
                };
                Log::Unknown(format!("the server, process {} here, logs to its standard error{kind}: {how}", postmaster.pid))
            }
            None => Log::Unknown(
                "the server logs to its standard error, and only its own machine knows where that goes: with systemd \
                 journalctl -u postgresql, on Debian /var/log/postgresql, with Homebrew $(brew --prefix)/var/log, in a \
                 container docker logs NAME"
                    .to_owned(),
            ),
        }
    }
}

/// Returns the file that the server calls by this name, if it is in the log directory. A name that leads anywhere
/// else is not that of a log file, no matter who wrote it down.
fn in_log_directory(data: &Path, directory: Option<&str>, name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    let inside = match directory {
        Some(directory) => path.strip_prefix(directory).ok()?,
        // The role may not see the setting.
        None => path,
    };
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    (inside.components().next().is_some() && inside.components().all(plain)).then(|| data.join(path))
}

/// Adds up how much a log has grown, even if files are rotated, truncated or removed in the meantime.
#[derive(Debug, Clone, Default)]
pub struct Growth {
    sizes: Option<BTreeMap<String, u64>>,
    /// The growth in bytes since the first call of [`Growth::look`].
    pub bytes: u64,
}

impl Growth {
    /// Takes in the present sizes.
    pub fn look(&mut self, sizes: BTreeMap<String, u64>) {
        if let Some(before) = &self.sizes {
            for (name, size) in &sizes {
                let before = before.get(name).copied().unwrap_or(0);
                // A file that is smaller was started again from its beginning.
                self.bytes += if *size >= before { size - before } else { *size };
            }
        }
        self.sizes = Some(sizes);
    }
}

/// Returns the sizes of all files of the log; `None` if they cannot be determined from here.
pub async fn sizes(place: &Place, writer: &Writer) -> Result<Option<BTreeMap<String, u64>>> {
    if place.settings.collects() {
        if let Some(files) = place.list(writer).await? {
            let size = |file: LogFile| (file.name, u64::try_from(file.size).unwrap_or(0));
            return Ok(Some(files.into_iter().map(size).collect()));
        }
        return Ok(None);
    }
    Ok(match place.uncollected() {
        Log::Local(_, path) => {
            std::fs::metadata(&path).ok().map(|meta| [(path.display().to_string(), meta.len())].into())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_survives_rotation_truncation_and_removal() {
        let sizes = |list: &[(&str, u64)]| list.iter().map(|(n, s)| ((*n).to_owned(), *s)).collect();
        let mut growth = Growth::default();
        growth.look(sizes(&[("a", 100), ("b", 50)]));
        assert_eq!(growth.bytes, 0);
        growth.look(sizes(&[("a", 130), ("b", 50), ("c", 7)]));
        assert_eq!(growth.bytes, 37);
        growth.look(sizes(&[("a", 10), ("c", 7)]));
        assert_eq!(growth.bytes, 47);
    }

    #[test]
    fn a_name_leads_nowhere_but_into_the_log_directory() {
        let found = |directory, name| in_log_directory(Path::new("/data"), directory, name);
        let is = |path: &str| Some(PathBuf::from(path));
        assert_eq!(found(Some("log"), "log/a.log"), is("/data/log/a.log"));
        assert_eq!(found(Some("/var/log/pg"), "/var/log/pg/2026/a.log"), is("/var/log/pg/2026/a.log"));
        assert_eq!(found(None, "log/a.log"), is("/data/log/a.log"));
        for (directory, name) in [
            (Some("log"), "log/../../etc/shadow"),
            (Some("log"), "/etc/shadow"),
            (Some("log"), "other/a.log"),
            (Some("log"), "log"),
            (Some("/var/log/pg"), "/var/log/pg/../auth.log"),
            (None, "/etc/shadow"),
            (None, "../a.log"),
            (None, ""),
        ] {
            assert_eq!(found(directory, name), None, "{directory:?} {name}");
        }
    }
}
