//! Which server an answer is of, and whether its counters go on from those of an earlier answer.

use jiff::Timestamp;
use serde::Deserialize;

use super::header::{FORMAT, Header, Reset};
use crate::error::{Error, Exit, Result};
use crate::marks;
use crate::session::Reader;

const SERVER: &str = include_str!("../../queries/snapshot/server.sql");
const CLUSTER: &str = include_str!("../../queries/snapshot/cluster.sql");
const RESETS: &str = include_str!("../../queries/snapshot/resets.sql");

/// Returns the header of a snapshot that this session takes, before its first answer. The transaction must be opened anew
/// afterwards: a role that may not see something of this makes it fail.
///
/// Errors: the session is lost.
pub async fn identify(reader: &Reader) -> Result<Header> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Server {
        taken: Timestamp,
        started: Timestamp,
        server_version: String,
        standby: bool,
        role: String,
    }
    #[derive(Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Cluster {
        system_identifier: Option<String>,
        timeline: Option<i64>,
    }
    let server: Vec<Server> = reader.structs(SERVER, &[]).await?;
    let server = server.into_iter().next().ok_or_else(|| Error::bug("a server without a version"))?;
    let resets = marks::resolve(RESETS, marks::Subject::Server, (reader.version().major(), 0));
    let resets: Vec<Reset> = reader.structs(&resets, &[]).await?;
    let cluster = match reader.structs::<Cluster>(CLUSTER, &[]).await {
        Ok(cluster) => cluster.into_iter().next().unwrap_or_default(),
        Err(e) if e.exit == Exit::Permission => Cluster::default(),
        Err(e) => return Err(e),
    };
    let (host, port) = reader.address();
    Ok(Header {
        pgkit_snapshot: FORMAT,
        pgkit: env!("CARGO_PKG_VERSION").to_owned(),
        taken: server.taken,
        started: server.started,
        server_version: server.server_version,
        system_identifier: cluster.system_identifier,
        timeline: cluster.timeline,
        standby: server.standby,
        host: host.to_owned(),
        port,
        database: reader.database().to_owned(),
        role: server.role,
        redacted: false,
        resets,
        refused: Vec::new(),
        parts: 0,
        rows: 0,
    })
}

/// Checks that counters have not begun anew between two answers, so that they can be subtracted. If the answers are about one
/// database, resets of other databases do not matter. The error says why they cannot be subtracted.
pub fn counters_go_on(
    earlier: &Header,
    later: &Header,
    database: Option<&str>,
) -> std::result::Result<(), String> {
    match (&earlier.system_identifier, &later.system_identifier) {
        (Some(a), Some(b)) if a == b => {}
        (Some(_), Some(_)) => return Err("the answers are of different servers".to_owned()),
        _ => return Err("the role may not see of which server the answers are".to_owned()),
    }
    if earlier.timeline != later.timeline {
        return Err("the server was promoted in between, or restored from a backup".to_owned());
    }
    if earlier.standby != later.standby {
        return Err("the answers are of different servers of one cluster".to_owned());
    }
    // Standbys, and copies of a data directory, have the same identifier and timeline.
    let is_same_place = (&earlier.host, earlier.port) == (&later.host, later.port);
    if !is_same_place && earlier.started != later.started {
        let place = |header: &Header| format!("{}, port {}", header.host, header.port);
        return Err(format!(
            "the answers may be of different servers, at {} and at {}, which were not started at the same time",
            place(earlier),
            place(later)
        ));
    }
    if later.taken <= earlier.taken {
        return Err(format!("the earlier answer, of {}, is not older", earlier.taken));
    }
    let counts = |reset: &&Reset| match (&reset.database, database) {
        (Some(of), Some(database)) => of == database,
        _ => true,
    };
    let is_new = |reset: &&Reset| {
        let before =
            earlier.resets.iter().find(|one| (&one.what, &one.database) == (&reset.what, &reset.database));
        reset.at > earlier.taken || before.is_some_and(|before| before.at != reset.at)
    };
    match later.resets.iter().filter(counts).find(is_new) {
        Some(Reset { database: Some(database), at, .. }) => {
            Err(format!("statistics of database {database:?} were reset in between, at {at:.0}"))
        }
        Some(Reset { at, .. }) => Err(format!("statistics were reset in between, at {at:.0}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(taken: &str, change: impl FnOnce(&mut Header)) -> Header {
        let reset = |what: &str, database: Option<&str>| Reset {
            what: what.to_owned(),
            database: database.map(str::to_owned),
            at: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        let mut header = Header {
            pgkit_snapshot: FORMAT,
            pgkit: String::new(),
            taken: taken.parse().unwrap(),
            started: "2026-01-01T00:00:00Z".parse().unwrap(),
            server_version: "15.1".to_owned(),
            system_identifier: Some("7".to_owned()),
            timeline: Some(1),
            standby: false,
            host: "a".to_owned(),
            port: 5432,
            database: "x".to_owned(),
            role: "r".to_owned(),
            redacted: false,
            resets: vec![reset("bgwriter", None), reset("database", Some("x"))],
            refused: Vec::new(),
            parts: 0,
            rows: 0,
        };
        change(&mut header);
        header
    }

    #[test]
    fn counters_go_on_only_on_the_same_server_without_a_reset() {
        let earlier = header("2026-02-01T00:00:00Z", |_| {});
        let reset = |header: &mut Header, at: usize| {
            header.resets[at].at = "2026-02-01T12:00:00Z".parse().unwrap();
        };
        type Change<'a> = Box<dyn Fn(&mut Header) + 'a>;
        let cases: Vec<(Change<'_>, Option<&str>, &str)> = vec![
            (Box::new(|_| {}), Some("x"), ""),
            (Box::new(|h| h.host = "b".to_owned()), Some("x"), ""),
            (Box::new(|h| h.system_identifier = Some("8".to_owned())), Some("x"), "different servers"),
            (Box::new(|h| h.system_identifier = None), Some("x"), "may not see"),
            (Box::new(|h| h.started = h.taken), Some("x"), ""),
            (
                Box::new(|h| (h.host, h.started) = ("b".to_owned(), h.taken)),
                Some("x"),
                "may be of different servers",
            ),
            (Box::new(|h| h.timeline = Some(2)), Some("x"), "promoted"),
            (Box::new(|h| h.standby = true), Some("x"), "one cluster"),
            (Box::new(|h| reset(h, 0)), Some("x"), "reset"),
            (Box::new(|h| reset(h, 1)), Some("x"), "reset"),
            (Box::new(|h| reset(h, 1)), Some("y"), ""),
            (Box::new(|h| reset(h, 1)), None, "reset"),
            (Box::new(|h| h.taken = "2026-01-31T00:00:00Z".parse().unwrap()), None, "not older"),
        ];
        for (number, (change, database, word)) in cases.iter().enumerate() {
            let later = header("2026-02-02T00:00:00Z", change);
            match counters_go_on(&earlier, &later, *database) {
                Ok(()) => assert!(word.is_empty(), "{number}: {word}"),
                Err(why) => assert!(!word.is_empty() && why.contains(word), "{number}: {why}"),
            }
        }
    }
}
