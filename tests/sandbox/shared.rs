//! Servers for many processes, and those that stay.

use pgkit::sandbox;

use super::{Place, runs, user};
use crate::support::*;

#[test]
fn the_tests_share_one_server_with_a_database_each() {
    let one = db("one");
    let two = db("two");
    assert_eq!(one.info, two.info);
    assert_ne!(one.name, two.name);
    assert_eq!(one.value("SELECT current_database()"), one.name);
    let name = one.name.clone();
    drop(one);
    assert_eq!(two.value(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")), "0");
}

#[test]
fn processes_that_come_at_once_share_one_server_and_the_last_takes_it_along() {
    let place = Place::new();
    let begun: Vec<_> = (0..4).map(|_| user::begin(&place, "shared")).collect();
    let mut users: Vec<_> = begun.into_iter().map(user::Begun::wait).collect();
    let info = users[0].info.clone();
    assert!(users.iter().all(|user| user.info == info));
    let status = sandbox::status(&place.env()).unwrap();
    assert_eq!((status.len(), status[0].users, status[0].stays), (1, 4, false));

    users.pop().unwrap().leave();
    users.pop().unwrap().kill();
    users.pop().unwrap().kill();
    eventually("three are counted out", || sandbox::status(&place.env()).unwrap()[0].users == 1);
    std::thread::sleep(std::time::Duration::from_millis(800));
    assert_eq!(Db::existing(&info, "postgres").value("SELECT 1"), "1");
    users.pop().unwrap().kill();
    place.is_empty_soon();
    assert!(!runs(info.server_pid));
}

#[test]
fn who_comes_while_it_lingers_still_gets_it() {
    let place = Place::new();
    let mut options = place.options();
    options.linger = std::time::Duration::from_secs(3);
    let first = sandbox::shared(&options).unwrap();
    let info = first.info().clone();
    drop(first);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(*sandbox::shared(&options).unwrap().info(), info);
    place.is_empty_soon();
}

#[test]
fn one_that_ends_just_now_gives_way_to_a_new_one() {
    let place = Place::new();
    let mut options = place.options();
    options.linger = std::time::Duration::ZERO;
    for _ in 0..5 {
        // The one before may still be stopping.
        let lease = sandbox::shared(&options).unwrap();
        assert_eq!(Db::existing(lease.info(), "postgres").value("SELECT 1"), "1");
    }
    place.is_empty_soon();
}

#[test]
fn other_settings_get_another_server() {
    let place = Place::new();
    let one = sandbox::shared(&place.options()).unwrap();
    let two = sandbox::shared(&place.options().conf("work_mem", "5MB")).unwrap();
    assert_ne!(one.info().folder, two.info().folder);
    assert_eq!(Db::existing(two.info(), "postgres").value("SHOW work_mem"), "5MB");
}

#[test]
fn a_kept_server_stays_until_it_is_stopped() {
    let place = Place::new();
    let env = place.env();
    assert_eq!(sandbox::stop("tests", &env).unwrap(), None);
    assert_eq!(sandbox::status(&env).unwrap(), []);
    // Its starter and everybody who reads what that prints come to their end.
    let mut started = user::start(&place, "kept");
    started.child.wait().unwrap();
    let info = started.info.clone();
    std::thread::sleep(std::time::Duration::from_millis(800));
    let status = sandbox::status(&env).unwrap();
    assert!(status.len() == 1 && status[0].is_kept("tests") && status[0].stays && status[0].users == 0);
    assert_eq!(Db::existing(&status[0].info, "postgres").value("SELECT 1"), "1");

    let (again, ran) = sandbox::start(&place.options()).unwrap();
    assert!(ran && again == info);
    let error = sandbox::start(&place.options().conf("work_mem", "5MB")).unwrap_err();
    assert!(error.message.contains("another sandbox is already running"), "{error}");

    assert_eq!(sandbox::stop("tests", &env).unwrap(), Some(info.clone()));
    assert!(!runs(info.server_pid));
    eventually("the keeper is gone", || !runs(info.keeper_pid));
    assert!(place.left().is_empty(), "{:?}", place.left());
}

#[test]
fn its_exports_lead_a_shell_to_it() {
    let shared = server(bin());
    let mut sh = std::process::Command::new("sh");
    let script = format!("{}exec \"$0\" -X -A -t -c 'SELECT current_user'", shared.info().exports());
    sh.arg("-c").arg(script).arg(psql_path()).env("PGSERVICE", "nowhere").env("PGHOSTADDR", "192.0.2.1");
    assert_eq!(run(&mut sh).lines(), ["postgres"]);
}

#[test]
fn what_initdb_made_is_kept_for_the_next_as_soon_as_there_is_more_than_one() {
    let place = Place::new();
    let options = place.options();
    let first = own_server(&options);
    let second = own_server(&options);
    let third = own_server(&options);
    let identifier = |server: &sandbox::Server| {
        Db::existing(server.info(), "postgres").value("SELECT system_identifier FROM pg_control_system()")
    };
    assert_ne!(identifier(&first), identifier(&second));
    assert_eq!(identifier(&second), identifier(&third));
    drop((first, second, third));
    place.is_empty_soon();
}
