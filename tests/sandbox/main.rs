//! Throwaway servers with real processes and real kills.

#[path = "../support/mod.rs"]
mod support;

use support::*;

#[test]
fn a_server_of_our_own_takes_queries_and_is_gone_when_dropped() {
    for bin in bins() {
        let server = own_server(&options(bin));
        let info = server.info().clone();
        let db = database(&info, "own");
        assert!(db.value("SHOW server_version").starts_with(&bin.version));
        drop(db);
        drop(server);
        assert!(!info.folder.exists());
    }
}

#[test]
fn a_shared_server_serves_many() {
    let one = db("one");
    let two = db("two");
    assert_eq!(one.info, two.info);
    assert_eq!(one.value("SELECT current_database()"), one.name);
}
