//! A command on a pseudo-terminal, and what must never reach one.

use std::io::Read;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{Winsize, openpty};

/// Runs a command on a terminal of this size; its exit code and all that the terminal got.
pub fn on_terminal(mut command: Command, rows: u16, columns: u16) -> (Option<i32>, String) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None).unwrap();
    let slave = || Stdio::from(pty.slave.try_clone().unwrap());
    command.env_remove("COLUMNS").stdin(slave()).stdout(slave()).stderr(slave());
    let mut child = command.spawn().unwrap();
    drop(command);
    drop(pty.slave);
    let mut master = std::fs::File::from(pty.master);
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    // The end comes as an error once nobody has the other side.
    while let Ok(n @ 1..) = master.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..n]);
    }
    (child.wait().unwrap().code(), String::from_utf8(bytes).unwrap().replace("\r\n", "\n"))
}

/// Runs a command with a pseudo-terminal as its controlling terminal. Each pair is a text to wait for, and the key to press
/// once it has been shown; `cols 40` makes the window narrower.
pub fn pressed(command: &Command, rows: u16, columns: u16, keys: &[(&str, &str)]) -> (Option<i32>, String) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(Some(&size), None).unwrap();
    let slave = || Stdio::from(pty.slave.try_clone().unwrap());
    let mut own = Command::new("setsid");
    own.env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env_remove("COLUMNS");
    own.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
    let mut child = own.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
    drop(own);
    drop(pty.slave);
    let mut master = std::fs::File::from(pty.master);
    let (mut shown, mut seen, mut keys) = (Vec::new(), 0, keys.iter());
    let mut next = keys.next();
    let mut chunk = [0; 4096];
    while is_readable(&master, &mut child, &shown)
        && let Ok(n @ 1..) = master.read(&mut chunk)
    {
        shown.extend_from_slice(&chunk[..n]);
        while let Some((text, key)) = next {
            let Some(at) = String::from_utf8_lossy(&shown[seen..]).find(text) else { break };
            seen += at + text.len();
            if key.starts_with("cols ") {
                let mut stty = Command::new("stty");
                stty.arg("-F").arg(format!("/proc/{}/fd/0", child.id())).args(key.split(' '));
                assert!(stty.status().unwrap().success());
            } else {
                std::io::Write::write_all(&mut master, key.as_bytes()).unwrap();
            }
            next = keys.next();
        }
    }
    assert!(next.is_none(), "{next:?} was not shown: {}", String::from_utf8_lossy(&shown));
    (child.wait().unwrap().code(), String::from_utf8(shown).unwrap().replace("\r\n", "\n"))
}

/// The characters of a text that a terminal acts on, line feeds and tabs aside: control characters, and those that turn
/// Waits until there is something to read, or the other side is closed. A question that nobody answers must not last for ever.
fn is_readable(master: &std::fs::File, child: &mut std::process::Child, shown: &[u8]) -> bool {
    let mut fds = [PollFd::new(master.as_fd(), PollFlags::POLLIN)];
    if poll(&mut fds, PollTimeout::from(60_000_u16)).unwrap() == 0 {
        let _ = child.kill();
        panic!("nothing came for a minute after: {}", String::from_utf8_lossy(shown));
    }
    true
}

/// text round or are not seen.
pub fn driving(text: &str) -> Vec<char> {
    let drives = |c: &char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'
                | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
    };
    text.chars().filter(drives).collect()
}
