//! Reads the text of a configuration file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use toml::{Spanned, Value};

use super::settings::{COLORS, Config, Group, Server, Setting};
use crate::connect;
use crate::likeness::nearest;
use crate::units::parse_duration;

/// What is wrong with a file, and in which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub line: usize,
    pub why: String,
}

/// A table of flags and their values.
type Flags = BTreeMap<Spanned<String>, Spanned<Value>>;

/// The whole file, as TOML has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Top {
    password_command: Option<Spanned<String>>,
    password_max_age: Option<Spanned<String>>,
    #[serde(default)]
    defaults: Flags,
    #[serde(default)]
    commands: BTreeMap<Spanned<String>, Flags>,
    #[serde(default)]
    servers: BTreeMap<Spanned<String>, Table>,
    #[serde(default)]
    groups: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
}

/// The table of one server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    conninfo: Option<Spanned<String>>,
    ssh: Option<Spanned<String>>,
    password_command: Option<Spanned<String>>,
    password_max_age: Option<Spanned<String>>,
    color: Option<Spanned<String>>,
}

/// Reads a file's text. Errors: everything that is wrong with it, in the order of the lines.
pub fn parse(text: &str) -> Result<Config, Vec<Fault>> {
    let top: Top = toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        vec![Fault { line: line(text, at), why: said(e.message()) }]
    })?;
    let mut reader = Reader { text, faults: Vec::new() };
    let config = Config {
        path: None,
        password_max_age: reader.age(top.password_max_age.as_ref(), top.password_command.is_some()),
        password_command: top.password_command.as_ref().and_then(|value| {
            let command = reader.command(value)?;
            Some((command, line(text, value.span().start)))
        }),
        defaults: reader.settings(&top.defaults),
        commands: top
            .commands
            .iter()
            .map(|(name, flags)| (name.get_ref().clone(), reader.settings(flags)))
            .collect(),
        servers: top.servers.iter().map(|(name, table)| reader.server(name, table)).collect(),
        groups: top.groups.iter().map(|(name, members)| reader.group(name, members)).collect(),
    };
    for (group, members) in &top.groups {
        for member in members {
            let inner = member.get_ref().strip_prefix('@');
            if let Some(inner) = inner.filter(|inner| config.group(inner).is_none()) {
                let like = nearest(inner, config.groups.iter().map(|group| group.name.as_str()), 0.8);
                let like = like.map(|like| format!("; did you mean \"@{like}\"?")).unwrap_or_default();
                reader
                    .fault(member, format!("group {:?}: unknown group \"@{inner}\"{like}", group.get_ref()));
            }
        }
    }
    let mut faults = reader.faults;
    if faults.is_empty() {
        return Ok(config);
    }
    faults.sort_by(|a, b| (a.line, &a.why).cmp(&(b.line, &b.why)));
    Err(faults)
}

/// Returns the number of the line with this byte.
fn line(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// Returns what the parser says, in this program's words.
fn said(message: &str) -> String {
    let message = message.trim().replace('\n', "; ");
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((name, known)) = quoted.split_first().filter(|_| message.starts_with("unknown field")) else {
        return message;
    };
    match nearest(name, known.iter().copied(), 0.8) {
        Some(like) => format!("unknown key {name:?}; did you mean {like:?}?"),
        None => format!("unknown key {name:?}; the keys here are {}", known.join(", ")),
    }
}

/// Collects faults.
struct Reader<'t> {
    text: &'t str,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault<T>(&mut self, place: &Spanned<T>, why: String) {
        self.faults.push(Fault { line: line(self.text, place.span().start), why });
    }

    /// Reads a command of the shell, which must not be empty.
    fn command(&mut self, value: &Spanned<String>) -> Option<String> {
        if value.get_ref().trim().is_empty() {
            self.fault(value, "password_command must not be empty".to_owned());
            return None;
        }
        Some(value.get_ref().clone())
    }

    /// Reads for how long a password is used.
    fn age(&mut self, value: Option<&Spanned<String>>, has_command: bool) -> Option<Duration> {
        let value = value?;
        if !has_command {
            self.fault(value, "password_max_age without a password_command".to_owned());
        }
        match parse_duration(value.get_ref()) {
            Ok(age) => Some(age),
            Err(why) => {
                self.fault(value, format!("password_max_age: {why}"));
                None
            }
        }
    }

    /// Reads defaults of flags.
    fn settings(&mut self, flags: &Flags) -> Vec<Setting> {
        let mut settings = Vec::new();
        for (flag, value) in flags {
            match words(value.get_ref()) {
                Some(values) => settings.push(Setting {
                    flag: flag.get_ref().clone(),
                    values,
                    line: line(self.text, flag.span().start),
                }),
                None => {
                    let why = format!(
                        "{}: expected a text, a number, true, false, or a list of texts",
                        flag.get_ref()
                    );
                    self.fault(value, why);
                }
            }
        }
        settings
    }

    fn server(&mut self, name: &Spanned<String>, table: &Table) -> Server {
        self.name(name, "server");
        if let Some(conninfo) = &table.conninfo
            && let Err(why) = connect::check_conninfo(conninfo.get_ref())
        {
            self.fault(conninfo, format!("server {:?}: {why}", name.get_ref()));
        }
        let color = table.color.as_ref().and_then(|value| {
            let found = COLORS.iter().find(|(name, _)| name == value.get_ref());
            if found.is_none() {
                let names = COLORS.map(|(name, _)| name).join(", ");
                self.fault(value, format!("invalid color {:?}: expected one of {names}", value.get_ref()));
            }
            found.map(|(_, color)| *color)
        });
        let text = |value: &Option<Spanned<String>>| value.as_ref().map(|value| value.get_ref().clone());
        Server {
            name: name.get_ref().clone(),
            conninfo: text(&table.conninfo),
            ssh: text(&table.ssh),
            password_command: table.password_command.as_ref().and_then(|value| self.command(value)),
            password_max_age: self.age(table.password_max_age.as_ref(), table.password_command.is_some()),
            color,
            line: line(self.text, name.span().start),
        }
    }

    fn group(&mut self, name: &Spanned<String>, members: &[Spanned<String>]) -> Group {
        self.name(name, "group");
        for member in members.iter().filter(|member| !member.get_ref().starts_with('@')) {
            self.name(member, "server");
        }
        if members.is_empty() {
            self.fault(name, format!("group {:?} is empty", name.get_ref()));
        }
        Group {
            name: name.get_ref().clone(),
            members: members.iter().map(|member| member.get_ref().clone()).collect(),
            line: line(self.text, name.span().start),
        }
    }

    fn name(&mut self, name: &Spanned<String>, what: &str) {
        if let Err(why) = connect::check_name(name.get_ref()) {
            self.fault(name, why.replace("server name", &format!("{what} name")));
        }
    }
}

