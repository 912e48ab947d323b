//! A hot standby.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Child;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgkit::sandbox::Stop;

use crate::support::*;
use crate::*;

/// A server in recovery, stopped when dropped.
struct Postgres(Child);

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id().try_into().unwrap()), Signal::SIGQUIT);
        let _ = self.0.wait();
    }
}

#[test]
fn every_report_works_on_a_hot_standby() {
    for bin in bins() {
        let mut server = own_server(&options(bin));
        let info = server.info().clone();
        let db = Db::existing(&info, "postgres");
        filled::fill(&db, bin.major, 100);
        let on_primary: Vec<String> = REPORTS.iter().map(|args| run(pgkit(&db).args(*args)).stdout).collect();
        server.stop(Stop::Fast).unwrap();

        // A copy of a stopped server in standby mode, without a primary: it waits for more, and takes readers.
        let owner = std::fs::metadata(&info.data_dir).unwrap();
        let (name, text) =
            if bin.major >= 12 { ("standby.signal", "") } else { ("recovery.conf", "standby_mode = 'on'\n") };
        let signal = info.data_dir.join(name);
        std::fs::write(&signal, text).unwrap();
        chown(&signal, Some(owner.uid()), Some(owner.gid())).unwrap();
        let mut command = Command::new(bin.program("postgres"));
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").arg("-D").arg(&info.data_dir);
        command
            .current_dir(&info.socket_dir)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        if nix::unistd::geteuid().is_root() {
            command.gid(owner.gid()).uid(owner.uid());
        }
        let _postgres = Postgres(command.spawn().unwrap());
        eventually("the standby takes readers", || {
            db.try_sql("SELECT pg_is_in_recovery()").is_ok_and(|rows| rows[0][0].as_deref() == Some("t"))
        });
        for (args, expected) in REPORTS.iter().zip(on_primary) {
            for more in [&[][..], &["--lock-timeout", "100ms"]] {
                let output = run(pgkit(&db).args(*args).args(more));
                assert!(output.lines().len() > 5 && output.stderr.is_empty(), "{}", output.snapshot());
                // An unlogged table is empty on a standby.
                let logged = |text: &str| -> Vec<String> {
                    text.lines()
                        .filter(|l| !l.contains("\tunlogged\t") || l.contains("\ttable\t"))
                        .map(str::to_owned)
                        .collect()
                };
                assert_eq!(logged(&output.stdout), logged(&expected), "{args:?} on {}", bin.major);
            }
        }
        assert_eq!(run(pgkit(&db).args(["locks", "-q"])).code, Some(0), "on {}", bin.major);
        let demo = run(pgkit(&db).args(["locks", "demo"]));
        assert_eq!((demo.code, demo.stdout.as_str()), (Some(69), ""), "{}", demo.snapshot());
        assert!(demo.stderr.starts_with("pgkit: the server is a standby"), "{}", demo.stderr);
        let standby = run(pgkit(&db).env("PGTARGETSESSIONATTRS", "standby").arg("relations"));
        assert_eq!(standby.code, Some(0), "{}", standby.snapshot());
        let primary = run(pgkit(&db).env("PGTARGETSESSIONATTRS", "primary").arg("relations"));
        assert_eq!(primary.code, Some(69), "{}", primary.snapshot());
    }
}

/// Without what changes when a server restarts.
const REPORTS: &[&[&str]] = &[
    &["relations"],
    &["relations", "--visible"],
    &["functions"],
    &["find", "e"],
    &["sizes", "--columns", "schema,name,main,toast,indexes"],
    &["sizes", "--group-partitions", "--columns", "schema,name,main"],
];
