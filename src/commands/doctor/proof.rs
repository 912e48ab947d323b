//! The commands that show the rows of findings. They ask the same server, or the same snapshot, as `doctor` did.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::connect::{Flags, is_connection_string, without_secrets};
use crate::escape::shell_word;

/// A report whose only flags choose among its rows. Words are quoted as [`shell_word`] does it.
static PLAIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^pgkit [a-z-]+(?: (?:--grep|--limit|--format) (?:[^\s'$]+|\$?'[^']*'(?:\\''[^']*')*))*$")
        .ok()
});

/// Where the rows of findings come from.
pub(super) enum Origin<'a> {
    /// A server, to which these flags lead.
    Server(&'a Flags),
    /// The snapshot in this file.
    Snapshot(&'a Path),
}

impl Origin<'_> {
    /// Returns the whole command for a check's proof. `command` is the command in the check's header. `database` is the database
    /// that has the rows; `None` if they are about the server as a whole.
    pub(super) fn proof(&self, command: &str, database: Option<&str>, check: &str) -> String {
        match self {
            Origin::Server(flags) => {
                let rest = command.strip_prefix("pgkit").unwrap_or(command);
                format!("pgkit{}{rest}", words(flags, database))
            }
            Origin::Snapshot(path) => {
                let path = path.to_string_lossy();
                let dot = if path.starts_with('-') { "./" } else { "" };
                let from = format!("--from {}", shell_word(&format!("{dot}{path}")));
                // A snapshot may lack the answer with other flags. It always has the answer that the check has judged.
                if !PLAIN.as_ref().is_some_and(|plain| plain.is_match(command)) {
                    return format!("pgkit doctor {check} {from}");
                }
                let database = database.map(|name| format!(" -d {}", shell_word(name))).unwrap_or_default();
                format!("{command}{database} {from}")
            }
        }
    }
}

/// Returns the flags that lead to the same server and to this database, without passwords.
fn words(flags: &Flags, database: Option<&str>) -> String {
    let (string, name) = match flags.dbname.as_deref() {
        Some(text) if is_connection_string(text) => (Some(text), None),
        name => (flags.otherwise.as_deref(), name),
    };
    let database = database.or(name);
    let database = match string {
        // It is valid, since it has led to the server.
        Some(text) => without_secrets(text, database).ok(),
        None => database.map(str::to_owned),
    };
    let all = [
        ("--service", &flags.service),
        ("--ssh", &flags.ssh),
        ("-h", &flags.host),
        ("-p", &flags.port),
        ("-U", &flags.username),
        ("-d", &database),
    ];
    let given = all.into_iter().filter_map(|(flag, value)| Some((flag, value.as_deref()?)));
    given.map(|(flag, value)| format!(" {flag} {}", shell_word(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_asked_for_a_plain_report_or_for_the_check() {
        let of = |command: &str, database| {
            Origin::Snapshot(Path::new("my a.snap")).proof(command, database, "fsync-off")
        };
        for plain in ["pgkit replication", "pgkit settings --grep 'it'\\''s'", "pgkit wal --format vertical"]
        {
            assert_eq!(of(plain, None), format!("{plain} --from 'my a.snap'"));
            assert_eq!(of(plain, Some("a b")), format!("{plain} -d 'a b' --from 'my a.snap'"));
        }
        for other in [
            "pgkit jobs history --schema public",
            "pgkit index-problems --reason invalid",
            "pgkit describe '\"a\".\"b\"'",
            "pgkit settings --all --grep x",
            "pgkit settings --sql, then SELECT 1",
            "pgkit doctor fsync-off",
        ] {
            assert_eq!(of(other, Some("shop")), "pgkit doctor fsync-off --from 'my a.snap'", "{other}");
        }
        let dashed = Origin::Snapshot(Path::new("-b.snap")).proof("pgkit wal", None, "fsync-off");
        assert_eq!(dashed, "pgkit wal --from ./-b.snap");
    }

    #[test]
    fn a_server_is_asked_by_the_flags_that_led_to_it_without_a_password() {
        let flags = Flags { host: Some("db 1".into()), username: Some("x".into()), ..Flags::default() };
        let of = |flags: &Flags, database| {
            Origin::Server(flags).proof("pgkit index-problems --reason invalid", database, "index-invalid")
        };
        let rest = "index-problems --reason invalid";
        assert_eq!(of(&Flags::default(), None), format!("pgkit {rest}"));
        assert_eq!(of(&flags, Some("shop")), format!("pgkit -h 'db 1' -U x -d shop {rest}"));
        let named = Flags { dbname: Some("first".into()), ..flags.clone() };
        assert_eq!(of(&named, None), format!("pgkit -h 'db 1' -U x -d first {rest}"));
        assert_eq!(of(&named, Some("shop")), format!("pgkit -h 'db 1' -U x -d shop {rest}"));
        let string = "host=a,b port=1,2 target_session_attrs=read-write password=geheim dbname=first";
        let shown = "host=a,b port=1,2 target_session_attrs=read-write";
        let by_string = Flags { dbname: Some(string.into()), ..Flags::default() };
        assert_eq!(of(&by_string, Some("shop")), format!("pgkit -d 'dbname=shop {shown}' {rest}"));
        assert_eq!(of(&by_string, None), format!("pgkit -d 'dbname=first {shown}' {rest}"));
        let listed = Flags { otherwise: Some(string.into()), ..named };
        assert_eq!(of(&listed, None), format!("pgkit -h 'db 1' -U x -d 'dbname=first {shown}' {rest}"));
    }
}
