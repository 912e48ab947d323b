//! The programs that others use for the same questions. All but psql are optional; those that are not installed are named.
//!
//! Their statements are not copied: the programs are run, or the files of their packages are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure::like;
use crate::pairs::{Place, Side};
use crate::support;

/// Another way to answer the question of a report.
#[derive(Debug, Clone, Copy)]
pub enum Peer {
    /// psql with these commands or statements.
    Psql(&'static [&'static str]),
    /// A subcommand of the Rust port of pg-extras.
    Extras(&'static str),
    /// A statement of `pg_activity`, run by psql. The program itself only draws a screen.
    Activity(&'static str),
    /// An action of `check_postgres`, with thresholds where it wants some.
    CheckPostgres(&'static str),
    /// A service of `check_pgactivity`, with thresholds where it wants some.
    CheckActivity(&'static str),
}

/// Where each program is.
pub struct Found {
    extras: Result<PathBuf, String>,
    check_postgres: Result<PathBuf, String>,
    check_activity: Result<PathBuf, String>,
    /// The files with the statements of `pg_activity`, by name and by the oldest server that each is for.
    activity: Result<BTreeMap<String, BTreeMap<u32, PathBuf>>, String>,
}

impl Found {
    /// Looks for the programs on the `PATH` and in Debian's folder of plugins.
    pub fn here() -> Found {
        let missing = |program: &str, how: &str| format!("{program} is not on the PATH ({how})");
        let there = |name: &str, how: &str| on_path(name).ok_or_else(|| missing(name, how));
        Found {
            extras: there("pgextras", "cargo install pg-extras"),
            check_postgres: there("check_postgres", "apt install check-postgres")
                .or_else(|missing| on_path("check_postgres.pl").ok_or(missing)),
            check_activity: there("check_pgactivity", "apt install check-pgactivity"),
            activity: there("pg_activity", "pip install pg_activity")
                .and_then(|program| statements(&program)),
        }
    }

    /// Returns what is missing, and how to install it.
    pub fn missing(&self) -> Vec<&str> {
        let programs = [&self.extras, &self.check_postgres, &self.check_activity];
        let programs = programs.into_iter().filter_map(|found| found.as_ref().err());
        programs.chain(self.activity.as_ref().err()).map(String::as_str).collect()
    }

    /// Returns the peer's side of a pair; `None` if the peer is not installed.
    pub fn side(&self, place: &Place, peer: Peer) -> Option<Side> {
        match peer {
            Peer::Psql(commands) => Some(psql(place, commands)),
            Peer::Extras(sub) => {
                let mut command = program(place, self.extras.as_ref().ok()?);
                command.arg(sub).env("DATABASE_URL", url(place));
                // Some subcommands look into one schema only.
                command.env("PG_EXTRAS_SCHEMA", "app");
                Some(Side::of(format!("pgextras {sub}"), command))
            }
            Peer::Activity(name) => {
                let text = std::fs::read_to_string(self.statement(name, place.major)?).unwrap();
                let file = place.folder.join(format!("{name}.psql"));
                std::fs::write(&file, filled(&text)).unwrap();
                let command = psql_command(place);
                let command = support::with(command, ["-XAt", "-f", file.to_str().unwrap()]);
                Some(Side::of(format!("psql -f pg_activity's {name}"), command))
            }
            Peer::CheckPostgres(line) => {
                let mut command = program(place, self.check_postgres.as_ref().ok()?);
                let info = &place.db.info;
                let (action, arguments) = line.split_once(' ').unwrap_or((line, ""));
                command.arg(format!("--action={action}")).args(arguments.split_whitespace());
                command.arg(format!("--host={}", info.socket_dir.display()));
                command.arg(format!("--port={}", info.port)).arg(format!("--dbuser={}", info.user));
                command.arg(format!("--dbname={}", place.db.name)).arg("--timeout=300");
                Some(Side { accepts: NAGIOS, ..Side::of(format!("check_postgres {action}"), command) })
            }
            Peer::CheckActivity(line) => {
                let mut command = program(place, self.check_activity.as_ref().ok()?);
                let (service, arguments) = line.split_once(' ').unwrap_or((line, ""));
                let info = &place.db.info;
                command.args(["-s", service]).args(arguments.split_whitespace());
                command.arg("-h").arg(&info.socket_dir).args(["-p", &info.port.to_string()]);
                command.args(["-U", &info.user, "-d", &place.db.name, "-t", "300"]);
                command.arg("-P").arg(support::psql_path());
                command.arg("--status-file").arg(place.folder.join("check_pgactivity.data"));
                Some(Side { accepts: NAGIOS, ..Side::of(format!("check_pgactivity {service}"), command) })
            }
        }
    }

    /// Returns the file with a statement of `pg_activity` for this server.
    fn statement(&self, name: &str, major: u32) -> Option<&Path> {
        let all = self.activity.as_ref().ok()?;
        let versions =
            all.get(name).unwrap_or_else(|| panic!("pg_activity has no {name}, but {:?}", all.keys()));
        versions.range(..=major * 10_000).next_back().map(|(_, path)| path.as_path())
    }
}

/// How many bytes of a statement are shown. The statements are ASCII.
const SHOWN: usize = 48;

/// The highest exit status with which a Nagios plugin still answers: 0 is OK, 1 is a warning, 2 is critical.
const NAGIOS: i32 = 2;

/// Returns the path of a program on the `PATH` or in Debian's folder of plugins.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = support::variable("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/lib/nagios/plugins"]);
    folders.map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}

/// Returns the files with the statements of `pg_activity`. They are beside its Python modules, which the interpreter in the
/// program's first line can find.
fn statements(program: &Path) -> Result<BTreeMap<String, BTreeMap<u32, PathBuf>>, String> {
    let lost = |what: &str| format!("the statements of {}: {what}", program.display());
    let text = std::fs::read(program).map_err(|e| lost(&e.to_string()))?;
    let first =
        String::from_utf8_lossy(text.split(|byte| *byte == b'\n').next().unwrap_or_default()).into_owned();
    let interpreter: Vec<&str> = first.strip_prefix("#!").unwrap_or_default().split_whitespace().collect();
    let (name, arguments) = interpreter.split_first().ok_or_else(|| lost("no script"))?;
    let find = "import importlib.util as u; print(u.find_spec('pgactivity').submodule_search_locations[0])";
    let output = Command::new(name).args(arguments).args(["-c", find]).output();
    let output = output.map_err(|e| lost(&e.to_string()))?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).join("queries");
    let mut all: BTreeMap<String, BTreeMap<u32, PathBuf>> = BTreeMap::new();
    for entry in std::fs::read_dir(&folder).map_err(|e| lost(&format!("{}: {e}", folder.display())))? {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if let Some((name, since)) = stem.split_once("_post_")
            && let Ok(since) = since.parse()
        {
            all.entry(name.to_owned()).or_default().insert(since, path.clone());
        }
    }
    Ok(all)
}

/// Fills in a statement of `pg_activity` as the program does without options.
fn filled(text: &str) -> String {
    let values = [
        ("{duration_column}", "query_start"),
        ("{min_duration}", "0"),
        ("{dbname_filter}", "NULL"),
        ("%(min_duration)s", "0"),
        ("%(dbname_filter)s", "NULL"),
        ("%(skip_db_size)s", "false"),
        ("%(prev_total_size)s", "0"),
        ("%(using_rds)s", "false"),
    ];
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// Returns a program with the shared environment, and with psql itself, not a wrapper, first on its `PATH`.
fn program(place: &Place, path: &Path) -> Command {
    let psql = support::psql_path();
    let mut command = like(&place.command(&place.db.info.user), path);
    if let Some(folder) = psql.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", folder.display()));
        command.env("PGBINDIR", folder);
    }
    command
}

fn psql_command(place: &Place) -> Command {
    like(&place.command(&place.db.info.user), support::psql_path())
}

fn psql(place: &Place, commands: &[&str]) -> Side {
    let arguments = commands.iter().flat_map(|command| ["-c", command]);
    let command = support::with(psql_command(place), ["-XAt"].into_iter().chain(arguments));
    let shown = commands.iter().map(|command| match command.strip_prefix('\\') {
        Some(_) => (*command).to_owned(),
        None if command.len() > SHOWN => format!("-c '{}…'", &command[..SHOWN]),
        None => format!("-c '{command}'"),
    });
    Side::of(format!("psql {}", shown.collect::<Vec<_>>().join(" ")), command)
}

/// Returns the URL of the database, for a program that takes nothing else.
fn url(place: &Place) -> String {
    let info = &place.db.info;
    let sockets = info.socket_dir.to_string_lossy().replace('/', "%2F");
    format!("postgres://{}@{sockets}:{}/{}", info.user, info.port, place.db.name)
}
