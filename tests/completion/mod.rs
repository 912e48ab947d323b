//! What a shell does with the names that completion gives it: somebody on the server may have chosen them.
//!
//! The shells work in an empty folder, and each name tries to make a file there. Completion asks the real program; what Enter
//! runs is a script that records its arguments.

mod keys;
mod reading;
mod servers;
mod typed;

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::support::*;

/// Every ASCII character that is no letter and no digit, and that a terminal shows.
fn punctuation() -> impl Iterator<Item = char> {
    (' '..='~').filter(|c| !c.is_ascii_alphanumeric())
}

/// Ways to make a file out of a word that is not quoted as it should be.
const ATTACKS: [&str; 13] = [
    "$(touch P)",
    "`touch P`",
    ";touch P;",
    "|touch P;",
    "&touch P&",
    ">P",
    "';touch P;'",
    "\";touch P;\"",
    "'$(touch P)'",
    "\"$(touch P)\"",
    "\\$(touch P)\\",
    "<(touch P)",
    "(touch P)",
];

/// A folder for one test: what its shells work in, and what they call.
struct Room {
    folder: tempfile::TempDir,
}

impl Room {
    fn new() -> Room {
        let folder = tempfile::tempdir().unwrap();
        for name in ["work", "bin", "home"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let room = Room { folder };
        let script = format!(
            "#!/bin/sh\n[ -z \"$COMPLETE\" ] && [ \"$1\" != completions ] || exec '{PGKIT}' \"$@\"\n\
             {{ printf '%s\\0' \"$@\"; printf '\\n\\0'; }} >>'{}'\n",
            room.record().display()
        );
        let program = room.folder.path().join("bin/pgkit");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        room
    }

    fn record(&self) -> PathBuf {
        self.folder.path().join("record")
    }

    /// The arguments of each call so far.
    fn calls(&self) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.record()).unwrap_or_default();
        let calls = text.split("\n\0").filter(|call| !call.is_empty());
        // A call that is being written is one that is not complete.
        let whole = text.matches("\n\0").count();
        calls.take(whole).map(|call| call.split_terminator('\0').map(str::to_owned).collect()).collect()
    }

    /// What the shells' folder holds: nothing, as long as nothing has run.
    fn made(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("work")).unwrap();
        entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }

    /// A shell, or whatever else, in this folder.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.folder.path().join("work"));
        command.env("HOME", self.folder.path().join("home")).env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        command.env("PGKIT_JOBS", self.folder.path().join("jobs.toml"));
        command.env(
            "PATH",
            format!("{}:/usr/local/bin:/usr/bin:/bin", self.folder.path().join("bin").display()),
        );
        command
    }

    /// Writes a jobs file with jobs of these names.
    fn jobs(&self, names: &[String]) {
        let mut text = String::new();
        for name in names {
            let name: String = name.chars().map(|c| format!("\\U{:08x}", u32::from(c))).collect();
            text += &format!("[[job]]\nname = \"{name}\"\nevery = \"1d\"\ncommand = [\"true\"]\n");
        }
        std::fs::write(self.folder.path().join("jobs.toml"), text).unwrap();
    }

    /// What the bash script would get for this line.
    fn bash_answer(&self, line: &str, region: &str) -> Vec<String> {
        let mut command = self.command("pgkit");
        let output = run(command.env("COMPLETE", "bash").args(["--", line, region]));
        output.lines().into_iter().map(str::to_owned).collect()
    }
}
