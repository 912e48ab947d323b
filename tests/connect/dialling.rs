//! What is tried, in which order, when it stops, and what is said: with servers that misbehave on purpose.

use std::time::{Duration, Instant};

use pgkit::connect::{Connected, Flags};
use pgkit::error::{Error, Exit, Result};

use super::fake::{self, Does, FINE, Fake, Then};
use super::run::{libpq, ours, ours_with, vars};

const PRIMARY: Does = Does::Plain(Then::Serves(
    "15.18",
    &[("in_hot_standby", "off"), ("default_transaction_read_only", "off")],
));
const READ_ONLY: Does =
    Does::Plain(Then::Serves("15.18", &[("in_hot_standby", "off"), ("default_transaction_read_only", "on")]));
const STANDBY: Does =
    Does::Plain(Then::Serves("15.18", &[("in_hot_standby", "on"), ("default_transaction_read_only", "off")]));
const OLD_PRIMARY: Does = Does::Plain(Then::ServesOld { standby: false, read_only: false });
const OLD_READ_ONLY: Does = Does::Plain(Then::ServesOld { standby: false, read_only: true });
const OLD_STANDBY: Does = Does::Plain(Then::ServesOld { standby: true, read_only: true });

/// Some servers (None: a port where there is none), settings, and words that both messages hold.
struct Case {
    servers: &'static [Option<Does>],
    settings: String,
    words: &'static [&'static str],
}

fn case(servers: &'static [Option<Does>], settings: &str, words: &'static [&'static str]) -> Case {
    Case { servers, settings: settings.to_owned(), words }
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let mut cases = vec![
        // Which hosts are tried.
        case(&[None], "", &["Connection refused"]),
        case(&[None, None], "", &["Connection refused"]),
        case(&[None, Some(FINE)], "", &[]),
        case(&[Some(FINE), None], "", &[]),
        case(&[Some(Does::Closes), Some(FINE)], "", &["server closed the connection unexpectedly"]),
        case(&[Some(Does::Nothing), Some(FINE)], "connect_timeout=1", &[]),
        case(&[Some(Does::Nothing)], "connect_timeout=2", &["timeout expired"]),
        case(&[Some(Does::Plain(Then::Stalls)), Some(FINE)], "connect_timeout=2", &[]),
        case(&[Some(Does::Plain(Then::Refuses("28P01"))), Some(FINE)], "", &["FATAL:  no, says 28P01"]),
        case(&[Some(Does::Plain(Then::Refuses("28000"))), Some(FINE)], "", &["FATAL:  no, says 28000"]),
        case(&[Some(Does::Plain(Then::Refuses("53300"))), Some(FINE)], "", &["FATAL:  no, says 53300"]),
        case(&[Some(Does::Plain(Then::Refuses("57P03"))), Some(FINE)], "", &[]),
        case(&[Some(Does::Plain(Then::Refuses("57P03"))), None], "", &["FATAL:  no, says 57P03", "Connection refused"]),
        case(&[None, Some(Does::Plain(Then::Refuses("57P03")))], "", &["FATAL:  no, says 57P03"]),
        case(&[Some(Does::Plain(Then::RefusesLater("57P03"))), Some(FINE)], "", &[]),
        case(&[Some(Does::Plain(Then::RefusesLater("3D000"))), Some(FINE)], "", &["FATAL:  no, says 3D000"]),
        case(&[Some(Does::Plain(Then::RefusesLater("53300"))), Some(FINE)], "", &["FATAL:  no, says 53300"]),
        case(&[Some(Does::Plain(Then::Closes)), Some(FINE)], "", &["server closed the connection unexpectedly"]),
        case(&[Some(Does::Plain(Then::Asks(3))), Some(FINE)], "", &["fe_sendauth: no password supplied"]),
        case(&[Some(Does::Plain(Then::Asks(9))), Some(FINE)], "", &["failed"]),
        case(&[Some(Does::Plain(Then::Asks(2))), Some(FINE)], "", &["authentication"]),
        // What a password does.
        case(&[Some(Does::Plain(Then::Password("hush")))], "password=hush", &[]),
        case(&[Some(Does::Plain(Then::Password("hush")))], "password=wrong", &["FATAL:  no, says 28P01"]),
        case(&[Some(Does::Plain(Then::Password("hush")))], "password=''", &["fe_sendauth: no password supplied"]),
        case(&[None, Some(Does::Plain(Then::Password("hush")))], "password=hush", &[]),
        case(&[Some(FINE)], "channel_binding=require", &["channel binding required"]),
        case(&[Some(Does::Plain(Then::Password("hush")))], "password=hush channel_binding=require", &["channel binding required"]),
        // The answer to a request for TLS.
        case(&[Some(Does::Ssl(0, Then::Closes)), Some(FINE)], "", &["server closed the connection unexpectedly"]),
        case(&[Some(Does::Ssl(0, Then::Closes)), Some(FINE)], "sslmode=require", &["server closed the connection unexpectedly"]),
        case(&[Some(Does::Ssl(b'E', Then::Closes)), Some(FINE)], "", &["server sent an error response during SSL exchange"]),
        case(&[Some(Does::Ssl(b'E', Then::Closes)), Some(FINE)], "sslmode=require", &["server sent an error response during SSL exchange"]),
        case(&[Some(Does::Ssl(b'X', Then::Closes)), Some(FINE)], "", &["received invalid response to SSL negotiation: X"]),
        // Says it has TLS, and speaks none.
        case(&[Some(Does::Ssl(b'S', Then::Closes)), Some(FINE)], "sslmode=require connect_timeout=2", &[]),
        // A refusal before authentication makes some modes try again.
        case(&[Some(Does::Plain(Then::Refuses("28000"))), Some(FINE)], "sslmode=allow", &["FATAL:  no, says 28000"]),
        case(&[Some(Does::Plain(Then::RefusesLater("28000"))), Some(FINE)], "sslmode=allow", &["FATAL:  no, says 28000"]),
    ];
    for mode in ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] {
        let words: &[&str] = if mode.starts_with(['r', 'v']) { &["server does not support SSL, but SSL was required"] } else { &[] };
        cases.push(case(&[Some(FINE), None], &format!("sslmode={mode}"), words));
        cases.push(case(&[None, Some(FINE)], &format!("sslmode={mode}"), words));
    }
    for wanted in ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] {
        let settings = format!("target_session_attrs={wanted}");
        cases.push(case(&[Some(PRIMARY), Some(READ_ONLY), Some(STANDBY)], &settings, &[]));
        cases.push(case(&[Some(STANDBY), Some(READ_ONLY), Some(PRIMARY)], &settings, &[]));
        cases.push(case(&[Some(OLD_PRIMARY), Some(OLD_READ_ONLY), Some(OLD_STANDBY)], &settings, &[]));
        cases.push(case(&[Some(OLD_STANDBY), Some(OLD_READ_ONLY), Some(OLD_PRIMARY)], &settings, &[]));
        cases.push(case(&[None, Some(PRIMARY)], &settings, &[]));
        cases.push(case(&[Some(PRIMARY), Some(Does::Plain(Then::Refuses("28P01")))], &settings, &[]));
    }
    cases.push(case(&[Some(PRIMARY)], "target_session_attrs=standby", &["server is not in hot standby mode"]));
    cases.push(case(&[Some(STANDBY)], "target_session_attrs=primary", &["server is in hot standby mode"]));
    cases.push(case(&[Some(STANDBY)], "target_session_attrs=read-write", &["session is read-only"]));
    cases.push(case(&[Some(PRIMARY)], "target_session_attrs=read-only", &["session is not read-only"]));
    cases
}

