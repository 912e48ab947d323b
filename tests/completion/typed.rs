//! Runs a shell on a pseudo-terminal and types into it as a person does.

use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};

use super::*;

/// The shells, with what makes each of them ask pgkit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Those that are installed. It says which are not.
pub fn installed() -> Vec<Shell> {
    let there = |shell: &Shell| {
        let there = Command::new(shell.name()).arg("-c").arg("exit 0").status().is_ok_and(|s| s.success());
        if !there {
            say(format_args!("not tested: {} is not installed", shell.name()));
        }
        there
    };
    let shells: Vec<Shell> = [Shell::Bash, Shell::Zsh, Shell::Fish].into_iter().filter(there).collect();
    assert!(shells.contains(&Shell::Bash), "the tests need bash");
    shells
}

impl Shell {
    pub fn name(self) -> &'static str {
        match self {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Shell::Bash => &["--norc", "--noprofile", "-i"],
            Shell::Zsh => &["-f", "-i"],
            Shell::Fish => &["--no-config", "-i"],
        }
    }

    /// What registers the completions of this kind.
    fn begin(self, kind: &str) -> String {
        match self {
            Shell::Bash => format!("source <(pgkit completions bash {kind})\r"),
            Shell::Zsh => {
                format!("autoload -Uz compinit; compinit -u -D; source <(pgkit completions zsh {kind})\r")
            }
            Shell::Fish => format!("pgkit completions fish {kind} | source\r"),
        }
    }
}

/// A shell that somebody types into.
pub struct Terminal<'a> {
    room: &'a Room,
    child: std::process::Child,
    master: std::fs::File,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: Option<std::thread::JoinHandle<()>>,
    synced: usize,
}

impl Terminal<'_> {
    /// With pgkit's live completions.
    pub fn live<'a>(room: &'a Room, shell: Shell, environment: &[(String, String)]) -> Terminal<'a> {
        Terminal::new(room, shell, "", environment)
    }

    /// With completions of this kind, and some more in the environment.
    pub fn new<'a>(
        room: &'a Room,
        shell: Shell,
        kind: &str,
        environment: &[(String, String)],
    ) -> Terminal<'a> {
        let size = Winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let slave = || Stdio::from(pty.slave.try_clone().unwrap());
        // A session of its own, which a shell with job control wants for its terminal.
        let mut command = room.command("setsid");
        command.args(["--ctty", "--wait", shell.name()]).args(shell.arguments());
        command.envs(environment.iter().cloned());
        command.stdin(slave()).stdout(slave()).stderr(slave());
        let child = command.spawn().unwrap();
        drop(command);
        drop(pty.slave);
        let master = std::fs::File::from(pty.master);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut from, into) = (master.try_clone().unwrap(), Arc::clone(&shown));
        let reader = std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut chunk) {
                into.lock().unwrap().extend_from_slice(&chunk[..n]);
            }
        });
        let mut terminal = Terminal { room, child, master, shown, reader: Some(reader), synced: 0 };
        terminal.types(&shell.begin(kind));
        terminal.sync();
        terminal
    }

    /// Types this.
    pub fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the shell has dealt with all that was typed, whatever is open on its line; what the calls before were.
    pub fn sync(&mut self) -> Vec<Vec<String>> {
        let mine = self.begins_sync();
        self.waits("the shell is through", |room| room.calls().contains(&mine));
        self.takes_calls()
    }

    /// Types a call that no other is like, and gives it.
    fn begins_sync(&mut self) -> Vec<String> {
        self.synced += 1;
        self.types(&format!("pgkit sync {}\r", self.synced));
        vec!["sync".to_owned(), self.synced.to_string()]
    }

    /// Forgets the calls so far, and gives those that are not of a sync.
    fn takes_calls(&self) -> Vec<Vec<String>> {
        let mut calls = self.room.calls();
        let _ = std::fs::remove_file(self.room.record());
        calls.retain(|call| call[0] != "sync");
        calls
    }

    /// Types a line that ends in a call of pgkit, and gives the call.
    pub fn calls(&mut self, keys: &str) -> Vec<String> {
        self.types(keys);
        self.waits(keys, |room| !room.calls().is_empty());
        let mut calls = self.sync();
        assert_eq!(calls.len(), 1, "{keys:?}: {calls:?}\n{}", self.shown());
        calls.swap_remove(0)
    }

    /// Types a line and a Tab, for which pgkit asks a server, and checks the resulting call. pgkit waits for the server only half a
    /// second, so if nothing is completed the line is typed again, up to four times.
    pub fn completes(&mut self, keys: &str, expected: &[&str]) {
        let mut last = Vec::new();
        for _ in 0..5 {
            self.types(keys);
            let start = Instant::now();
            while self.room.calls().is_empty() && start.elapsed() < Duration::from_secs(10) {
                std::thread::sleep(Duration::from_millis(5));
            }
            if self.room.calls().is_empty() {
                // Without the rest of the name, the shell waits for the end of a quote.
                self.gives_up();
                self.takes_calls();
                continue;
            }
            last = self.sync();
            if last == [expected] {
                return;
            }
        }
        panic!("{keys:?}: {last:?}\n{}", self.shown());
    }

    /// Leaves a line that is half typed.
    pub fn gives_up(&mut self) {
        // A shell that is busy takes the interrupt late, and throws away what was typed after it. So all of it is repeated, as a
        // person would.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(60) {
            self.types("\u{3}");
            std::thread::sleep(Duration::from_millis(100));
            let mine = self.begins_sync();
            let typed = Instant::now();
            while typed.elapsed() < Duration::from_secs(3) {
                if self.room.calls().contains(&mine) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        panic!("the shell does not give up its line\n{}", self.shown());
    }

    /// Waits until the terminal has got this.
    pub fn shows(&self, text: &str) {
        self.waits(text, |_| self.shown().contains(text));
    }

    fn waits(&self, what: &str, done: impl Fn(&Room) -> bool) {
        let start = Instant::now();
        while !done(self.room) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "{what:?}\n{:?}\n{}",
                self.room.calls(),
                self.shown()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// All that the terminal got so far.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = self.master.write_all(b"\x03\rexit\r");
        let start = Instant::now();
        while self.child.try_wait().is_ok_and(|s| s.is_none()) {
            if start.elapsed() > Duration::from_secs(5) {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(self.reader.take());
    }
}
