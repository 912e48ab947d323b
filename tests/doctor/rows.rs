//! Tests of checks that depend on a state which lasts for hours, on another machine or on another version. Their rows,
//! on both sides of each limit, are written into a snapshot.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use crate::support::*;

/// Returns the header of a snapshot of a real server, for a snapshot with one row.
fn header(db: &Db, folder: &std::path::Path) -> Map<String, Value> {
    let path = folder.join("real.snap");
    let output = run(pgkit(db).args(["snapshot", "checkpoints", "-q", "-o"]).arg(&path));
    assert_eq!(output.code, Some(0), "{}", output.snapshot());
    let mut text = String::new();
    MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let mut header: Map<String, Value> = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    header.insert("refused".to_owned(), json!([]));
    header.insert("parts".to_owned(), json!(1));
    header.insert("rows".to_owned(), json!(1));
    header
}

/// Writes a snapshot with one row of one report. Columns that `row` lacks are NULL.
fn write(path: &std::path::Path, header: &Map<String, Value>, report: &str, row: &Value) {
    let reports = all_reports();
    let report =
        reports.iter().find(|one| one.name == report).unwrap_or_else(|| panic!("no report {report}"));
    let kind = |column: &pgkit::report::Column| match column.server_type.name().strip_prefix('_') {
        Some(element) => format!("{} {element}[]", column.name),
        None => format!("{} {}", column.name, column.server_type.name()),
    };
    let columns: Vec<String> = report.columns.iter().map(kind).collect();
    for name in row.as_object().unwrap().keys() {
        assert!(
            report.columns.iter().any(|column| column.name == *name),
            "{}: no column {name}",
            report.name
        );
    }
    let values: Vec<Value> =
        report.columns.iter().map(|column| row.get(&column.name).cloned().unwrap_or(Value::Null)).collect();
    let database = (report.scope == pgkit::report::Scope::Database).then_some("postgres");
    let part = json!({"report": report.name, "database": database, "columns": columns});
    let mut out = GzEncoder::new(std::fs::File::create(path).unwrap(), Compression::fast());
    for line in [json!(header), part, json!(values), json!({"rows": 1, "hidden": []})] {
        writeln!(out, "{line}").unwrap();
    }
    out.finish().unwrap();
}

#[test]
fn on_a_standby_it_is_said_where_remedies_are_run() {
    let db = db("remedies");
    let folder = tempfile::tempdir_in(temp()).unwrap();
    let mut header = header(&db, folder.path());
    let path = folder.path().join("standby.snap");
    for (is_standby, is_found) in [(true, true), (false, true), (true, false)] {
        header.insert("standby".to_owned(), json!(is_standby));
        let row =
            json!({"mode": "always", "has_command": !is_found, "is_dummy": false, "cause": "there is none"});
        write(&path, &header, "doctor/wal/archive-command", &row);
        let output = run(pgkit(&db).args(["doctor", "archive-without-command", "--from"]).arg(&path));
        let is_said = output.stderr.contains("this is a standby: run a remedy that writes on its primary");
        assert_eq!(is_said, is_standby && is_found, "{}", output.snapshot());
    }
}