/// Returns the value of a flag as it would be typed; several for a list.
fn words(value: &Value) -> Option<Vec<String>> {
    let word = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    };
    match value {
        Value::Array(list) => list.iter().map(word).collect(),
        one => word(one).map(|word| vec![word]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let faults = parse(text).unwrap_err();
        faults.iter().map(|fault| format!("{}: {}", fault.line, fault.why)).collect()
    }

    #[test]
    fn each_table_is_read() {
        let config = parse(
            "password_command = 'vault'\npassword_max_age = '5m'\n[defaults]\nformat = 'csv'\nlimit = 3\nquiet = true\n\
             [commands.sizes]\ncolumns = ['name', 'total']\n[servers.a]\nconninfo = 'host=db1'\nssh = 'bastion'\ncolor = 'red'\n\
             [servers.b]\n[groups]\nprod = ['a', 'c']\nall-of-them = ['@prod', 'b', '@all-of-them']\n",
        )
        .unwrap();
        assert_eq!(config.password_command, Some(("vault".to_owned(), 1)));
        assert_eq!(config.password_max_age, Some(Duration::from_secs(300)));
        let of_sizes: Vec<(&str, String, usize)> = config
            .of_command("sizes")
            .map(|one| (one.flag.as_str(), one.values.join(","), one.line))
            .collect();
        let expected =
            [("columns", "name,total", 8), ("format", "csv", 4), ("limit", "3", 5), ("quiet", "true", 6)];
        assert_eq!(of_sizes, expected.map(|(flag, value, line)| (flag, value.to_owned(), line)));
        let a = config.server("a").unwrap();
        assert_eq!((a.ssh.as_deref(), a.color, a.line), (Some("bastion"), Some(anstyle::AnsiColor::Red), 9));
        assert_eq!(config.members("all-of-them"), Some(vec!["a", "c", "b"]));
        assert_eq!(config.members("nope"), None);
        assert_eq!(parse(""), Ok(Config::default()));
    }

    #[test]
    fn each_fault_has_its_line() {
        assert_eq!(
            faults("\nx = 1"),
            [
                "2: unknown key \"x\"; the keys here are password_command, password_max_age, defaults, commands, servers, groups"
            ]
        );
        assert_eq!(
            faults("[servers.a]\npasword_command = ''"),
            ["2: unknown key \"pasword_command\"; did you mean \"password_command\"?"]
        );
        assert_eq!(faults("[servers.a]\nssh = 3").len(), 1);
        assert_eq!(
            faults(
                "[servers.a]\nconninfo = 'hots=1'\ncolor = 'pink'\n[servers.'b,c']\npassword_max_age = '1m'\n\
                 [groups]\ng = []\nh = ['@i', 'all']\n"
            ),
            [
                "2: server \"a\": invalid connection option \"hots\"",
                "3: invalid color \"pink\": expected one of red, green, yellow, blue, magenta, cyan",
                "4: invalid server name \"b,c\": it cannot be \"all\", begin with @ or contain a comma",
                "5: password_max_age without a password_command",
                "7: group \"g\" is empty",
                "8: group \"h\": unknown group \"@i\"",
                "8: invalid server name \"all\": it cannot be \"all\", begin with @ or contain a comma",
            ]
        );
        assert_eq!(faults("[defaults]\nformat = {a = 1}").len(), 1);
        assert!(faults("a = 'x").first().unwrap().starts_with("1: "));
    }
}
