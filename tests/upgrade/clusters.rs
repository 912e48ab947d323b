//! New clusters, and pg_upgrade on them.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};

use super::*;

/// A program of PostgreSQL as the user of this server, in its private folder.
pub(crate) fn program(db: &Db, bin: &Binaries, name: &str) -> Command {
    let mut command = Command::new(bin.program(name));
    as_server(&mut command, db);
    command
}

fn as_server(command: &mut Command, db: &Db) {
    command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    // Where it is, nobody takes it for a stranger of that user's.
    command.current_dir(&db.info.socket_dir);
    if nix::unistd::geteuid().is_root() {
        let user = User::from_name(&db.info.os_user).unwrap().unwrap();
        command.gid(user.gid.as_raw()).uid(user.uid.as_raw());
    }
}

/// A new cluster beside the old one, made by the line that upgrade-check prints.
pub(crate) struct New {
    pub(crate) bin: Binaries,
    pub(crate) dir: PathBuf,
}

impl New {
    /// Made by that line, with these words added.
    pub(crate) fn made(db: &Db, bin: &Binaries, name: &str, more: &str) -> New {
        let said = check(db, &["--new-bin-dir", text(&bin.dir)]);
        let line = &said.of("initdb")[0].fix;
        let dir = db.info.socket_dir.join(name);
        let line = format!("{} --no-sync -A trust {more}", line.replace("NEW_DATA_DIR", text(&dir)));
        let mut shell = Command::new("sh");
        as_server(&mut shell, db);
        let output = run(shell.arg("-c").arg(&line));
        assert_eq!(output.code, Some(0), "{line}\n{}", output.snapshot());
        New { bin: bin.clone(), dir }
    }

    pub(crate) fn args(&self) -> [&str; 4] {
        ["--new-bin-dir", text(&self.bin.dir), "--new-data-dir", text(&self.dir)]
    }

    /// Runs pg_upgrade; with `--check` the old server may run.
    pub(crate) fn upgrade(&self, db: &Db, old: &Binaries, args: &[&str]) -> Upgrade {
        let reports = self.dir.join("pg_upgrade_output.d");
        let _ = std::fs::remove_dir_all(&reports);
        let mut command = program(db, &self.bin, "pg_upgrade");
        command.args(args).arg("-b").arg(&old.dir).arg("-B").arg(&self.bin.dir);
        command.arg("-d").arg(&db.info.data_dir).arg("-D").arg(&self.dir);
        command.args(["-p", &db.info.port.to_string(), "-P", "50432", "-U", &db.info.user]);
        command.arg("-s").arg(&db.info.socket_dir);
        let output = run(&mut command);
        let mut lists = String::new();
        for folder in std::fs::read_dir(&reports).into_iter().flatten().flatten() {
            for file in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
                if file.path().extension().is_some_and(|extension| extension == "txt") {
                    lists.push_str(&std::fs::read_to_string(file.path()).unwrap());
                }
            }
        }
        Upgrade { passes: output.code == Some(0), said: output.snapshot(), lists }
    }

    /// Starts it, and leads to its database of that name.
    pub(crate) fn start(&self, db: &Db) -> Running {
        let mut command = program(db, &self.bin, "postgres");
        command.arg("-D").arg(&self.dir).args(["-p", "5433", "-c", "listen_addresses=", "-k"]);
        command.arg(&db.info.socket_dir).stdout(Stdio::null()).stderr(Stdio::null());
        let running = Running(command.spawn().unwrap());
        let mut info = db.info.clone();
        info.port = 5433;
        let there = Db::existing(&info, "postgres");
        eventually("the new server is ready", || there.try_sql("SELECT 1").is_ok());
        running
    }
}

/// A server that ends when this is dropped.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id().try_into().unwrap()), Signal::SIGINT);
        let _ = self.0.wait();
    }
}

/// What pg_upgrade said.
pub(crate) struct Upgrade {
    pub(crate) passes: bool,
    pub(crate) said: String,
    /// The lists of what is bad that it leaves.
    pub(crate) lists: String,
}

/// A folder of the server's user.
pub(crate) fn make_folder(db: &Db, path: &Path) {
    let mut mkdir = Command::new("mkdir");
    as_server(&mut mkdir, db);
    assert_eq!(run(mkdir.arg(path)).code, Some(0));
}
