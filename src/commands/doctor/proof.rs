//! Completes the commands that show the rows of findings, so that they ask the server or the snapshot that was asked.

use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::connect::{Flags, Target, is_connection_string};
use crate::doctor::Finding;
use crate::escape::shell_word;

/// A report with nothing but a database and flags that choose among its rows. Words are quoted as [`shell_word`] does it.
static PLAIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^pgkit [a-z-]+(?: (?:--grep|--limit|--format|-d) (?:[^\s'$]+|\$?'[^']*'(?:\\''[^']*')*))*$")
        .ok()
});

/// Where the rows of findings come from.
pub(super) enum Origin {
    /// A server, to which these flags lead.
    Server(String),
    /// A snapshot, which these flags name.
    Snapshot(String),
}

impl Origin {
    /// Returns the origin of the findings of a server that was found by these flags.
    pub(super) fn server(flags: &Flags, target: &Target) -> Origin {
        let named = flags.dbname.as_ref().filter(|name| !is_connection_string(name));
        // The string is not repeated, because it may have a password.
        let is_by_string = flags.dbname.is_some() && named.is_none();
        if is_by_string {
            return Origin::listed(flags, target);
        }
        let all = [
            ("--service", &flags.service),
            ("--ssh", &flags.ssh),
            ("-h", &flags.host),
            ("-p", &flags.port),
            ("-U", &flags.username),
            ("-d", &flags.dbname),
        ];
        let given = all.into_iter().filter_map(|(flag, value)| Some((flag, value.as_deref()?)));
        Origin::Server(words(given))
    }

    /// Returns the origin of the findings of one of the servers that `--service` names.
    pub(super) fn service(flags: &Flags, name: &str, target: &Target) -> Origin {
        Origin::server(&Flags { service: Some(name.to_owned()), ..flags.clone() }, target)
    }

    /// Returns the origin of the findings of a server that is described by a connection string.
    pub(super) fn listed(flags: &Flags, target: &Target) -> Origin {
        let joined = |values: Vec<String>| values.join(",");
        let name = |host: &crate::connect::Host| match (host.name.as_str(), &host.addr) {
            ("", Some(addr)) => addr.clone(),
            (name, _) => name.to_owned(),
        };
        let hosts = joined(target.hosts.iter().map(name).collect());
        let ports = joined(target.hosts.iter().map(|host| host.port.to_string()).collect());
        let ssh = flags.ssh.as_deref().map(|host| ("--ssh", host));
        let of_target =
            [("-h", hosts.as_str()), ("-p", &ports), ("-U", &target.user), ("-d", &target.database)];
        Origin::Server(words(ssh.into_iter().chain(of_target)))
    }

    /// Returns the origin of the findings of a snapshot.
    pub(super) fn snapshot(path: &Path) -> Origin {
        Origin::Snapshot(format!(" --from {}", shell_word(&path.to_string_lossy())))
    }

    /// Completes the commands of these findings.
    pub(super) fn complete(&self, findings: &mut [Finding]) {
        for finding in findings {
            let Some(proof) = finding.proof.take() else { continue };
            let Some(command) = proof.strip_prefix("pgkit ") else {
                finding.proof = Some(proof);
                continue;
            };
            finding.proof = Some(match self {
                Origin::Server(flags) => format!("pgkit{flags} {command}"),
                Origin::Snapshot(flags) if PLAIN.as_ref().is_some_and(|plain| plain.is_match(&proof)) => {
                    format!("{proof}{flags}")
                }
                // A snapshot need not have the answer with other flags, but it has what the check has judged.
                Origin::Snapshot(flags) => format!("pgkit doctor {}{flags}", finding.check),
            });
        }
    }
}

/// Returns flags as words of a command line, each with a blank before it.
fn words<'a>(flags: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    flags.map(|(flag, value)| format!(" {flag} {}", shell_word(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn a_snapshot_is_asked_for_a_plain_report_or_for_the_check() {
        let of = |proof: &str| {
            let finding = Finding::unseen("fsync-off", Severity::Critical, None, String::new());
            let mut all = [Finding { proof: Some(proof.to_owned()), ..finding }];
            Origin::snapshot(Path::new("my a.snap")).complete(&mut all);
            all[0].proof.clone().unwrap()
        };
        for plain in [
            "pgkit replication",
            "pgkit sequences --limit 10 -d shop",
            "pgkit settings --grep 'it'\\''s' -d $'a\\012b'",
            "pgkit wal --format vertical",
        ] {
            assert_eq!(of(plain), format!("{plain} --from 'my a.snap'"));
        }
        for other in [
            "pgkit jobs history --schema public",
            "pgkit index-problems --reason invalid -d shop",
            "pgkit describe '\"a\".\"b\"'",
            "pgkit settings --all --grep x",
            "pgkit settings --sql, then SELECT 1",
            "pgkit doctor fsync-off",
        ] {
            assert_eq!(of(other), "pgkit doctor fsync-off --from 'my a.snap'", "{other}");
        }
    }
}
