//! Whoever dies, and however: nothing is left behind.

use std::os::unix::fs::chown;
use std::time::Duration;

use nix::sys::signal::Signal;
use pgkit::sandbox;

use super::{Place, kill, runs, user};
use crate::support::*;

#[test]
fn kill_9_of_its_user_takes_the_server_and_its_folder() {
    for how in ["own", "shared"] {
        let place = Place::new();
        let mut user = user::start(&place, how);
        assert!(runs(user.info.server_pid));
        user.kill();
        place.is_empty_soon();
        assert!(!runs(user.info.server_pid));
        // The folder is the last thing that it removes; then it ends.
        eventually("the keeper ends", || !runs(user.info.keeper_pid));
    }
}

#[test]
fn interrupt_hangup_and_terminate_of_its_user_do_so_too() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let place = Place::new();
        let mut user = user::start(&place, "own");
        kill(user.child.id(), signal);
        user.child.wait().unwrap();
        place.is_empty_soon();
        assert!(!runs(user.info.server_pid));
    }
}

#[test]
fn a_keeper_that_is_told_to_end_cleans_up() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let place = Place::new();
        let server = own_server(&place.options());
        kill(server.info().keeper_pid, signal);
        place.is_empty_soon();
        assert!(!runs(server.info().server_pid));
    }
}

#[test]
fn the_death_of_a_user_while_the_server_starts_leaves_nothing() {
    let place = Place::new();
    for delay in (0..800).step_by(100) {
        let mut begun = user::begin(&place, if delay % 200 == 0 { "own" } else { "shared" });
        std::thread::sleep(Duration::from_millis(delay));
        begun.0.kill().unwrap();
        begun.0.wait().unwrap();
        // A starter that dies before its keeper leaves an empty base at most; the next start takes it along.
        let only_locks = || {
            let files = std::fs::read_dir(place.base()).into_iter().flatten().flatten();
            files.into_iter().all(|entry| entry.path().is_file())
        };
        eventually("no folder of a server is left", only_locks);
    }
    drop(own_server(&place.options()));
    assert!(place.left().is_empty(), "{:?}", place.left());
}

#[cfg(target_os = "linux")]
#[test]
fn kill_9_of_the_keeper_stops_the_server_and_the_next_start_removes_its_folder() {
    let place = Place::new();
    let mut user = user::start(&place, "own");
    let (one, two) = (user.info.clone(), own_server(&place.options()));
    kill(one.keeper_pid, Signal::SIGKILL);
    eventually("the server is gone", || !runs(one.server_pid));
    assert!(one.folder.exists());
    assert_eq!(sandbox::status(&place.env()).unwrap().len(), 1);
    let three = own_server(&place.options());
    assert!(!one.folder.exists());
    assert_eq!(Db::existing(two.info(), "postgres").value("SELECT 1"), "1");
    // The user learns of it, and is in nobody's way.
    user.leave();
    drop((two, three));
    place.is_empty_soon();
}

#[cfg(target_os = "linux")]
#[test]
fn kill_9_of_all_at_once_stops_the_server() {
    let place = Place::new();
    let mut user = user::start(&place, "own");
    kill(user.child.id(), Signal::SIGSTOP);
    kill(user.info.keeper_pid, Signal::SIGKILL);
    user.kill();
    eventually("the server is gone", || !runs(user.info.server_pid));
    drop(own_server(&place.options()));
    assert!(place.left().is_empty(), "{:?}", place.left());
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_outlives_its_keeper_is_stopped_by_the_next_start() {
    let place = Place::new();
    let server = own_server(&place.options());
    let info = server.info().clone();
    // Stopped, it cannot heed the kernel's signal.
    kill(info.server_pid, Signal::SIGSTOP);
    kill(info.keeper_pid, Signal::SIGKILL);
    eventually("the keeper is gone", || !runs(info.keeper_pid));
    std::thread::sleep(Duration::from_millis(200));
    assert!(runs(info.server_pid));
    drop(own_server(&place.options()));
    assert!(!runs(info.server_pid));
    assert!(place.left().is_empty(), "{:?}", place.left());
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_is_killed_leaves_no_shared_memory() {
    let place = Place::new();
    let server = own_server(&place.options());
    let info = server.info().clone();
    let pid_file = std::fs::read_to_string(info.data_dir.join("postmaster.pid")).unwrap();
    let id = pid_file.lines().nth(6).unwrap().split_whitespace().nth(1).unwrap().to_owned();
    let is_there = || {
        let segments = std::fs::read_to_string("/proc/sysvipc/shm").unwrap();
        segments.lines().any(|line| line.split_whitespace().nth(1) == Some(&id))
    };
    assert!(is_there());
    kill(info.server_pid, Signal::SIGKILL);
    eventually("the server is gone", || !runs(info.server_pid));
    drop(server);
    assert!(!is_there());
}

#[test]
fn what_is_not_ours_is_not_touched() {
    let place = Place::new();
    let first = own_server(&place.options());
    let folder = |name: &str, lock: bool| {
        let path = place.base().join(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("precious"), "x").unwrap();
        if lock {
            std::fs::write(path.join("lock"), "").unwrap();
        }
        path
    };
    let stale = folder("any-name", true);
    let unlocked = folder("no-lock", false);
    let outside = place.temp.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("lock"), "").unwrap();
    std::os::unix::fs::symlink(&outside, place.base().join("link")).unwrap();
    std::os::unix::fs::symlink(&outside, stale.join("link")).unwrap();
    let foreign = folder("foreign", true);
    if nix::unistd::geteuid().is_root() {
        chown(&foreign, Some(54321), Some(54321)).unwrap();
    }
    let second = own_server(&place.options());
    assert!(!stale.exists());
    assert!(unlocked.join("precious").exists());
    assert!(outside.join("lock").exists());
    assert!(place.base().join("link").is_symlink());
    if nix::unistd::geteuid().is_root() {
        assert!(foreign.join("precious").exists());
    }
    drop((first, second));
    assert!(unlocked.join("precious").exists(), "a base with something else in it stays");
}

#[test]
fn a_base_of_somebody_else_is_passed_over() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let place = Place::new();
    std::fs::create_dir(place.base()).unwrap();
    chown(place.base(), Some(54321), Some(54321)).unwrap();
    let server = own_server(&place.options());
    assert!(!server.info().folder.starts_with(place.base()));
    drop(server);
    assert_eq!(place.left(), [place.base()]);
}

#[test]
fn a_server_that_dies_takes_a_shared_keeper_along() {
    let place = Place::new();
    let lease = sandbox::shared(&place.options()).unwrap();
    kill(lease.info().server_pid, Signal::SIGKILL);
    place.is_empty_soon();
    let again = sandbox::shared(&place.options()).unwrap();
    assert_eq!(Db::existing(again.info(), "postgres").value("SELECT 1"), "1");
}
