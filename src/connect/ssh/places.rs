//! Where ssh logs in, and where it leads.

use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::connect::target::Host;
use crate::error::{Error, Result};

/// Returns the other end of a forwarding as `ssh -L` takes it: `HOST:PORT`, or the path of a socket. Errors: it cannot be
/// one (64).
pub(super) fn remote(host: &Host) -> Result<String> {
    let refused = |why: &str| {
        Err(Error::usage(format!("cannot reach \"{}\" through ssh: {why}", host.name))
            .hint("name a host, an address or a socket directory as the ssh host sees it"))
    };
    // ssh expands % and $, and splits at a colon.
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || "\\$`'\"[]".contains(c);
    if host.is_socket() {
        if host.name.starts_with('@') {
            return refused("ssh cannot forward to an abstract socket");
        }
        if host.name.contains(is_odd) || host.name.contains([':', '%']) {
            return refused("ssh cannot forward to a path with such a character");
        }
        return Ok(host.socket_path());
    }
    let name = host.addr.as_deref().unwrap_or(&host.name);
    if name.is_empty() || name.contains(is_odd) || name.contains('/') {
        return refused("this is no name of a host");
    }
    Ok(match name.contains(':') {
        true => format!("[{name}]:{}", host.port),
        false => format!("{name}:{}", host.port),
    })
}

/// Where ssh logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Destination {
    user: Option<String>,
    pub(super) host: String,
    port: Option<u16>,
    /// As the user gave it.
    pub(super) shown: String,
}

impl Destination {
    /// Reads `[user@]host[:port]`, with the host's name, its address (an IPv6 address in brackets if a port follows) or an
    /// alias from ssh's configuration. `ssh://` may stand before it.
    pub(super) fn parse(text: &str) -> Result<Destination> {
        let refused = |why: &str| {
            Err(Error::usage(format!("invalid ssh destination \"{text}\": {why}"))
                .hint("use [USER@]HOST[:PORT], as in --ssh me@bastion:2222"))
        };
        let bare = text.strip_prefix("ssh://").map_or(text, |rest| rest.trim_end_matches('/'));
        let (user, place) = match bare.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, bare),
        };
        if user.is_some_and(|user| user.contains(':')) {
            // It may be a password, so it is not shown.
            return Err(Error::usage("an ssh destination has no password")
                .hint("leave it out: ssh asks for the password itself, or uses a key"));
        }
        let (host, port) = match place.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(Some((host, ""))) => (host, None),
            Some(Some((host, rest))) if rest.starts_with(':') => (host, rest.get(1..)),
            Some(_) => return refused("the brackets do not match"),
            // An address with colons and without brackets has no port.
            None if place.matches(':').count() == 1 => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
            None => (place, None),
        };
        // What ssh refuses too: these would become options, or words of a ProxyCommand.
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || "'`\"$\\;&<>|(){}[]/".contains(c);
        for (what, part) in [("user", user), ("host", Some(host))] {
            let Some(part) = part else { continue };
            if part.is_empty() {
                return refused(&format!("the {what} is empty"));
            }
            if part.starts_with('-') {
                return refused(&format!("a {what} cannot begin with \"-\""));
            }
            if part.contains(is_odd) {
                return refused(&format!("a {what} cannot contain such a character"));
            }
        }
        let port = match port {
            None => None,
            Some(port) => match port.parse::<u16>() {
                Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => Some(number),
                _ => return refused("the port must be a number from 1 to 65535"),
            },
        };
        Ok(Destination { user: user.map(str::to_owned), host: host.to_owned(), port, shown: bare.to_owned() })
    }

    pub(super) fn append(&self, command: &mut Command) {
        if let Some(user) = &self.user {
            command.args(["-l", user]);
        }
        if let Some(port) = self.port {
            command.args(["-p", &port.to_string()]);
        }
        command.args(["--", &self.host]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Exit;

    #[test]
    fn a_destination_is_read_as_ssh_reads_it() {
        for (text, user, host, port) in [
            ("bastion", None, "bastion", None),
            ("me@bastion", Some("me"), "bastion", None),
            ("bastion:2222", None, "bastion", Some(2222)),
            ("a@b@bastion.example.com:22", Some("a@b"), "bastion.example.com", Some(22)),
            ("[::1]:22", None, "::1", Some(22)),
            ("me@[fe80::1%eth0]", Some("me"), "fe80::1%eth0", None),
            ("2001:db8::1", None, "2001:db8::1", None),
            ("ssh://me@bastion:2222/", Some("me"), "bastion", Some(2222)),
        ] {
            let read = Destination::parse(text).unwrap();
            assert_eq!((read.user.as_deref(), read.host.as_str(), read.port), (user, host, port), "{text}");
        }
    }

    #[test]
    fn what_would_be_an_option_or_a_command_is_no_destination() {
        for text in [
            "",
            "-oProxyCommand=id",
            "me@-x",
            "-l@host",
            "@host",
            "me@",
            "a b",
            "a\nb",
            "a\u{1b}[m",
            "host:",
            "host:0",
            "host:+22",
            "host:65536",
            "[::1",
            "[::1]22",
            "$(id)",
            "a`id`",
            "a;id",
            "ssh://",
            "host/path",
        ] {
            let error = Destination::parse(text).unwrap_err();
            assert_eq!(error.exit, Exit::Usage, "{text}");
        }
        let error = Destination::parse("me:hunter2@bastion").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn a_forwarding_names_the_host_as_ssh_takes_it() {
        let host = |name: &str, addr: Option<&str>| Host {
            name: name.to_owned(),
            addr: addr.map(str::to_owned),
            port: 5433,
        };
        assert_eq!(remote(&host("db1", None)).unwrap(), "db1:5433");
        assert_eq!(remote(&host("db1", Some("10.0.0.1"))).unwrap(), "10.0.0.1:5433");
        assert_eq!(remote(&host("::1", None)).unwrap(), "[::1]:5433");
        assert_eq!(remote(&host("/run/pg", None)).unwrap(), "/run/pg/.s.PGSQL.5433");
        for name in ["@abstract", "/a b", "/a:b", "/a%h", "/${HOME}", "a b", "a/b", "[x]"] {
            assert_eq!(remote(&host(name, None)).unwrap_err().exit, Exit::Usage, "{name}");
        }
    }
}
