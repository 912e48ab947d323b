//! On a healthy server, which is a fresh cluster under load, `doctor` reports nothing false.

use std::time::Duration;

use pgkit::sandbox::Binaries;

use crate::support::every::on_every_server;
use crate::support::*;

/// The findings that are right even on a fresh and busy server: severity, check, and why.
const RIGHT: &[(&str, &str, &str)] = &[
    ("critical", "major-out-of-support", "versions 10 to 13 are out of support"),
    ("warning", "major-out-of-support", "version 14 is nearly out of support"),
    ("critical", "minor-behind", "the tests may run an older minor version"),
    ("warning", "minor-behind", "the tests may run an older minor version"),
    ("critical", "disk-free", "the disk of the tests may be full"),
    ("warning", "disk-free", "the disk of the tests may be full"),
    ("warning", "memory-overcommitted", "the machine of the tests may be small"),
    ("warning", "public-may-create", "before version 15, everybody may create objects in public"),
    ("critical", "hba-open", "the test server trusts connections, but only local ones reach it"),
];

fn a_healthy_busy_server_has_no_false_finding(bin: &Binaries) {
    let options = options(bin)
        .conf("fsync", "on")
        .conf("full_page_writes", "on")
        .conf("synchronous_commit", "on")
        .conf("autovacuum", "on");
    let own = own_server(&options);
    let db = database(own.info(), "busy");
    db.sql(
        "CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL, note text);
         CREATE TABLE branches (id int PRIMARY KEY, balance int NOT NULL);
         CREATE TABLE history (account int REFERENCES accounts, change int NOT NULL, at timestamptz NOT NULL DEFAULT now());
         CREATE INDEX ON history (account);
         INSERT INTO accounts SELECT n, 0, repeat('x', 80) FROM generate_series(1, 100000) n;
         INSERT INTO branches SELECT n, 0 FROM generate_series(1, 5) n;
         ANALYZE",
    );
    let work = "DO $$ BEGIN FOR i IN 1..400 LOOP
            UPDATE branches SET balance = balance + 1 WHERE id = 1 + i % 5;
            INSERT INTO history SELECT id, 1 FROM accounts WHERE id = 1 + (random() * 99999)::int;
        END LOOP; END $$";
    /// Stops the load when it is dropped, even if the test fails.
    struct Stop<'a>(&'a std::sync::atomic::AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let session = db.session();
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    // Sessions may deadlock with each other.
                    let _ = session.try_sql(work);
                }
            });
        }
        let _ends = Stop(&stop);
        std::thread::sleep(Duration::from_secs(1));
        for args in [&["doctor"][..], &["doctor", "--for", "4s"]] {
            let columns = ["--columns", "severity,check,database,object,finding"];
            let output = run(&mut with(with(pgkit(&db), args), columns));
            let wrong: Vec<&str> = output
                .stdout
                .lines()
                .filter(|line| !line.starts_with("note\t"))
                .filter(|line| {
                    let mut words = line.split('\t');
                    let (severity, check) = (words.next().unwrap(), words.next().unwrap());
                    // In these builds, pg_available_extensions fails.
                    if check.starts_with("extension-") && cannot_list_extensions(&db) {
                        return false;
                    }
                    !RIGHT.iter().any(|(right, name, _)| (*right, *name) == (severity, check))
                })
                .collect();
            assert!(wrong.is_empty(), "on {}: {}", bin.major, wrong.join("\n"));
        }
    });
}
on_every_server!(a_healthy_busy_server_has_no_false_finding);