#[test]
fn what_lasts_or_is_elsewhere_is_judged_on_both_sides_of_its_limits() {
    let db = db("rows");
    let folder = tempfile::tempdir().unwrap();
    let header = header(&db, folder.path());
    let version = |left: i32, behind: i32, age: i32| json!({"version": "18.1", "major": 18, "supported_until": "2030-11-14", "left_days": left, "newest": "18.3", "behind": behind, "table_age_days": age, "table_from": "2026-11-12"});
    let session = |transaction: f64, reason: &str| json!({"pid": 1, "object": "web in shop", "user": "web", "database": "shop", "state": "active", "transaction_s": transaction, "harms": false, "is_bare": false, "reason": reason, "what": "", "hidden_sessions": 0});
    let job = |errors: i32, held: bool, overdue: f64, runners: i32| json!({"schema": "public", "name": "nightly", "errors": errors, "last_error": "boom", "held": held, "ongoing_s": 0.0, "most_s": 7200.0, "overdue_s": overdue, "runners": runners});
    let standby = |missing: bool, up: f64, paused: bool, waiting: i64| json!({"role": "standby", "expected": true, "is_missing": missing, "has_streamed": true, "has_restore": false, "up_s": up, "message_s": 0.0, "silent_limit_s": 60.0, "replayed_bytes": 1, "is_paused": paused, "by_target": false, "waiting_bytes": waiting, "what": "its primary"});
    let lag = |bytes: i64, seconds: f64, settled: bool| json!({"role": "standby", "object": "replica", "state": "streaming", "lag_bytes": bytes, "lag_s": seconds, "is_settled": settled, "differs": true, "stage": ", at replay"});
    let horizon = |age: i64, held: f64| json!({"object": "slot s", "kind": "slot", "xid_age": age, "held_s": held, "is_held_long": false, "lags": false, "what": "the slot s", "remedy": "drop it"});
    let gb = |n: i64| n << 30;
    let (fine, note, warning, critical) = ("", "note", "warning", "critical");
    for (check, report, row, expected) in [
        ("major-out-of-support", "doctor/versions/support", version(-1, 0, 1), critical),
        ("major-out-of-support", "doctor/versions/support", version(179, 0, 1), warning),
        ("major-out-of-support", "doctor/versions/support", version(180, 0, 1), fine),
        ("minor-behind", "doctor/versions/support", version(900, 2, 100), critical),
        ("minor-behind", "doctor/versions/support", version(900, 1, 100), warning),
        ("minor-behind", "doctor/versions/support", version(900, 0, 100), fine),
        ("minor-behind", "doctor/versions/support", version(900, 0, 101), "unseen"),
        (
            "known-bad-minor",
            "doctor/versions/known-bad-minor",
            json!({"number": 140002, "version": "14.2", "harm": "may have damaged indexes", "remedy": "update", "is_damage": true}),
            critical,
        ),
        (
            "known-bad-minor",
            "doctor/versions/known-bad-minor",
            json!({"number": 150009, "version": "15.9", "harm": "breaks extensions", "remedy": "update", "is_damage": false}),
            warning,
        ),
        ("clock-skew", "doctor/connections/clock", json!({"direction": "ahead", "skew_s": 30.0}), critical),
        ("clock-skew", "doctor/connections/clock", json!({"direction": "behind", "skew_s": 2.5}), warning),
        ("clock-skew", "doctor/connections/clock", json!({"direction": "behind", "skew_s": 1.5}), fine),
        (
            "disk-free",
            "doctor/wal/disks",
            json!({"path": "/data", "what": "the data", "used_pct": 90.0, "free_bytes": 1, "total_bytes": 10}),
            critical,
        ),
        (
            "disk-free",
            "doctor/wal/disks",
            json!({"path": "/data", "what": "the data", "used_pct": 80.0, "free_bytes": 2, "total_bytes": 10}),
            warning,
        ),
        (
            "disk-free",
            "doctor/wal/disks",
            json!({"path": "/data", "what": "the data", "used_pct": 79.9, "free_bytes": 3, "total_bytes": 10}),
            fine,
        ),
        (
            "disk-free",
            "doctor/wal/disks",
            json!({"path": "", "what": "the data", "fault": "elsewhere"}),
            "unseen",
        ),
        (
            "memory-overcommitted",
            "doctor/settings/memory",
            json!({"settings": "all", "memory_bytes": gb(8), "shared_bytes": gb(2), "ceiling_bytes": gb(9), "shared_pct": 25.0, "ceiling_pct": 112.5}),
            warning,
        ),
        (
            "memory-overcommitted",
            "doctor/settings/memory",
            json!({"settings": "all", "memory_bytes": gb(8), "shared_bytes": gb(7), "ceiling_bytes": gb(7), "shared_pct": 87.5, "ceiling_pct": 90.0}),
            warning,
        ),
        (
            "memory-overcommitted",
            "doctor/settings/memory",
            json!({"settings": "all", "memory_bytes": gb(8), "shared_bytes": gb(2), "ceiling_bytes": gb(8), "shared_pct": 25.0, "ceiling_pct": 100.0}),
            fine,
        ),
        (
            "log-on-overdue",
            "doctor/settings/log-on",
            json!({"place": "the server", "over_s": 60.0, "made_by": "somebody"}),
            warning,
        ),
        (
            "prepared-transaction-old",
            "prepared",
            json!({"gid": "g", "database": "shop", "owner": "web", "age_s": 3600.0, "locks": 1}),
            critical,
        ),
        (
            "prepared-transaction-old",
            "prepared",
            json!({"gid": "g", "database": "shop", "owner": "web", "age_s": 300.0, "locks": 1}),
            warning,
        ),
        (
            "prepared-transaction-old",
            "prepared",
            json!({"gid": "g", "database": "shop", "owner": "web", "age_s": 299.0, "locks": 1}),
            fine,
        ),
        ("long-transaction", "doctor/locks/sessions", session(43200.0, ""), critical),
        ("long-transaction", "doctor/locks/sessions", session(3600.0, ""), warning),
        ("long-transaction", "doctor/locks/sessions", session(3599.0, ""), fine),
        ("long-transaction", "doctor/locks/sessions", session(43200.0, ", which is a dump"), note),
        ("job-failing", "doctor/jobs/jobs", job(3, false, 0.0, 1), critical),
        ("job-failing", "doctor/jobs/jobs", job(1, false, 0.0, 1), warning),
        ("job-failing", "doctor/jobs/jobs", job(0, false, 0.0, 1), fine),
        ("job-stuck", "doctor/jobs/jobs", job(0, true, 0.0, 1), critical),
        ("job-runner-missing", "doctor/jobs/jobs", job(0, false, 901.0, 0), critical),
        ("job-runner-missing", "doctor/jobs/jobs", job(0, false, 901.0, 1), warning),
        ("job-runner-missing", "doctor/jobs/jobs", job(0, false, 899.0, 0), fine),
        ("receiver-missing", "doctor/replication/standby", standby(true, 60.0, false, 0), critical),
        ("receiver-missing", "doctor/replication/standby", standby(true, 59.0, false, 0), fine),
        ("replay-paused", "doctor/replication/standby", standby(false, 600.0, true, 1), critical),
        ("replay-paused", "doctor/replication/standby", standby(false, 600.0, true, 0), warning),
        ("standby-lag", "doctor/replication/lag", lag(gb(10), 0.0, true), critical),
        ("standby-lag", "doctor/replication/lag", lag(5, 3600.0, true), critical),
        ("standby-lag", "doctor/replication/lag", lag(gb(1), 0.0, true), warning),
        ("standby-lag", "doctor/replication/lag", lag(5, 300.0, true), warning),
        ("standby-lag", "doctor/replication/lag", lag(gb(1) - 1, 299.0, true), fine),
        ("standby-lag", "doctor/replication/lag", lag(gb(50), 0.0, false), note),
        ("horizon-held", "doctor/vacuum/horizon", horizon(100_000_000, 0.0), critical),
        ("horizon-held", "doctor/vacuum/horizon", horizon(1_000_000, 86_400.0), critical),
        ("horizon-held", "doctor/vacuum/horizon", horizon(1_000_000, 3600.0), warning),
        ("horizon-held", "doctor/vacuum/horizon", horizon(999_999, 90_000.0), fine),
        (
            "crash-restart",
            "doctor/locks/crash-restart",
            json!({"restarted": "2026-11-30T00:00:00Z", "age_s": 3599.0, "crashed": true}),
            critical,
        ),
        (
            "crash-restart",
            "doctor/locks/crash-restart",
            json!({"restarted": "2026-11-30T00:00:00Z", "age_s": 3600.0, "crashed": true}),
            warning,
        ),
        (
            "crash-restart",
            "doctor/locks/crash-restart",
            json!({"restarted": "2026-11-30T00:00:00Z", "age_s": 86_400.0, "crashed": true}),
            fine,
        ),
    ] {
        let path = folder.path().join("made.snap");
        write(&path, &header, report, &row);
        let mut command = bare_pgkit();
        let output =
            run(command.args(["doctor", check, "-q", "--columns", "severity,check", "--from"]).arg(&path));
        let wanted = if expected.is_empty() { String::new() } else { format!("{expected}\t{check}\n") };
        assert_eq!(output.stdout, wanted, "{check} of {row}: {}", output.snapshot());
    }
}

