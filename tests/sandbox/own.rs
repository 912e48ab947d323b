//! Servers for one process.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::Signal;
use pgkit::error::Exit;
use pgkit::sandbox::{self, Stop};

use super::{Place, kill, runs};
use crate::support::*;

fn it_takes_queries_and_nothing_is_left_when_it_is_dropped(bin: &Binaries) {
    let place = Place::new();
    let mut options = place.options();
    options.settings.binaries = bin.clone();
    let server = own_server(&options);
    let info = server.info().clone();
    let db = database(&info, "own");
    assert!(bin.version.starts_with(db.value("SHOW server_version").split(' ').next().unwrap()));
    assert_eq!(db.value("SHOW server_encoding"), "UTF8");
    assert_eq!(db.value("SHOW timezone"), "UTC");
    drop(db);
    assert!(info.folder.starts_with(place.base()));
    drop(server);
    assert!(place.left().is_empty(), "{:?}", place.left());
    assert!(!runs(info.server_pid) && !runs(info.keeper_pid));
}
on_every_server!(it_takes_queries_and_nothing_is_left_when_it_is_dropped);

#[test]
fn no_other_user_can_get_in() {
    let place = Place::new();
    let server = own_server(&place.options());
    let info = server.info();
    let root = nix::unistd::geteuid().is_root();
    let mode =
        |path: &std::path::Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&info.socket_dir), 0o700);
    assert_eq!(mode(&place.base()), if root { 0o711 } else { 0o700 });
    assert_eq!(mode(&info.folder.join("info.json")), 0o600);
    assert_eq!(mode(&info.log_file), 0o600);
    assert_eq!(mode(&info.folder.join("control")) & 0o077, 0);
    let db = Db::existing(info, "postgres");
    assert_eq!(db.value("SHOW listen_addresses"), "");
    if root {
        let (user, group) = {
            let meta = std::fs::metadata(&info.socket_dir).unwrap();
            (meta.uid(), meta.gid())
        };
        assert_ne!(user, 0);
        let status = std::fs::read_to_string(format!("/proc/{}/status", info.server_pid)).unwrap();
        let ids = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(ids("Uid:"), vec![user.to_string(); 4]);
        assert_eq!(ids("Gid:"), vec![group.to_string(); 4]);
        assert_eq!(ids("Groups:"), Vec::<String>::new());
        let tries = |path: &std::path::Path| {
            let mut ls = Command::new("ls");
            ls.arg(path).uid(54321).gid(54321);
            run(&mut ls).code
        };
        assert_ne!(tries(&info.socket_dir), Some(0));
        assert_ne!(tries(&info.folder), Some(0));
        assert_ne!(tries(&place.base()), Some(0));
        // The control socket has a name everybody knows.
        let mut open = Command::new("test");
        open.arg("-w").arg(info.folder.join("control")).uid(54321).gid(54321);
        assert_ne!(run(&mut open).code, Some(0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn root_runs_it_as_a_user_who_runs_nothing_else() {
    let place = Place::new();
    let server = own_server(&place.options());
    let uid = std::fs::metadata(format!("/proc/{}", server.info().server_pid)).unwrap().uid();
    let me = nix::unistd::geteuid();
    if !me.is_root() {
        assert_eq!(uid, me.as_raw());
        return;
    }
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        let is_pid = entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        if is_pid && meta.uid() == uid {
            let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            assert!(
                cwd.as_os_str().is_empty() || cwd.to_string_lossy().contains("/pgkit-sandbox-0/"),
                "{cwd:?}"
            );
        }
    }
}

#[test]
fn tcp_needs_the_password() {
    let place = Place::new();
    let mut options = place.options();
    options.settings.tcp = true;
    for bin in bins() {
        options.settings.binaries = bin.clone();
        let server = own_server(&options);
        let info = server.info();
        let password = info.password.clone().unwrap().reveal().to_owned();
        assert!(!format!("{server:?}").contains(&password));
        assert_eq!(Db::existing(info, "postgres").value("SHOW listen_addresses"), "127.0.0.1");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connect = |password: Option<&str>| {
            let mut config = tokio_postgres::Config::new();
            config.host("127.0.0.1").port(info.port).user("postgres").dbname("postgres");
            if let Some(password) = password {
                config.password(password);
            }
            runtime.block_on(config.connect(tokio_postgres::NoTls)).map(drop)
        };
        connect(Some(&password)).unwrap();
        assert!(connect(None).is_err());
        assert!(connect(Some("postgres")).is_err());
        let env = info.env();
        assert!(env.contains(&("PGHOST".to_owned(), "127.0.0.1".to_owned())));
        assert!(env.contains(&("PGPASSWORD".to_owned(), password.clone())));
        let log = std::fs::read_to_string(&info.log_file).unwrap();
        assert!(!log.contains(&password));
    }
}

#[test]
fn it_stops_and_starts_again_with_its_data() {
    let place = Place::new();
    let mut server = own_server(&place.options());
    let db = Db::existing(server.info(), "postgres");
    db.sql("CREATE TABLE t AS SELECT 1 AS a; CHECKPOINT");
    for how in [Stop::Fast, Stop::Immediate] {
        let before = server.info().server_pid;
        server.restart(how).unwrap();
        assert_ne!(server.info().server_pid, before);
        assert_eq!(db.value("SELECT a FROM t"), "1");
    }
    server.stop(Stop::Fast).unwrap();
    assert!(db.try_sql("SELECT 1").is_err());
    server.start().unwrap();
    kill(server.info().server_pid, Signal::SIGKILL);
    eventually("the server is gone", || db.try_sql("SELECT 1").is_err());
    // Its last processes may still hold the data folder.
    let start = std::time::Instant::now();
    while let Err(error) = server.start() {
        assert!(start.elapsed().as_secs() < 10, "{error}");
    }
    assert_eq!(db.value("SELECT a FROM t"), "1");
    drop(server);
    place.is_empty_soon();
}

#[test]
fn a_server_that_does_not_start_says_why_and_leaves_nothing() {
    let place = Place::new();
    let error = sandbox::start_own(&place.options().conf("shared_buffers", "no number")).unwrap_err();
    assert_eq!(error.exit, Exit::Unavailable);
    assert!(error.causes.join("\n").contains("shared_buffers"), "{error}");
    assert!(place.left().is_empty(), "{:?}", place.left());

    let mut options = place.options();
    options.settings.initdb_args = vec!["--no-such-option".to_owned()];
    let error = sandbox::start_own(&options).unwrap_err();
    assert!(error.causes.join("\n").contains("no-such-option"), "{error}");
    assert!(place.left().is_empty(), "{:?}", place.left());
}

#[test]
fn programs_that_the_servers_user_cannot_reach_are_named() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    let hidden = tempfile::tempdir().unwrap();
    std::fs::set_permissions(hidden.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink(&bin().dir, hidden.path().join("bin")).unwrap();
    let mut options = place.options();
    options.settings.binaries = sandbox::find_binaries(Some(&hidden.path().join("bin")), &|_| None).unwrap();
    let error = sandbox::start_own(&options).unwrap_err();
    assert_eq!(error.exit, Exit::Permission);
    assert!(error.message.contains("as which root runs the server, cannot run"), "{error}");
    assert!(place.left().is_empty(), "{:?}", place.left());
}

#[test]
fn files_and_rules_of_a_test_reach_the_server() {
    let place = Place::new();
    let mut options = place.options().conf("log_line_prefix", "it's \\ %p ");
    options.settings.hba = vec!["local all refused reject".to_owned()];
    options.settings.files = vec![("extra.txt".to_owned(), "text".to_owned())];
    let server = own_server(&options);
    let db = Db::existing(server.info(), "postgres");
    assert_eq!(db.value("SHOW log_line_prefix"), "it's \\ %p ");
    assert_eq!(db.value("SELECT pg_read_file('extra.txt')"), "text");
    db.sql("CREATE ROLE refused LOGIN");
    let mut refused = Db::existing(server.info(), "postgres");
    refused.info.user = "refused".to_owned();
    assert!(refused.try_sql("SELECT 1").is_err());
}

#[test]
fn a_helper_of_no_known_kind_is_wrong_usage() {
    assert_eq!(run(bare_pgkit().args(["__helper", "nothing"])).code, Some(64));
}
