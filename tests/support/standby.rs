//! A hot standby.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgkit::sandbox::{Binaries, Server, Stop};

use super::{Db, eventually};

/// A server in recovery, stopped when dropped.
pub struct Postgres(Child);

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id().try_into().unwrap()), Signal::SIGQUIT);
        let _ = self.0.wait();
    }
}

impl Postgres {
    /// Stops a server and starts its data again in standby mode, without a primary: it waits for more, and takes readers.
    pub fn standby(server: &mut Server, bin: &Binaries) -> Postgres {
        let info = server.info().clone();
        server.stop(Stop::Fast).unwrap();
        let owner = std::fs::metadata(&info.data_dir).unwrap();
        let (name, text) =
            if bin.major >= 12 { ("standby.signal", "") } else { ("recovery.conf", "standby_mode = 'on'\n") };
        let signal = info.data_dir.join(name);
        std::fs::write(&signal, text).unwrap();
        chown(&signal, Some(owner.uid()), Some(owner.gid())).unwrap();
        let mut command = Command::new(bin.program("postgres"));
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").arg("-D").arg(&info.data_dir);
        command.current_dir(&info.socket_dir).stdout(Stdio::null()).stderr(Stdio::null());
        if nix::unistd::geteuid().is_root() {
            command.gid(owner.gid()).uid(owner.uid());
        }
        let postgres = Postgres(command.spawn().unwrap());
        let db = Db::existing(&info, "postgres");
        eventually("the standby takes readers", || {
            db.try_sql("SELECT pg_is_in_recovery()").is_ok_and(|rows| rows[0][0].as_deref() == Some("t"))
        });
        postgres
    }
}