fn start(servers: &[Option<Does>]) -> (Vec<Option<Fake>>, String) {
    let started: Vec<Option<Fake>> = servers.iter().map(|does| does.map(fake::serve)).collect();
    let ports: Vec<String> = started
        .iter()
        .map(|server| server.as_ref().map_or_else(fake::refusing, |server| server.port).to_string())
        .collect();
    let hosts = vec!["127.0.0.1"; ports.len()].join(",");
    let conninfo = format!("host={hosts} port={} user=me dbname=db", ports.join(","));
    (started, conninfo)
}

fn disagreement(case: &Case) -> Option<String> {
    let (_servers, conninfo) = start(case.servers);
    let home = tempfile::tempdir().unwrap();
    let dbname = format!("{conninfo} {}", case.settings);
    let ((theirs, answer), (mine, error)) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| libpq(&dbname, &[], home.path()));
        (theirs.join().unwrap(), ours(&dbname, &[], home.path()))
    });
    let message = error.map(|error| error.message).unwrap_or_default();
    let lost = |text: &str| case.words.iter().any(|word| !text.contains(word));
    if theirs != mine || lost(&message) || lost(&answer.error) {
        return Some(format!("libpq {theirs:?} {:?}\n  we {mine:?} {message:?}", answer.error));
    }
    None
}

