//! Live completion: databases, schemas, relations, functions and sessions of the server that the command line
//! names, and jobs of the file that it names.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::sync::OnceLock;
use std::time::Duration;

use clap::Arg;
use clap_complete::{ArgValueCompleter, CompletionCandidate};

use super::{config, servers};
use crate::connect::{self, Flags, Printed};
use crate::error::{Error, Exit, Result};
use crate::jobs::file;
use crate::log::known;
use crate::report::{self, Complete, Param, ParamType};
use crate::session::{InFlight, Reader, Settings, Value};

/// How long a person may have to wait after pressing Tab.
const PATIENCE: Duration = Duration::from_millis(500);

/// Queries whose `$1` is the beginning that has been typed; they return one name per row.
const DATABASES: &str = include_str!("../../queries/complete/databases.sql");
const ROLES: &str = include_str!("../../queries/complete/roles.sql");
const RELATIONS: &str = include_str!("../../queries/complete/relations.sql");
const FUNCTIONS: &str = include_str!("../../queries/complete/functions.sql");
const SESSIONS: &str = include_str!("../../queries/complete/sessions.sql");

/// The command line that is being completed: clap gives a completer only the beginning of one value.
static LINE: OnceLock<Vec<String>> = OnceLock::new();

/// Sets the words of the line, without quotes, up to the one that is being typed.
pub fn set_line(words: &[String]) {
    // A process completes one line.
    let _ = LINE.set(words.to_vec());
}

fn line() -> &'static [String] {
    LINE.get().map_or(&[], Vec::as_slice)
}

/// Completes a report's parameter with names from the server.
pub fn param(arg: Arg, param: &Param) -> Arg {
    match (param.kind, param.complete) {
        (_, Some(Complete::Functions)) => {
            arg.add(ArgValueCompleter::new(|typed: &OsStr| names(FUNCTIONS, typed)))
        }
        (_, Some(Complete::Relations)) | (ParamType::Patterns, None) => {
            arg.add(ArgValueCompleter::new(|typed: &OsStr| names(RELATIONS, typed)))
        }
        _ => arg,
    }
}

/// Completes a column of the report on the command line. Each column is offered once with each ending.
pub fn columns(endings: &'static [&'static str]) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| {
        let is_named = |name: &str| line().iter().any(|word| word == name);
        let reports = report::built_in(is_named).unwrap_or_default();
        let named = reports.into_iter().find(|report| is_named(&report.name));
        let columns = named.into_iter().flat_map(|report| report.columns);
        let names =
            columns.flat_map(|column| endings.iter().map(move |ending| format!("{}{ending}", column.name)));
        beginning(names, typed.to_str().unwrap_or_default())
    })
}

/// Completes `--dbname` with the databases on the server. A database whose name looks like a connection string is
/// not offered, because pgkit would connect to what the string says instead.
pub fn databases() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let mut names = names(DATABASES, typed);
        names.retain(|name| !name.get_value().to_str().is_none_or(connect::is_connection_string));
        names
    })
}

/// Completes the name of a database on the server, for flags that do not accept a connection string.
pub fn database_names() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| names(DATABASES, typed))
}

/// Completes the name of a role on the server.
pub fn roles() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| names(ROLES, typed))
}

/// Completes `--service`: services, servers and groups of the configuration file, and `all`; in a list, its last name.
pub fn services() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_str().unwrap_or_default();
        let before = typed.rfind(',').map_or("", |at| &typed[..=at]);
        let env = connect::environment();
        let services = connect::services(&env, &connect::Disk).unwrap_or_default();
        let config = config::load(&env).unwrap_or_default();
        let servers = config.servers.into_iter().map(|server| server.name);
        let groups = config.groups.into_iter().map(|group| format!("@{}", group.name));
        let names = services.into_iter().chain(servers).chain(groups).chain(["all".to_owned()]);
        let names: BTreeSet<String> = names.map(|name| format!("{before}{name}")).collect();
        beginning(names, typed)
    })
}

/// Completes the name of a check of `doctor`.
pub fn checks() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let reports = report::built_in(|_| true).unwrap_or_default().into_iter();
        let all = reports.chain(report::of_doctor().unwrap_or_default());
        let names: BTreeSet<String> = all.flat_map(|report| report.checks).map(|check| check.name).collect();
        beginning(names, typed.to_str().unwrap_or_default())
    })
}

/// Completes the name of a known log_line_prefix.
pub fn line_prefixes() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let names = known::NAMED.iter().map(|(name, _)| (*name).to_owned());
        beginning(names, typed.to_str().unwrap_or_default())
    })
}

/// Completes the pid of a session on the server.
pub fn sessions() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| names(SESSIONS, typed))
}

