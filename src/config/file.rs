//! Reads the text of a configuration file.

use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::settings::{COLORS, Config, Group, Line, Server, Setting};
use crate::connect;
use crate::likeness::nearest;
use crate::units::parse_duration;

/// An error in a configuration file, with the number of its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub line: usize,
    pub why: String,
}

type Value<'i> = Spanned<DeValue<'i>>;

/// An entry of a table: its key, where that stands, and its value.
type Entry<'a, 'i> = (&'a str, usize, &'a Value<'i>);

/// The keys at the top of the file.
const TOP: &[&str] = &["password_command", "password_max_age", "defaults", "commands", "servers", "groups"];
/// The keys of a server.
const OF_SERVER: &[&str] = &["conninfo", "ssh", "password_command", "password_max_age", "color"];

/// Reads a file's text. Errors: everything that is wrong with it, in the order of the lines.
pub fn parse(text: &str) -> Result<Config, Vec<Fault>> {
    let breaks = text.match_indices('\n').map(|(at, _)| at).collect();
    let mut reader = Reader { breaks, faults: Vec::new() };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or_default();
        let mut why = error.message().trim().replace('\n', "; ");
        if why == "duplicate key" {
            why.push_str(&format!(" {:?}", text.get(span.clone()).unwrap_or_default()));
        }
        reader.fault(span.start, why);
    }
    // After a syntax error, what is left would only lead to misleading faults.
    if reader.faults.is_empty() {
        let config = reader.config(root.get_ref());
        if reader.faults.is_empty() {
            return Ok(config);
        }
    }
    reader.faults.sort_by(|a, b| (a.line, &a.why).cmp(&(b.line, &b.why)));
    Err(reader.faults)
}

/// Returns the entries of a table in the order of the file.
fn entries<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Entry<'a, 'i>> {
    let entry = |(key, value): (&'a Spanned<_>, &'a Value<'i>)| -> Entry<'a, 'i> {
        let name: &std::borrow::Cow<'i, str> = key.get_ref();
        (name.as_ref(), key.span().start, value)
    };
    let mut entries: Vec<Entry<'a, 'i>> = table.iter().map(entry).collect();
    entries.sort_by_key(|(_, at, _)| *at);
    entries
}

/// Reads the tables, and collects faults.
struct Reader {
    /// Where lines end, to find line numbers quickly: a file may list thousands of servers.
    breaks: Vec<usize>,
    faults: Vec<Fault>,
}

impl Reader {
    /// Returns the number of the line with this byte.
    fn line(&self, at: usize) -> usize {
        1 + self.breaks.partition_point(|end| *end < at)
    }

    fn fault(&mut self, at: usize, why: String) {
        let line = self.line(at);
        self.faults.push(Fault { line, why });
    }

    fn config(&mut self, root: &DeTable<'_>) -> Config {
        let mut config = Config::default();
        let mut general = Keys::default();
        for (key, at, value) in entries(root) {
            match key {
                "password_command" | "password_max_age" => self.key(key, value, "", &mut general),
                "defaults" => config.defaults = self.settings(key, value),
                "commands" => {
                    for (name, _, value) in self.table(key, value) {
                        let settings = self.settings(&format!("commands.{name}"), value);
                        config.commands.push((name.to_owned(), settings));
                    }
                }
                "servers" => {
                    for (name, at, value) in self.table(key, value) {
                        config.servers.push(self.server(name, at, value));
                    }
                }
                "groups" => {
                    for (name, at, value) in self.table(key, value) {
                        config.groups.push(self.group(name, at, value));
                    }
                }
                _ => self.unknown(key, at, TOP, ""),
            }
        }
        self.check_age(&general, "");
        config.password_command = general.password_command;
        config.password_max_age = general.password_max_age;
        config.lines = general.lines;
        self.check_groups(root, &config);
        config
    }

    /// Returns the entries of a table. If the value is not a table, that is an error in the file.
    fn table<'a, 'i>(&mut self, place: &str, value: &'a Value<'i>) -> Vec<Entry<'a, 'i>> {
        match value.get_ref() {
            DeValue::Table(table) => entries(table),
            _ => {
                self.fault(value.span().start, format!("{place} must be a table: [{place}]"));
                Vec::new()
            }
        }
    }

    fn unknown(&mut self, key: &str, at: usize, known: &[&str], place: &str) {
        let hint = match nearest(key, known.iter().copied(), 0.8) {
            Some(like) => format!("did you mean {like:?}?"),
            None => format!("the keys are {}", known.join(", ")),
        };
        self.fault(at, format!("{place}unknown key {key:?}; {hint}"));
    }