#[test]
fn what_is_tried_and_where_it_stops_is_as_with_libpq() {
    let cases = cases();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    // Some of them wait for a timeout.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    if let Some(text) = disagreement(case) {
                        wrong.lock().unwrap().push(format!("{:?} {}\n  {text}", case.servers, case.settings));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn fails(dbname: &str) -> Error {
    let home = tempfile::tempdir().unwrap();
    ours(dbname, &[], home.path()).1.expect("it connected")
}

fn to(server: &Fake) -> String {
    format!("host=127.0.0.1 port={} user=me dbname=db", server.port)
}

#[test]
fn a_silent_server_is_left_after_two_seconds() {
    for (timeout, does) in
        [("1", Does::Nothing), ("2", Does::Plain(Then::Stalls)), ("2", Does::Ssl(b'S', Then::Closes))]
    {
        // The last one is asked for a handshake, and gives none.
        let server = fake::serve(does);
        let begun = Instant::now();
        let mode = if matches!(does, Does::Ssl(..)) { "require" } else { "disable" };
        let error = fails(&format!("{} connect_timeout={timeout} sslmode={mode}", to(&server)));
        let took = begun.elapsed();
        if !matches!(does, Does::Ssl(..)) {
            assert!(error.message.ends_with("failed: timeout expired"), "{error}");
            assert!(took > Duration::from_millis(1900), "{took:?}");
            assert!(error.hints[0].contains("PGCONNECT_TIMEOUT"), "{error}");
        }
        assert!(took < Duration::from_millis(3500), "{took:?}");
        assert_eq!(error.exit, Exit::Unavailable);
    }
}

#[test]
fn each_place_tried_has_one_line() {
    let closing = fake::serve(Does::Closes);
    let refusing = fake::refusing();
    let error = fails(&format!(
        "host=/nowhere,127.0.0.1,127.0.0.1 hostaddr=,,127.0.0.1 port=5432,{refusing},{} user=me",
        closing.port
    ));
    assert_eq!(
        error.message,
        format!(
            "could not connect to the server\n\
             connection to server on socket \"/nowhere/.s.PGSQL.5432\" failed: No such file or directory\n\
             connection to server at \"127.0.0.1\", port {refusing} failed: Connection refused\n\
             connection to server at \"127.0.0.1\", port {} failed: server closed the connection unexpectedly",
            closing.port
        )
    );
    let error = fails(&format!("host=localhost port={refusing}"));
    assert!(
        error.message.contains(&format!(
            "connection to server at \"localhost\" (127.0.0.1), port {refusing} failed: Connection refused"
        )),
        "{error}"
    );
}

#[test]
fn every_failure_has_its_hint() {
    let refuses = |sqlstate| to(&fake::serve(Does::Plain(Then::RefusesLater(sqlstate))));
    for (dbname, sqlstate, hint) in [
        (format!("host=127.0.0.1 port={}", fake::refusing()), None, "accepting TCP/IP connections"),
        ("host=/nowhere".to_owned(), None, "socket directory"),
        ("host=no-such-host.invalid".to_owned(), None, "spelling"),
        (to(&fake::serve(Does::Closes)), None, "PostgreSQL server"),
        (to(&fake::serve(Does::Plain(Then::Asks(3)))), None, "-W, PGPASSWORD"),
        (to(&fake::serve(Does::Plain(Then::Asks(7)))), None, "pg_hba.conf"),
        (format!("{} sslmode=require", to(&fake::serve(FINE))), None, "sslmode is require"),
        (format!("{} target_session_attrs=standby", to(&fake::serve(PRIMARY))), None, "target_session_attrs"),
        (refuses("3D000"), Some("3D000"), "psql -l"),
        (refuses("28P01"), Some("28P01"), "-W, PGPASSWORD"),
        (refuses("28000"), Some("28000"), "pg_hba.conf"),
        (refuses("53300"), Some("53300"), "try again"),
        (refuses("57P03"), Some("57P03"), "starting up"),
        (refuses("42501"), Some("42501"), "CONNECT"),
    ] {
        let error = fails(&dbname);
        assert_eq!(error.exit, Exit::Unavailable, "{error}");
        assert_eq!(error.sqlstate.as_deref(), sqlstate, "{error}");
        assert!(error.hints.iter().any(|line| line.contains(hint)), "{dbname}: {error}");
    }
}

#[test]
fn kerberos_and_the_like_are_said_to_be_unsupported() {
    for (method, name) in [(2, "Kerberos V5"), (7, "GSSAPI"), (9, "SSPI")] {
        let error = fails(&to(&fake::serve(Does::Plain(Then::Asks(method)))));
        assert!(
            error.message.ends_with(&format!("{name} authentication is not supported by pgkit")),
            "{error}"
        );
    }
}

#[test]
fn a_server_older_than_10_is_too_old() {
    for version in ["9.6.24", "8.0.2"] {
        let server = fake::serve(Does::Plain(Then::Serves(version, &[])));
        let error = fails(&to(&server));
        assert_eq!(error.exit, Exit::TooOld);
        assert!(error.message.contains(version), "{error}");
    }
}

#[test]
fn a_server_newer_than_known_is_warned_of() {
    let home = tempfile::tempdir().unwrap();
    for (version, warned) in [("19devel", true), ("18.6", false), ("10.23", false)] {
        let server = fake::serve(Does::Plain(Then::Serves(version, &[])));
        let flags = Flags { dbname: Some(to(&server)), ..Flags::default() };
        let warnings = ours_with(&flags, &[], home.path(), &mut never, async |connected: &Connected| {
            assert_eq!(connected.backend_pid, 42);
            connected.warnings.clone()
        })
        .unwrap();
        assert_eq!(!warnings.is_empty(), warned, "{version}: {warnings:?}");
    }
}

fn never(prompt: &str) -> Result<String> {
    panic!("asked: {prompt}")
}

#[test]
fn a_password_is_asked_for_once_and_only_if_need_be() {
    let home = tempfile::tempdir().unwrap();
    let asking = || fake::serve(Does::Plain(Then::Password("hush")));
    // The flags -w and -W, the password that is known, what is typed; how often asked, how it ends.
    for (no, first, known, typed, asked, fine) in [
        (false, false, "", "hush", 1, true),
        (false, false, "", "wrong", 1, false),
        (false, false, "", "", 1, false),
        (false, false, "hush", "", 0, true),
        (false, false, "wrong", "hush", 0, false),
        (true, false, "", "hush", 0, false),
        (false, true, "", "hush", 1, true),
        (false, true, "wrong", "hush", 1, true),
    ] {
        let server = asking();
        let flags = Flags { dbname: Some(to(&server)), no_password: no, password: first, ..Flags::default() };
        let mut prompts = Vec::new();
        let mut ask = |prompt: &str| {
            prompts.push(prompt.to_owned());
            Ok(typed.to_owned())
        };
        let env = vars(&[("PGPASSWORD", known)]);
        let result = ours_with(&flags, &env, home.path(), &mut ask, async |connected: &Connected| {
            connected.target.clone()
        });
        let what = format!("{no} {first} {known:?} {typed:?}: {:?}", result.as_ref().err());
        assert_eq!(prompts, vec!["Password for user me: "; asked], "{what}");
        assert_eq!(result.is_ok(), fine, "{what}");
        match result {
            // The next connection to the same server asks no more.
            Ok(target) => {
                let secret = target.with_database("other").password_for(&target.hosts[0]);
                assert_eq!(secret.unwrap().expose(), b"hush");
            }
            Err(error) => assert!(!format!("{error} {error:?}").contains("hush"), "{error}"),
        }
    }
}

#[test]
fn a_password_that_a_conninfo_holds_is_not_asked_for() {
    let home = tempfile::tempdir().unwrap();
    let server = fake::serve(Does::Plain(Then::Password("hush")));
    let dbname = format!("{} password=hush", to(&server));
    let flags = Flags { dbname: Some(dbname), password: true, ..Flags::default() };
    ours_with(&flags, &[], home.path(), &mut never, async |_: &Connected| ()).unwrap();
}

#[test]
fn the_server_is_told_who_is_there() {
    let home = tempfile::tempdir().unwrap();
    for (settings, env, told) in [
        ("", &[][..], "client_encoding UTF8 user me database db application_name pgkit"),
        (
            "",
            &[("PGAPPNAME", "mine"), ("PGOPTIONS", "-c geqo=off")],
            "options -c geqo=off application_name mine",
        ),
        ("application_name=''", &[("PGAPPNAME", "mine")], "client_encoding UTF8 user me database db "),
    ] {
        let server = fake::serve(FINE);
        ours(&format!("{} {settings}", to(&server)), &vars(env), home.path());
        let heard = server.heard();
        assert!(heard[0].contains(told), "{heard:?}");
        assert!(settings.is_empty() || !heard[0].contains("application_name"), "{heard:?}");
    }
}

#[test]
fn a_cancel_request_names_the_backend_and_its_key() {
    let home = tempfile::tempdir().unwrap();
    let server = fake::serve(FINE);
    let flags = Flags { dbname: Some(to(&server)), ..Flags::default() };
    ours_with(&flags, &[], home.path(), &mut never, async |connected: &Connected| {
        connected.canceler.clone().cancel().await.unwrap();
    })
    .unwrap();
    assert_eq!(server.heard().last().unwrap(), "cancel 42 43");
}

#[test]
fn hosts_in_random_order_are_all_tried() {
    let home = tempfile::tempdir().unwrap();
    let fine = fake::serve(FINE);
    let (a, b) = (fake::refusing(), fake::refusing());
    let dbname =
        format!("host=127.0.0.1,127.0.0.1,127.0.0.1 port={a},{},{b} load_balance_hosts=random", fine.port);
    for _ in 0..5 {
        let (outcome, error) = ours(&dbname, &[], home.path());
        assert_eq!(outcome.reached, Some((fine.port.to_string(), false)), "{error:?}");
    }
}