/// Completes the name of a job in the jobs file.
pub fn jobs() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let named =
            line().windows(2).rev().find_map(|pair| (pair[0] == "--file").then_some(pair[1].as_str()));
        let env = connect::environment();
        let path = named.or(env.nonempty("PGKIT_JOBS")).unwrap_or("jobs.toml");
        // Reading from a pipe could block forever.
        let is_file = std::fs::metadata(path).is_ok_and(|meta| meta.is_file());
        let text = if is_file { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        let path = std::path::Path::new(path);
        let parsed = file::parse_all(&text, &mut |pattern| super::jobs::included(path, pattern, env.uid()));
        let names = parsed.jobs.into_iter().map(|job| job.name);
        beginning(names, typed.to_str().unwrap_or_default())
    })
}

/// Returns the names on the server that begin like this; none if it does not answer in time.
fn names(sql: &str, typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, ask(sql, typed)).await });
    runtime.shutdown_background();
    beginning(answer.ok().and_then(Result::ok).unwrap_or_default(), typed)
}

/// Returns the names that begin like this, without those that would be taken for a flag.
fn beginning(names: impl IntoIterator<Item = String>, typed: &str) -> Vec<CompletionCandidate> {
    let fits = |name: &String| name.starts_with(typed) && !name.starts_with('-');
    names.into_iter().filter(fits).map(CompletionCandidate::new).collect()
}

async fn ask(sql: &str, typed: &str) -> Result<Vec<String>> {
    let env = connect::environment();
    let config = config::load(&env).unwrap_or_default();
    // A command that prints a password may ask a person.
    let flags = Flags {
        password_command: None,
        ..servers::configured(&config, &env, &flags_among(line()), &Printed::default())
    };
    // A press of Tab does not log in anywhere.
    if flags.ssh.is_some() {
        return Ok(Vec::new());
    }
    let target = connect::resolve(&flags, &env, &connect::Disk)?;
    let settings = Settings {
        statement_timeout: Some(PATIENCE),
        lock_timeout: Some(PATIENCE),
        role: None,
        watch_client: true,
    };
    // Do not ask for a password between two presses of Tab.
    let mut never = |_: &str| Err(Error::new(Exit::Unavailable, "no password"));
    let reader = Reader::connect(&target, settings, None, &InFlight::default(), &mut never).await?;
    let names = reader.names(sql, &[Value::Text(typed.to_owned())]).await?;
    reader.close().await;
    Ok(names)
}

/// Returns the connection flags on a line that is still being typed. `-d` is left out if its value is what is
/// being typed.
fn flags_among(line: &[String]) -> Flags {
    let mut flags = Flags { no_password: true, ..Flags::default() };
    for (i, word) in line.iter().enumerate() {
        for (short, long) in [
            ("-h", "--host"),
            ("-p", "--port"),
            ("-U", "--username"),
            ("-d", "--dbname"),
            ("--service", "--service"),
            ("--ssh", "--ssh"),
        ] {
            let value = if *word == short || *word == long {
                // The last word is the one that is being typed.
                line.get(i + 1).filter(|_| i + 2 < line.len()).cloned()
            } else if i + 1 == line.len() {
                None
            } else if let Some(value) = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')) {
                Some(value.to_owned())
            } else if let Some(value) = word.strip_prefix(short).filter(|_| !word.starts_with("--")) {
                Some(value.to_owned()).filter(|v| !v.is_empty())
            } else {
                None
            };
            if let Some(value) = value {
                match short {
                    "-h" => flags.host = Some(value),
                    "-p" => flags.port = Some(value),
                    "-U" => flags.username = Some(value),
                    "--service" => flags.service = Some(value),
                    "--ssh" => flags.ssh = Some(value),
                    _ => flags.dbname = Some(value),
                }
            }
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_still_typed_tells_where_to_connect() {
        let words: Vec<String> =
            ["pgkit", "sizes", "-h", "db1", "-p6432", "--dbname=shop", "-U", "me", "pub"]
                .map(Into::into)
                .to_vec();
        let flags = flags_among(&words);
        assert_eq!(flags.host.as_deref(), Some("db1"));
        assert_eq!(flags.port.as_deref(), Some("6432"));
        assert_eq!(flags.dbname.as_deref(), Some("shop"));
        assert_eq!(flags.username.as_deref(), Some("me"));
    }

    #[test]
    fn what_is_being_typed_is_no_flags_value_yet() {
        for line in [&["pgkit", "sizes", "-d", "sh"][..], &["pgkit", "--dbname=sh"], &["pgkit", "-dsh"]] {
            let words: Vec<String> = line.iter().map(|w| (*w).to_owned()).collect();
            assert_eq!(flags_among(&words).dbname, None);
        }
    }
}
