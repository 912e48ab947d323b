//! Messages to the service manager that has started this process: the protocol of sd_notify(3). Each message is a
//! datagram with lines such as `READY=1`.

use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::error::{Error, Result};

/// The socket of the service manager: a path, or an abstract address, which begins with `@`.
pub const SOCKET: &str = "NOTIFY_SOCKET";
/// How long the service manager waits for a sign of life, in microseconds.
pub const WATCHDOG: &str = "WATCHDOG_USEC";
/// The pid of the process from which the service manager expects signs of life.
const WATCHDOG_PID: &str = "WATCHDOG_PID";
/// The environment variables that no child process inherits, because only this process may report to the service
/// manager.
pub const VARIABLES: [&str; 3] = [SOCKET, WATCHDOG, WATCHDOG_PID];

/// The service manager.
#[derive(Debug)]
pub struct Supervisor {
    socket: UnixDatagram,
    /// How long it waits for a sign of life before it restarts the service; `None` if it does not wait for any.
    pub watchdog: Option<Duration>,
}

impl Supervisor {
    /// Returns the service manager that these variables name; `None` if they name none.
    ///
    /// Errors: the socket cannot be used, or the time is not a number (65).
    pub fn find<'e>(variable: impl Fn(&str) -> Option<&'e str>) -> Result<Option<Supervisor>> {
        let Some(name) = variable(SOCKET).filter(|name| !name.is_empty()) else { return Ok(None) };
        let failed = |e: std::io::Error| {
            Error::data(format!("could not use the socket {name:?} of the service manager"))
                .caused_by(e)
                .hint(format!("unset {SOCKET} if no service manager has started pgkit"))
        };
        let socket = UnixDatagram::unbound().map_err(failed)?;
        socket.connect_addr(&address(name).map_err(failed)?).map_err(failed)?;
        // A service manager that does not read its socket must not block us.
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(Some(Supervisor { socket, watchdog: watchdog(variable)? }))
    }

    /// Sends these lines as one message. Returns whether it was accepted.
    pub fn send(&self, lines: &[String]) -> bool {
        // A line feed in a value would begin another line.
        let lines: Vec<String> =
            lines.iter().map(|line| line.replace(|c: char| c.is_control(), " ")).collect();
        self.socket.send(lines.join("\n").as_bytes()).is_ok()
    }
}

/// Returns how long the service manager waits for a sign of life; `None` if it does not wait for any from this process.
fn watchdog<'e>(variable: impl Fn(&str) -> Option<&'e str>) -> Result<Option<Duration>> {
    let number = |name: &str| match variable(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => text
            .parse::<u64>()
            .map(Some)
            .map_err(|_| Error::data(format!("invalid {name} {text:?}: must be a whole number"))),
    };
    let is_ours = number(WATCHDOG_PID)?.is_none_or(|pid| pid == u64::from(std::process::id()));
    let time = number(WATCHDOG)?.filter(|time| *time > 0);
    Ok(time.filter(|_| is_ours).map(Duration::from_micros))
}

/// Returns the address of a socket.
fn address(name: &str) -> std::io::Result<SocketAddr> {
    if let Some(name) = name.strip_prefix('@') {
        return unnamed(name);
    }
    if name.starts_with('/') {
        return SocketAddr::from_pathname(name);
    }
    Err(std::io::Error::new(
        std::io::ErrorKind::InvalidInput,
        "it is neither a path from / on nor an @ address",
    ))
}

/// Returns the address of an abstract socket, which has a name but no file.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn unnamed(name: &str) -> std::io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

/// Refuses an abstract socket, which this system does not have.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unnamed(_: &str) -> std::io::Result<SocketAddr> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(pairs: &[(&str, &str)]) -> Result<Option<Duration>> {
        watchdog(|name| pairs.iter().find(|(one, _)| *one == name).map(|(_, value)| *value))
    }

    #[test]
    fn the_watchdog_waits_for_this_process_or_for_any_or_for_none() {
        let own = std::process::id().to_string();
        let two = Some(Duration::from_secs(2));
        assert_eq!(watched(&[]).unwrap(), None);
        assert_eq!(watched(&[(WATCHDOG, "2000000")]).unwrap(), two);
        assert_eq!(watched(&[(WATCHDOG, "2000000"), (WATCHDOG_PID, &own)]).unwrap(), two);
        assert_eq!(watched(&[(WATCHDOG, "2000000"), (WATCHDOG_PID, "1")]).unwrap(), None);
        assert_eq!(watched(&[(WATCHDOG, "0")]).unwrap(), None);
        assert!(watched(&[(WATCHDOG, "2s")]).unwrap_err().message.contains("invalid WATCHDOG_USEC \"2s\""));
    }

    #[test]
    fn a_socket_that_cannot_be_used_is_named() {
        for name in ["relative", "/nonexistent/notify", "vsock:2:1", "@nobody listens here"] {
            let error = Supervisor::find(|one| (one == SOCKET).then_some(name)).unwrap_err();
            assert!(error.message.contains(&format!("{name:?}")), "{error}");
        }
        assert!(Supervisor::find(|_| None).unwrap().is_none());
        assert!(Supervisor::find(|_| Some("")).unwrap().is_none());
    }

    #[test]
    fn a_message_is_one_datagram_and_a_value_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let name = path.to_str().unwrap();
        let supervisor = Supervisor::find(|one| (one == SOCKET).then_some(name)).unwrap().unwrap();
        assert!(supervisor.send(&["READY=1".to_owned(), "STATUS=a\nSTOPPING=1".to_owned()]));
        let mut buffer = [0; 100];
        let length = manager.recv(&mut buffer).unwrap();
        assert_eq!(std::str::from_utf8(&buffer[..length]).unwrap(), "READY=1\nSTATUS=a STOPPING=1");
    }
}