    fn string(&mut self, key: &str, value: &Value<'_>, place: &str) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => {
                self.fault(value.span().start, format!("{place}{key} must be a string: put it in quotes"));
                None
            }
        }
    }

    /// Reads one key of a server. Error messages begin with `place`.
    fn key(&mut self, key: &str, value: &Value<'_>, place: &str, keys: &mut Keys) {
        let at = value.span().start;
        let Some(text) = self.string(key, value, place) else { return };
        keys.lines.push(Line { key: key.to_owned(), value: text.clone(), line: self.line(at) });
        match key {
            "conninfo" => {
                if let Err(why) = connect::check_conninfo(&text) {
                    self.fault(at, format!("{place}{why}"));
                }
                keys.conninfo = Some(text);
            }
            "ssh" => {
                if let Err(e) = connect::Ssh::check_destination(&text) {
                    self.fault(at, format!("{place}{}", e.message));
                }
                keys.ssh = Some(text);
            }
            "password_command" if text.trim().is_empty() => {
                self.fault(at, format!("{place}password_command must not be empty"));
            }
            "password_command" => keys.password_command = Some(text),
            "password_max_age" => match parse_duration(&text) {
                Ok(age) => {
                    keys.password_max_age = Some(age);
                    keys.age_at = Some(at);
                }
                Err(why) => self.fault(at, format!("{place}password_max_age: {why}")),
            },
            "color" => {
                keys.color = COLORS.iter().find(|(name, _)| *name == text).map(|(_, color)| *color);
                if keys.color.is_none() {
                    let names = COLORS.map(|(name, _)| name).join(", ");
                    self.fault(at, format!("{place}invalid color {text:?}: it must be one of {names}"));
                }
            }
            _ => {}
        }
    }

    /// Checks that `password_max_age` comes with a `password_command`.
    fn check_age(&mut self, keys: &Keys, place: &str) {
        if let (Some(at), None) = (keys.age_at, &keys.password_command) {
            self.fault(at, format!("{place}password_max_age needs a password_command"));
        }
    }

    fn server(&mut self, name: &str, at: usize, value: &Value<'_>) -> Server {
        self.name(name, at, "server");
        let place = format!("server {name:?}: ");
        let mut keys = Keys::default();
        for (key, at, value) in self.table(&format!("servers.{name}"), value) {
            if OF_SERVER.contains(&key) {
                self.key(key, value, &place, &mut keys);
            } else {
                self.unknown(key, at, OF_SERVER, &place);
            }
        }
        self.check_age(&keys, &place);
        Server {
            name: name.to_owned(),
            conninfo: keys.conninfo,
            ssh: keys.ssh,
            password_command: keys.password_command,
            password_max_age: keys.password_max_age,
            color: keys.color,
            line: self.line(at),
            lines: keys.lines,
        }
    }

    fn group(&mut self, name: &str, at: usize, value: &Value<'_>) -> Group {
        self.name(name, at, "group");
        let mut members = Vec::new();
        match value.get_ref() {
            DeValue::Array(list) => {
                for item in list.iter() {
                    let Some(member) = self.string("a server", item, &format!("group {name:?}: ")) else {
                        continue;
                    };
                    if !member.starts_with('@') {
                        self.name(&member, item.span().start, "server");
                    }
                    members.push(member);
                }
            }
            _ => {
                let why = format!("group {name:?} must be a list of servers: [\"a\", \"b\"]");
                self.fault(value.span().start, why);
            }
        }
        Group { name: name.to_owned(), members, line: self.line(at) }
    }

    /// Checks that the groups in groups exist, and that each group has servers.
    fn check_groups(&mut self, root: &DeTable<'_>, config: &Config) {
        let Some(groups) = root.get("groups") else { return };
        let DeValue::Table(groups) = groups.get_ref() else { return };
        for (name, at, value) in entries(groups) {
            let DeValue::Array(list) = value.get_ref() else { continue };
            let unknown = list.iter().filter_map(|item| match item.get_ref() {
                DeValue::String(member) => {
                    let inner = member.strip_prefix('@')?;
                    config.group(inner).is_none().then_some((item.span().start, inner))
                }
                _ => None,
            });
            let unknown: Vec<(usize, &str)> = unknown.collect();
            for (at, inner) in &unknown {
                let names = config.groups.iter().map(|group| group.name.as_str());
                let like = nearest(inner, names, 0.8).map(|like| format!("; did you mean \"@{like}\"?"));
                let like = like.unwrap_or_default();
                self.fault(*at, format!("group {name:?}: unknown group \"@{inner}\"{like}"));
            }
            if unknown.is_empty() && config.members(name).is_none_or(|members| members.is_empty()) {
                self.fault(at, format!("group {name:?} has no servers"));
            }
        }
    }

    fn name(&mut self, name: &str, at: usize, what: &str) {
        if let Err(why) = connect::check_name(what, name) {
            self.fault(at, why);
        }
    }

    /// Reads defaults of flags.
    fn settings(&mut self, place: &str, value: &Value<'_>) -> Vec<Setting> {
        let mut settings = Vec::new();
        for (flag, at, value) in self.table(place, value) {
            match words(value.get_ref()) {
                Some(values) => settings.push(Setting {
                    flag: flag.to_owned(),
                    values,
                    is_switch: matches!(value.get_ref(), DeValue::Boolean(_)),
                    line: self.line(at),
                }),
                None => {
                    let why = format!(
                        "[{place}]: {flag} must be a string, a number, true, false, or a list of strings"
                    );
                    self.fault(value.span().start, why);
                }
            }
        }
        settings
    }
}

