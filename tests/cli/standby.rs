//! A hot standby.

use super::recovery::Postgres;
use crate::support::*;

fn every_report_works_on_a_hot_standby(bin: &Binaries) {
    let mut server = own_server(&options(bin));
    let info = server.info().clone();
    let db = Db::existing(&info, "postgres");
    filled::fill(&db, bin.major, 100);
    let on_primary: Vec<String> = REPORTS.iter().map(|args| run(pgkit(&db).args(*args)).stdout).collect();
    let _postgres = Postgres::standby(&mut server, bin);
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
    assert!(demo.stderr.starts_with("pgkit: cannot demonstrate locks on a standby"), "{}", demo.stderr);
    let standby = run(pgkit(&db).env("PGTARGETSESSIONATTRS", "standby").arg("relations"));
    assert_eq!(standby.code, Some(0), "{}", standby.snapshot());
    let primary = run(pgkit(&db).env("PGTARGETSESSIONATTRS", "primary").arg("relations"));
    assert_eq!(primary.code, Some(69), "{}", primary.snapshot());
}
on_every_server!(every_report_works_on_a_hot_standby);

/// Without what changes when a server restarts.
const REPORTS: &[&[&str]] = &[
    &["relations"],
    &["relations", "--visible"],
    &["functions"],
    &["find", "e"],
    &["sizes", "--columns", "schema,name,main,toast,indexes"],
    &["sizes", "--group-partitions", "--columns", "schema,name,main"],
];