#[test]
fn a_change_between_two_looks_is_judged_on_both_sides_of_its_limits() {
    let db = db("two_looks");
    let folder = tempfile::tempdir().unwrap();
    let mut later = header(&db, folder.path());
    later.insert("resets".to_owned(), json!([]));
    later.insert("started".to_owned(), json!("2026-01-01T00:00:00Z"));
    let workers = |full: bool, waiting: i64, at: f64| json!({"database": "postgres", "workers": 3, "limit": 3, "is_full": full, "waiting": waiting, "sampled_s": at, "hidden_sessions": 0});
    let cache = |reads: i64, hits: i64| json!({"database": "postgres", "reads": reads, "hits": hits, "hit_pct": 99.0, "reads_per_second": 1.0, "stats_age_s": 1.0});
    let backup = |seen: bool, at: f64| json!({"role": "primary", "timed": 1, "requested": 0, "total": 1, "stats_age_s": 1.0, "seen": seen, "sampled_s": at});
    let conflicts = |number: i64| json!({"database": "shop", "deadlocks": 0, "commits": 1, "rollbacks": 0, "temp_bytes": 0, "conflicts": number, "stats_age_s": 1.0, "conflicts_per_hour": 0.0, "what": "locks", "is_standby": true});
    let subscription = |errors: i64, conflicts: i64| json!({"subscription": "s", "is_enabled": true, "is_documented": false, "has_worker": true, "not_ready": 0, "errors": errors, "conflicts": conflicts, "sampled_s": 1.0, "what": ""});
    let parallel = |lacking: i64, launched: i64| json!({"resource": "parallel workers of a query", "setting": "max_parallel_workers", "kind": "parallel", "lacking": lacking, "launched": launched, "hidden_sessions": 0});
    let week = 7.0 * 86_400.0;
    let (fine, note, warning, critical) = ("", "note", "warning", "critical");
    for (check, report, before, after, apart, expected) in [
        (
            "autovacuum-saturated",
            "doctor/vacuum/workers",
            workers(true, 2, 0.0),
            workers(true, 2, 300.0),
            300,
            warning,
        ),
        (
            "autovacuum-saturated",
            "doctor/vacuum/workers",
            workers(true, 2, 0.0),
            workers(true, 2, 299.0),
            299,
            fine,
        ),
        (
            "autovacuum-saturated",
            "doctor/vacuum/workers",
            workers(false, 2, 0.0),
            workers(true, 2, 300.0),
            300,
            fine,
        ),
        (
            "autovacuum-saturated",
            "doctor/vacuum/workers",
            workers(true, 2, 0.0),
            workers(true, 0, 300.0),
            300,
            fine,
        ),
        ("cache-hit-low", "doctor/tables/cache-hit-low", cache(0, 0), cache(20_000, 100_000), 10, note),
        ("cache-hit-low", "doctor/tables/cache-hit-low", cache(0, 0), cache(20_000, 200_000), 10, fine),
        ("cache-hit-low", "doctor/tables/cache-hit-low", cache(0, 0), cache(9_000, 9_000), 10, fine),
        ("no-backup-seen", "doctor/wal/checkpoints", backup(false, 0.0), backup(false, week), 604_800, note),
        ("no-backup-seen", "doctor/wal/checkpoints", backup(true, 0.0), backup(false, week), 604_800, fine),
        (
            "no-backup-seen",
            "doctor/wal/checkpoints",
            backup(false, 0.0),
            backup(false, week - 1.0),
            604_799,
            fine,
        ),
        ("standby-conflicts", "doctor/locks/counters", conflicts(5), conflicts(15), 3600, warning),
        ("standby-conflicts", "doctor/locks/counters", conflicts(5), conflicts(14), 3600, fine),
        ("standby-conflicts", "doctor/locks/counters", conflicts(5), conflicts(6), 60, fine),
        (
            "subscription-errors",
            "doctor/replication/subscriptions",
            subscription(7, 0),
            subscription(8, 0),
            10,
            critical,
        ),
        (
            "subscription-errors",
            "doctor/replication/subscriptions",
            subscription(7, 1),
            subscription(7, 2),
            10,
            warning,
        ),
        (
            "subscription-errors",
            "doctor/replication/subscriptions",
            subscription(7, 1),
            subscription(7, 1),
            10,
            fine,
        ),
        ("worker-slots-full", "doctor/connections/slots", parallel(5, 5), parallel(105, 104), 10, warning),
        ("worker-slots-full", "doctor/connections/slots", parallel(5, 5), parallel(104, 5), 10, fine),
        ("worker-slots-full", "doctor/connections/slots", parallel(5, 5), parallel(105, 105), 10, fine),
    ] {
        let taken: jiff::Timestamp = later["taken"].as_str().unwrap().parse().unwrap();
        let mut earlier = later.clone();
        let then = taken - jiff::SignedDuration::from_secs(apart);
        earlier.insert("taken".to_owned(), json!(then.to_string()));
        let (was, is) = (folder.path().join("was.snap"), folder.path().join("is.snap"));
        write(&was, &earlier, report, &before);
        write(&is, &later, report, &after);
        let mut command = bare_pgkit();
        command.args(["doctor", check, "--columns", "severity,check"]);
        let output = run(command.arg("--from").arg(&is).arg("--against").arg(&was));
        let wanted = if expected.is_empty() { String::new() } else { format!("{expected}\t{check}\n") };
        assert_eq!(output.stdout, wanted, "{check} of {before}, then {after}: {}", output.snapshot());
        assert!(!output.stderr.contains("not judged"), "{check}: {}", output.stderr);
        // If --against is not older, changes are not judged, and a message says so.
        let mut command = bare_pgkit();
        command.args(["doctor", check, "--columns", "severity,check"]);
        let output = run(command.arg("--from").arg(&was).arg("--against").arg(&is));
        assert!(!output.stdout.contains(&format!("critical\t{check}")), "{check}: {}", output.snapshot());
        assert!(output.stderr.contains("is not older"), "{}", output.stderr);
    }
}