/// The values of a server's keys. Some of them can also stand at the top of the file.
#[derive(Default)]
struct Keys {
    conninfo: Option<String>,
    ssh: Option<String>,
    password_command: Option<String>,
    password_max_age: Option<Duration>,
    /// Where that stands.
    age_at: Option<usize>,
    color: Option<anstyle::AnsiColor>,
    lines: Vec<Line>,
}

/// Returns the value of a flag as it would be typed; several for a list.
fn words(value: &DeValue<'_>) -> Option<Vec<String>> {
    let word = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    };
    match value {
        DeValue::Array(list) => list.iter().map(|item| word(item.get_ref())).collect(),
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
        assert_eq!(config.password_command.as_deref(), Some("vault"));
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
                "2: unknown key \"x\"; the keys are password_command, password_max_age, defaults, commands, servers, groups"
            ]
        );
        assert_eq!(
            faults("[servers.a]\npasword_command = ''"),
            ["2: server \"a\": unknown key \"pasword_command\"; did you mean \"password_command\"?"]
        );
        assert_eq!(faults("[servers.a]\nssh = 3").len(), 1);
        assert_eq!(
            faults(
                "[servers.a]\nconninfo = 'hots=1'\ncolor = 'pink'\n[servers.'b,c']\npassword_max_age = '1m'\n\
                 [groups]\ng = []\nh = ['@i', 'all']\n"
            ),
            [
                "2: server \"a\": invalid connection option \"hots\"",
                "3: server \"a\": invalid color \"pink\": it must be one of red, green, yellow, blue, magenta, cyan",
                "4: invalid server name \"b,c\": it must not contain a comma",
                "5: server \"b,c\": password_max_age needs a password_command",
                "7: group \"g\" has no servers",
                "8: group \"h\": unknown group \"@i\"",
                "8: invalid server name \"all\": it must not be \"all\"",
            ]
        );
        assert_eq!(
            faults(
                "foo = 1\n[defaults]\nformat = {a = 1}\n[servers.a]\nport = 3\nconninfo = 3\n[groups]\na = ['@b']\nb = ['@a']\nc = 1"
            ),
            [
                "1: unknown key \"foo\"; the keys are password_command, password_max_age, defaults, commands, servers, groups",
                "3: [defaults]: format must be a string, a number, true, false, or a list of strings",
                "5: server \"a\": unknown key \"port\"; the keys are conninfo, ssh, password_command, password_max_age, color",
                "6: server \"a\": conninfo must be a string: put it in quotes",
                "8: group \"a\" has no servers",
                "9: group \"b\" has no servers",
                "10: group \"c\" must be a list of servers: [\"a\", \"b\"]",
            ]
        );
        assert_eq!(faults("x = 1\nx = 2").len(), 1);
        for conninfo in ["host=x port=abc", "port=99999", "sslmode=foo", "postgres://u@h:99999/"] {
            let found = faults(&format!("[servers.a]\nconninfo = '{conninfo}'"));
            assert!(found[0].starts_with("2: server \"a\": invalid "), "{conninfo}: {found:?}");
        }
        assert!(faults("[servers.'']\n")[0].contains("must not be empty"));
        // Thousands of servers take no time.
        let many: String = (0..20_000).map(|i| format!("s{i}.conninfo = 'host=h{i}'\n")).collect();
        assert_eq!(parse(&format!("[servers]\n{many}")).unwrap().servers.len(), 20_000);
        assert!(faults("a = 'x").first().unwrap().starts_with("1: "));
    }
}
