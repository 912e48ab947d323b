//! What a configuration file says.

use std::path::PathBuf;
use std::time::Duration;

use anstyle::AnsiColor;

/// How long a password from a command is used unless the file says otherwise. Tokens of clouds are valid for 15 minutes.
pub const PASSWORD_AGE: Duration = Duration::from_secs(10 * 60);

/// What a configuration file says. The default is an empty file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The file; `None` if there is none.
    pub path: Option<PathBuf>,
    /// The defaults of flags for all commands.
    pub defaults: Vec<Setting>,
    /// The defaults of flags for one command each.
    pub commands: Vec<(String, Vec<Setting>)>,
    /// The command that prints the password of a server that has no command of its own.
    pub password_command: Option<String>,
    /// How long its passwords are used.
    pub password_max_age: Option<Duration>,
    /// These two keys, as they stand in the file.
    pub lines: Vec<Line>,
    pub servers: Vec<Server>,
    pub groups: Vec<Group>,
}

/// The default of a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The flag's long name, without dashes.
    pub flag: String,
    /// Its values; several if the flag takes a list.
    pub values: Vec<String>,
    /// Whether the value is a boolean.
    pub is_switch: bool,
    pub line: usize,
}

/// A server by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    pub name: String,
    /// The connection string; `None` means the service of the server's name.
    pub conninfo: Option<String>,
    /// The host through which ssh leads to it.
    pub ssh: Option<String>,
    /// The command that prints the password.
    pub password_command: Option<String>,
    /// How long such a password is used.
    pub password_max_age: Option<Duration>,
    /// The colour of questions about it.
    pub color: Option<AnsiColor>,
    pub line: usize,
    /// Its keys, as they stand in the file.
    pub lines: Vec<Line>,
}

impl std::fmt::Debug for Server {
    /// Without the connection string, which may contain a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("name", &self.name).field("line", &self.line).finish_non_exhaustive()
    }
}

/// A key and its value, as they stand in the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    pub key: String,
    pub value: String,
    pub line: usize,
}

impl std::fmt::Debug for Line {
    /// Without the value, which may contain a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("key", &self.key).field("line", &self.line).finish_non_exhaustive()
    }
}

/// Several servers under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    /// Names of servers, and names of groups that begin with @.
    pub members: Vec<String>,
    pub line: usize,
}

/// The colours of the terminal that a question may have.
pub const COLORS: [(&str, AnsiColor); 6] = [
    ("red", AnsiColor::Red),
    ("green", AnsiColor::Green),
    ("yellow", AnsiColor::Yellow),
    ("blue", AnsiColor::Blue),
    ("magenta", AnsiColor::Magenta),
    ("cyan", AnsiColor::Cyan),
];

impl Config {
    /// Returns the server of this name.
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.name == name)
    }

    /// Returns the group of this name, which is given without its @.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Returns the servers of a group and of the groups in it, each once; `None` if it, or a group in it, does not exist.
    pub fn members(&self, group: &str) -> Option<Vec<&str>> {
        let mut names = Vec::new();
        let mut seen = Vec::new();
        self.collect(group, &mut seen, &mut names)?;
        Some(names)
    }

    fn collect<'a>(&'a self, group: &str, seen: &mut Vec<&'a str>, names: &mut Vec<&'a str>) -> Option<()> {
        let group = self.group(group)?;
        // A group that is, by a detour, in itself adds nothing.
        if seen.contains(&group.name.as_str()) {
            return Some(());
        }
        seen.push(&group.name);
        for member in &group.members {
            match member.strip_prefix('@') {
                Some(inner) => self.collect(inner, seen, names)?,
                None if names.contains(&member.as_str()) => {}
                None => names.push(member),
            }
        }
        Some(())
    }

    /// Returns the defaults of a command's flags: its own first, then those of all commands.
    pub fn of_command(&self, command: &str) -> impl Iterator<Item = &Setting> {
        let own = self.commands.iter().filter(move |(name, _)| name == command);
        own.flat_map(|(_, settings)| settings).chain(&self.defaults)
    }
}
