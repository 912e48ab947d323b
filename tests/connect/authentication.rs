//! TLS and authentication against a real server: as with libpq, in every mode.

use std::path::{Path, PathBuf};

use pgkit::connect::{Connected, Flags};
use pgkit::error::{Exit, Result};

use super::certificates::{Says, Signed, sign, write_revocations};
use super::run::{libpq_all, ours, ours_with};
use super::server::{Server, newest, value};

const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

const HBA: &str = "
host      all anyhow     127.0.0.1/32 trust
hostssl   all only_ssl   127.0.0.1/32 trust
hostnossl all only_plain 127.0.0.1/32 trust
host      all scram      127.0.0.1/32 scram-sha-256
host      all md5        127.0.0.1/32 md5
host      all clear      127.0.0.1/32 password
hostssl   all split      127.0.0.1/32 reject
hostnossl all split      127.0.0.1/32 scram-sha-256
hostssl   all certified  127.0.0.1/32 cert
hostssl   all clientcert 127.0.0.1/32 trust clientcert=verify-ca
";

/// A server, authorities, and a HOME with nothing in it.
struct World {
    server: Server,
    right: Signed,
    other: Signed,
    home: tempfile::TempDir,
    files: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        World::of(Server::start(HBA))
    }

    fn of(server: Server) -> World {
        server.sql(
            "SET password_encryption = 'scram-sha-256';
             CREATE ROLE anyhow LOGIN; CREATE ROLE only_ssl LOGIN; CREATE ROLE only_plain LOGIN; CREATE ROLE nobody LOGIN;
             CREATE ROLE scram LOGIN PASSWORD 'right'; CREATE ROLE clear LOGIN PASSWORD 'right';
             CREATE ROLE split LOGIN PASSWORD 'right'; CREATE ROLE certified LOGIN; CREATE ROLE clientcert LOGIN;
             SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD 'right'",
        );
        let authority =
            |common| sign(Says { common: Some(common), authority: true, ..Says::default() }, None);
        let world = World {
            server,
            right: authority("the right authority"),
            other: authority("another authority"),
            home: tempfile::tempdir().unwrap(),
            files: tempfile::tempdir().unwrap(),
        };
        world.right.write(&world.path("right.crt"));
        world.other.write(&world.path("other.crt"));
        std::fs::write(world.path("rubbish.crt"), "rubbish").unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Settings, with `@name` for a file of ours.
    fn dbname(&self, settings: &str) -> String {
        let files = format!("{}/", self.files.path().display());
        let mut dbname =
            format!("hostaddr=127.0.0.1 port={} dbname=postgres connect_timeout=20", self.server.port);
        // Later ones win, so that a case may say otherwise.
        dbname.push(' ');
        dbname.push_str(&settings.replace('@', &files));
        dbname
    }

    /// Both connect, or both do not, encrypted or both not; those that differ.
    fn compare(&self, cases: &[String], home: &Path) -> Vec<String> {
        let dbnames: Vec<String> = cases.iter().map(|case| self.dbname(case)).collect();
        std::thread::scope(|scope| {
            let theirs = scope.spawn(|| libpq_all(&dbnames, &[], home));
            let mine: Vec<_> = dbnames.iter().map(|dbname| ours(dbname, &[], home)).collect();
            let all = cases.iter().zip(theirs.join().unwrap()).zip(mine);
            all.filter(|((_, (theirs, _)), (mine, _))| theirs != mine)
                .map(|((case, (theirs, answer)), (mine, error))| {
                    let error = error.map(|error| error.message).unwrap_or_default();
                    format!("{case}\n  libpq {theirs:?} {:?}\n  we {mine:?} {error:?}", answer.error)
                })
                .collect()
        })
    }

    fn same(&self, what: &str, cases: &[String]) {
        self.same_at(what, cases, self.home.path());
    }

    fn same_at(&self, what: &str, cases: &[String], home: &Path) {
        let wrong = self.compare(cases, home);
        assert!(wrong.is_empty(), "{what}: {} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    }

    /// pgkit connects, encrypted, as the server sees it too; else its message.
    fn encrypted(&self, settings: &str) -> std::result::Result<bool, String> {
        let flags = Flags { dbname: Some(self.dbname(settings)), no_password: true, ..Flags::default() };
        let seen = ours_with(&flags, &[], self.home.path(), &mut never, async |connected: &Connected| {
            let seen =
                value(connected, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await == "t";
            assert_eq!(seen, connected.encrypted);
            assert_eq!(value(connected, "SELECT pg_backend_pid()").await, connected.backend_pid.to_string());
            seen
        });
        seen.map_err(|error| error.to_string())
    }
}

fn never(prompt: &str) -> Result<String> {
    panic!("asked: {prompt}")
}

/// What servers' certificates say.
const NAMES: Says = Says {
    common: Some("common.example"),
    names: &["right.example", "*.wild.example", "127.0.0.1", "::1"],
    authority: false,
    expired: false,
    v1: false,
};

#[test]
fn every_mode_and_method_ends_as_with_libpq() {
    let world = World::new();
    let matrix = || {
        let mut cases = Vec::new();
        for mode in MODES {
            for user in ["anyhow", "only_ssl", "only_plain", "nobody", "missing"] {
                cases.push(format!("host=right.example user={user} sslmode={mode} sslrootcert=@right.crt"));
            }
            for user in ["scram", "md5", "clear", "split"] {
                for password in ["right", "wrong"] {
                    cases.push(format!(
                        "host=right.example user={user} password={password} sslmode={mode} sslrootcert=@right.crt"
                    ));
                }
            }
            for (user, binding) in
                [("scram", "require"), ("scram", "disable"), ("md5", "require"), ("anyhow", "require")]
            {
                cases.push(format!(
                    "host=right.example user={user} password=right sslmode={mode} sslrootcert=@right.crt channel_binding={binding}"
                ));
            }
            cases.push(format!(
                "host=right.example user=anyhow sslmode={mode} sslrootcert=@right.crt dbname=missing"
            ));
        }
        cases
    };
    world.same("without TLS on the server", &matrix());

    world.server.show(&sign(NAMES, Some(&world.right)), &world.right);
    world.same("with TLS on the server", &matrix());

    // What libpq makes of a socket: no TLS, and no mode fails for it.
    let socket =
        |mode: &str| format!("hostaddr='' host={} user=boss sslmode={mode}", world.server.folder().display());
    world.same("a socket", &MODES.map(socket));

    assert_eq!(world.encrypted("user=anyhow"), Ok(true));
    assert_eq!(world.encrypted("user=anyhow sslmode=allow"), Ok(false));
    assert_eq!(world.encrypted("user=only_ssl sslmode=allow"), Ok(true));
    assert_eq!(
        world.encrypted("user=only_plain"),
        Ok(false),
        "prefer goes on without TLS where pg_hba refuses it"
    );
    assert_eq!(
        world.encrypted("user=scram password=right channel_binding=require sslmode=require"),
        Ok(true)
    );
    for version in ["TLSv1.2", "TLSv1.3"] {
        let range = format!("ssl_min_protocol_version={version} ssl_max_protocol_version={version}");
        assert_eq!(world.encrypted(&format!("user=anyhow sslmode=require {range}")), Ok(true), "{version}");
        let flags = Flags { dbname: Some(world.dbname(&format!("user=anyhow {range}"))), ..Flags::default() };
        let used = ours_with(&flags, &[], world.home.path(), &mut never, async |connected: &Connected| {
            value(connected, "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await
        });
        assert_eq!(used.unwrap(), version);
    }

    for (settings, words) in [
        ("user=anyhow dbname=missing sslmode=disable", "FATAL:  database \"missing\" does not exist"),
        ("user=scram password=wrong", "FATAL:  password authentication failed for user \"scram\""),
        ("user=scram", "fe_sendauth: no password supplied"),
        ("user=nobody sslmode=disable", "FATAL:  no pg_hba.conf entry for host"),
    ] {
        let message = world.encrypted(settings).unwrap_err();
        assert!(message.contains(words), "{message}");
        assert_eq!(message.matches("connection to server at").count(), 1, "{message}");
    }
}

#[test]
fn certificates_are_believed_as_by_libpq() {
    let world = World::new();
    let self_signed = sign(Says { common: Some("right.example"), ..Says::default() }, None);
    self_signed.write(&world.path("itself.crt"));
    let by_right = |says| sign(says, Some(&world.right));
    let hosts = [
        "right.example",
        "RIGHT.example",
        "wrong.example",
        "a.wild.example",
        "a.b.wild.example",
        "wild.example",
        "common.example",
        "127.0.0.1",
        "::1",
        "127.0.0.2",
    ];
    for (what, server) in [
        ("alternative names", by_right(NAMES)),
        ("a common name only", by_right(Says { common: Some("right.example"), ..Says::default() })),
        ("a wildcard as common name", by_right(Says { common: Some("*.wild.example"), ..Says::default() })),
        ("an address as common name", by_right(Says { common: Some("127.0.0.1"), ..Says::default() })),
        (
            "an address as a name",
            by_right(Says { common: Some("127.0.0.1"), names: &["other.example"], ..Says::default() }),
        ),
        (
            "another alternative name",
            by_right(Says { common: Some("right.example"), names: &["other.example"], ..Says::default() }),
        ),
        (
            "only an alternative address",
            by_right(Says { common: Some("right.example"), names: &["127.0.0.1"], ..Says::default() }),
        ),
        ("no name", by_right(Says::default())),
        ("expired", by_right(Says { expired: true, ..NAMES })),
        ("version 1", by_right(Says { common: Some("right.example"), v1: true, ..Says::default() })),
        ("self-signed", self_signed),
        ("from another authority", sign(NAMES, Some(&world.other))),
    ] {
        world.server.show(&server, &world.right);
        let mut cases: Vec<String> = hosts
            .iter()
            .map(|host| format!("host={host} user=anyhow sslmode=verify-full sslrootcert=@right.crt"))
            .collect();
        // The roots matter by who signed, and not by the names.
        if matches!(what, "alternative names" | "expired" | "self-signed" | "from another authority") {
            for mode in MODES {
                for root in ["@right.crt", "@other.crt", "@itself.crt", "@missing.crt", "@rubbish.crt", "''"]
                {
                    cases.push(format!("host=right.example user=anyhow sslmode={mode} sslrootcert={root}"));
                }
            }
        }
        cases.push("user=anyhow sslmode=verify-full sslrootcert=@right.crt".to_owned());
        cases.push("user=anyhow sslmode=verify-ca sslrootcert=@right.crt sslsni=0".to_owned());
        world.same(what, &cases);
    }

    world.server.show(&by_right(NAMES), &world.right);
    let full = |host: &str, root: &str| {
        world.encrypted(&format!("host={host} user=anyhow sslmode=verify-full sslrootcert={root}"))
    };
    assert_eq!(full("right.example", "@right.crt"), Ok(true));
    let message = full("wrong.example", "@right.crt").unwrap_err();
    let words = "server certificate for \"right.example\" (and 3 other names) does not match host name \"wrong.example\"";
    assert!(message.contains(words) && message.contains("verify-full"), "{message}");
    let message = full("right.example", "@other.crt").unwrap_err();
    assert!(message.contains("certificate verify failed") && message.contains("sslrootcert"), "{message}");
    let message = full("right.example", "@missing.crt").unwrap_err();
    assert!(message.contains("missing.crt\" does not exist"), "{message}");

    // A root certificate in the home directory is used unasked.
    let folder = world.home.path().join(".postgresql");
    std::fs::create_dir(&folder).unwrap();
    for (authority, mode) in
        [&world.right, &world.other].iter().flat_map(|authority| MODES.map(|mode| (*authority, mode)))
    {
        authority.write(&folder.join("root.crt"));
        let case = format!("host=right.example user=anyhow sslmode={mode}");
        world.same("root.crt in the home directory", &[case]);
    }
}

#[test]
fn client_certificates_are_shown_as_by_libpq() {
    let world = World::new();
    let client = |common, issuer| sign(Says { common: Some(common), ..Says::default() }, Some(issuer));
    let good = client("certified", &world.right);
    let stranger = client("certified", &world.other);
    let wrong_name = client("somebody", &world.right);
    good.write(&world.path("good.crt"));
    good.write_key(&world.path("good.key"));
    good.write_locked_key(&world.path("locked.key"), "open");
    good.write_der_key(&world.path("der.key"));
    stranger.write(&world.path("stranger.crt"));
    stranger.write_key(&world.path("stranger.key"));
    wrong_name.write(&world.path("wrong.crt"));
    wrong_name.write_key(&world.path("wrong.key"));
    for (name, mode) in [("open.key", 0o644), ("group.key", 0o640), ("writable.key", 0o660)] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::copy(world.path("good.key"), world.path(name)).unwrap();
        std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }
    world.server.show(&sign(NAMES, Some(&world.right)), &world.right);

    let mut cases = Vec::new();
    for user in ["certified", "clientcert", "anyhow"] {
        for mode in ["disable", "prefer", "require", "verify-full"] {
            for files in [
                "",
                "sslcert=@good.crt sslkey=@good.key",
                "sslcert=@wrong.crt sslkey=@wrong.key",
                "sslcert=@stranger.crt sslkey=@stranger.key",
                "sslcert=@missing.crt sslkey=@missing.key",
                "sslcert=@good.crt sslkey=@missing.key",
                "sslcert=@good.crt",
                "sslcert=@good.crt sslkey=@wrong.key",
                "sslcert=@rubbish.crt sslkey=@good.key",
                "sslcert=@good.crt sslkey=@rubbish.crt",
                "sslcert=@good.crt sslkey=@locked.key sslpassword=open",
                "sslcert=@good.crt sslkey=@locked.key sslpassword=shut",
                "sslcert=@good.crt sslkey=@locked.key",
                "sslcert=@good.crt sslkey=@der.key",
                "sslcert=@good.crt sslkey=@open.key",
                "sslcert=@good.crt sslkey=@group.key",
                "sslcert=@good.crt sslkey=@writable.key",
            ] {
                cases.push(format!(
                    "host=right.example user={user} sslmode={mode} sslrootcert=@right.crt {files}"
                ));
            }
        }
    }
    world.same("client certificates", &cases);

    let message =
        world.encrypted("user=certified sslmode=require sslcert=@good.crt sslkey=@open.key").unwrap_err();
    assert!(message.contains("has group or world access"), "{message}");
    let message = world
        .encrypted("user=certified sslmode=require sslcert=@good.crt sslkey=@locked.key sslpassword=hush")
        .unwrap_err();
    assert!(!message.contains("hush"), "{message}");

    // Those in the home directory are shown unasked, unless sslcertmode says no.
    let folder = world.home.path().join(".postgresql");
    std::fs::create_dir(&folder).unwrap();
    good.write(&folder.join("postgresql.crt"));
    good.write_key(&folder.join("postgresql.key"));
    world.same("a client certificate in the home directory", &["user=certified sslmode=require".to_owned()]);
    assert_eq!(world.encrypted("user=certified sslmode=require"), Ok(true));
    assert!(world.encrypted("user=certified sslmode=require sslcertmode=disable").is_err());
}

/// The variable that makes a child connect.
const ORDERS: &str = "PGKIT_TEST_CONNECT";

#[test]
#[expect(clippy::disallowed_methods, reason = "a child gets its orders by a variable")]
fn the_child_that_connects() {
    if let Ok(dbname) = std::env::var(ORDERS) {
        let (outcome, error) = ours(&dbname, &[], Path::new("/nowhere"));
        match error {
            None => assert!(outcome.reached.is_some()),
            Some(error) => panic!("{error}"),
        }
    }
}

#[test]
fn an_authority_that_only_the_system_trusts_is_not_believed() {
    let world = World::new();
    world.server.show(&sign(NAMES, Some(&world.right)), &world.right);
    let connects = |root: &str| {
        let settings = format!("host=right.example user=anyhow sslmode=verify-full sslrootcert={root}");
        // OpenSSL takes the system's roots from a variable, which another thread must not change.
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "connect::authentication::the_child_that_connects"])
            .env_clear()
            .env("SSL_CERT_FILE", world.path("right.crt"))
            .env(ORDERS, world.dbname(&settings))
            .output()
            .unwrap();
        output.status.success()
    };
    assert!(connects("system"), "the system's roots, when they are asked for");
    assert!(connects("@right.crt"));
    assert!(!connects("@other.crt"), "not beside those of sslrootcert");
}

#[test]
fn a_statement_is_cancelled_over_the_same_kind_of_connection() {
    let world = World::new();
    world.server.show(&sign(NAMES, Some(&world.right)), &world.right);
    for settings in [
        "user=anyhow sslmode=disable",
        "host=right.example user=anyhow sslmode=verify-full sslrootcert=@right.crt",
    ] {
        let flags = Flags { dbname: Some(world.dbname(settings)), ..Flags::default() };
        ours_with(&flags, &[], world.home.path(), &mut never, async |connected: &Connected| {
            let canceler = connected.canceler.clone();
            let statement = connected.client.simple_query("SELECT pg_sleep(30)");
            let cancel = async {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                tokio::time::timeout(std::time::Duration::from_millis(500), canceler.cancel()).await.unwrap()
            };
            let (ended, cancelled) = tokio::join!(statement, cancel);
            cancelled.unwrap();
            assert_eq!(ended.unwrap_err().code().unwrap().code(), "57014");
        })
        .unwrap();
    }
}

#[test]
fn a_password_is_in_no_message_of_the_real_server() {
    let world = World::new();
    for user in ["scram", "md5", "clear", "split", "nobody"] {
        let flags =
            Flags { dbname: Some(world.dbname(&format!("user={user} password=hush"))), ..Flags::default() };
        let error =
            ours_with(&flags, &[], world.home.path(), &mut never, async |_: &Connected| ()).unwrap_err();
        assert_eq!(error.exit, Exit::Unavailable);
        assert!(!format!("{error} {error:?}").contains("hush"), "{error}");
    }
}

#[test]
fn revoked_certificates_are_refused_as_by_libpq() {
    let world = World::new();
    let server = sign(NAMES, Some(&world.right));
    world.server.show(&server, &world.right);
    write_revocations(&world.right, Some(&server), &world.path("revoked.crl"));
    write_revocations(&world.right, None, &world.path("none.crl"));
    write_revocations(&world.other, None, &world.path("other.crl"));
    let cases: Vec<String> = ["revoked.crl", "none.crl", "other.crl"]
        .iter()
        .flat_map(|list| MODES.map(|mode| (list, mode)))
        .map(|(list, mode)| {
            format!("host=right.example user=anyhow sslmode={mode} sslrootcert=@right.crt sslcrl=@{list}")
        })
        .collect();
    world.same("a list of revoked certificates", &cases);
    let full = |list: &str| {
        world.encrypted(&format!(
            "host=right.example user=anyhow sslmode=verify-full sslrootcert=@right.crt {list}"
        ))
    };
    assert_eq!(full("sslcrl=@none.crl"), Ok(true));
    let message = full("sslcrl=@revoked.crl").unwrap_err();
    assert!(message.contains("certificate revoked"), "{message}");

    // In a directory, the file is found by the hash of the issuer's name.
    let folder = world.path("lists");
    std::fs::create_dir(&folder).unwrap();
    let name = world.right.certificate.subject_name_hash();
    std::fs::copy(world.path("revoked.crl"), folder.join(format!("{name:08x}.r0"))).unwrap();
    let message = full("sslcrldir=@lists").unwrap_err();
    assert!(message.contains("certificate revoked"), "{message}");

    // A list that was named must be readable.
    for (list, words) in [
        ("sslcrl=@missing.crl", "missing.crl\": No such file or directory"),
        ("sslcrl=@rubbish.crt", "rubbish.crt\""),
        ("sslcrldir=@missing", "missing\": No such file or directory"),
        ("sslcrldir=@none.crl", "none.crl\": Not a directory"),
    ] {
        let message = full(list).unwrap_err();
        assert!(message.contains("could not read certificate revocation list"), "{message}");
        assert!(message.contains(words), "{message}");
    }

    // root.crl in the home directory is used by default.
    let folder = world.home.path().join(".postgresql");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(world.path("revoked.crl"), folder.join("root.crl")).unwrap();
    let case = "host=right.example user=anyhow sslmode=verify-full sslrootcert=@right.crt";
    world.same("root.crl in the home directory", &[case.to_owned()]);
    assert!(full("").unwrap_err().contains("certificate revoked"));
}

#[test]
fn tls_begins_at_once_where_the_server_takes_it() {
    let old = World::new();
    old.server.show(&sign(NAMES, Some(&old.right)), &old.right);
    let direct =
        "host=right.example user=anyhow sslmode=verify-full sslrootcert=@right.crt sslnegotiation=direct";
    // A server before 17 does not know it.
    assert!(old.encrypted(direct).is_err());
    let Some(bin) = newest() else { return };
    let world = World::of(Server::start_at(&bin, HBA));
    world.server.show(&sign(NAMES, Some(&world.right)), &world.right);
    let negotiated = direct.replace(" sslnegotiation=direct", "");
    assert_eq!(world.encrypted(&negotiated), Ok(true));
    assert_eq!(world.encrypted(direct), Ok(true));
    assert_eq!(world.encrypted(&direct.replace("verify-full", "require")), Ok(true));
    let wrong = world.encrypted(&direct.replace("@right.crt", "@other.crt")).unwrap_err();
    assert!(wrong.contains("certificate verify failed"), "{wrong}");
}

#[test]
fn the_error_with_which_the_server_ends_a_session_is_kept() {
    let world = World::new();
    let flags = Flags { dbname: Some(world.dbname("user=anyhow sslmode=disable")), ..Flags::default() };
    let state = ours_with(&flags, &[], world.home.path(), &mut never, async |connected: &Connected| {
        // The server ends it between two statements, while nobody waits for an answer.
        let idle = "SET idle_in_transaction_session_timeout = '50ms'; BEGIN";
        connected.client.batch_execute(idle).await.unwrap();
        while !connected.client.is_closed() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert!(connected.client.simple_query("SELECT 1").await.unwrap_err().is_closed());
        connected.closing_error.get().map(|error| error.code().code().to_owned())
    });
    assert_eq!(state.unwrap().as_deref(), Some("25P03"));
}
