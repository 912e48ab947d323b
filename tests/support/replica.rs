//! A standby that follows its primary.

use pgkit::sandbox::{Binaries, Options, Server, Stop};

use super::{Db, eventually_or, own_server};

/// A standby that replays what this primary does, however long a reader keeps it waiting. The primary is restarted.
pub fn replica(primary: &mut Server, bin: &Binaries, options: &Options) -> Server {
    let info = primary.info().clone();
    primary.stop(Stop::Fast).unwrap();
    let from = format!("host={} port={} user={}", info.socket_dir.display(), info.port, info.user);
    let mut options = options.clone().conf("max_standby_streaming_delay", "-1").conf("hot_standby", "on");
    // The standby starts before its primary, and would wait five seconds before it looks for it again.
    options = options.conf("wal_retrieve_retry_interval", "100ms");
    options.settings.copy_of = Some(info.data_dir);
    let recovery = if bin.major >= 12 {
        options = options.conf("primary_conninfo", &from);
        ("standby.signal", String::new())
    } else {
        ("recovery.conf", format!("standby_mode = 'on'\nprimary_conninfo = '{from}'\n"))
    };
    options.settings.files.push((recovery.0.to_owned(), recovery.1));
    let standby = own_server(&options);
    primary.start().unwrap();
    let db = Db::existing(primary.info(), "postgres");
    eventually_or(
        "the standby is connected",
        || db.value("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1",
        || std::fs::read_to_string(&standby.info().log_file).unwrap(),
    );
    standby
}
