//! What is guessed is what was planted, or nothing: drawn from all escapes, and from prefixes that people use.

use std::collections::BTreeMap;

use super::*;

/// An entry as a server knows it.
#[derive(Debug, Clone, Default)]
struct Entry {
    second: i64,
    pid: i64,
    user: &'static str,
    database: &'static str,
    application: &'static str,
    host: &'static str,
    port: u32,
    tag: &'static str,
    kind: &'static str,
    sqlstate: &'static str,
    begun: i64,
    line: i64,
    vxid: &'static str,
    xid: &'static str,
    query: &'static str,
    leader: &'static str,
    severity: &'static str,
    message: &'static str,
}

/// What a server of some days has written: its own processes, sessions that go on side by side, an error with its
/// parts.
fn entries() -> Vec<Entry> {
    let own = |pid, kind, begun| Entry {
        pid,
        kind,
        begun,
        sqlstate: "00000",
        xid: "0",
        query: "0",
        severity: "LOG",
        ..Entry::default()
    };
    let session = |pid, user, database, application, host, begun| Entry {
        user,
        database,
        application,
        host,
        port: 40_000 + pid as u32,
        tag: "SELECT",
        vxid: "3/45",
        query: "-6883023751393440299",
        ..own(pid, "client backend", begun)
    };
    let a = session(4821, "app", "shop", "psql", "10.0.0.7", 100);
    let b = session(4903, "report_user", "dwh-2", "my app 2", "[local]", 2000);
    let c = session(5111, "postgres", "shop", "pgAdmin 4", "2001:db8::7", 2100);
    let mut all = vec![
        Entry { second: 2500, message: "checkpoint starting: time", ..own(711, "checkpointer", 0) },
        Entry { second: 2501, message: "duration: 12.5 ms  statement: SELECT 1", ..a.clone() },
        Entry {
            second: 2502,
            message: "statement: UPDATE t SET x = 1",
            tag: "UPDATE",
            xid: "7411",
            ..b.clone()
        },
        Entry {
            second: 2504,
            message: "automatic vacuum of table \"shop.public.t\"",
            ..own(4999, "autovacuum worker", 2503)
        },
        Entry { second: 2505, message: "statement: BEGIN", tag: "idle", query: "0", ..c.clone() },
    ];
    let error = Entry {
        second: 2506,
        sqlstate: "42P01",
        severity: "ERROR",
        message: "relation \"x\" does not exist at character 15",
        ..a.clone()
    };
    all.push(Entry { severity: "STATEMENT", message: "SELECT * FROM x", ..error.clone() });
    all.insert(5, error);
    all.push(Entry { second: 2507, message: "duration: 1.5 ms", tag: "COMMIT", ..b });
    all.push(Entry {
        second: 2508,
        severity: "FATAL",
        sqlstate: "57P01",
        message: "terminating connection due to administrator command",
        tag: "idle",
        ..c
    });
    let mut lines: BTreeMap<i64, i64> = BTreeMap::new();
    for entry in &mut all {
        let line = lines.entry(entry.pid).or_default();
        *line += 1;
        entry.line = *line;
    }
    all
}

fn stamp(second: i64, millis: bool) -> String {
    let at = jiff::Timestamp::from_second(1_790_000_000 + second).unwrap();
    at.strftime(if millis { "%Y-%m-%d %H:%M:%S.123 UTC" } else { "%Y-%m-%d %H:%M:%S UTC" }).to_string()
}

/// The lines of a log with this prefix, as the server's log_line_prefix() makes them.
fn render(prefix: &str, entries: &[Entry]) -> String {
    let mut out = String::new();
    for entry in entries {
        let mut chars = prefix.chars().peekable();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            let mut padding = String::new();
            while let Some(d) = chars.next_if(|c| c.is_ascii_digit() || *c == '-') {
                padding.push(d);
            }
            let client = !entry.user.is_empty();
            let text = match chars.next() {
                Some('%') => "%".to_owned(),
                Some('q') if client => continue,
                Some('q') => break,
                Some('a') => entry.application.to_owned(),
                Some('u') => entry.user.to_owned(),
                Some('d') => entry.database.to_owned(),
                Some('r') if entry.host.is_empty() || entry.host == "[local]" => entry.host.to_owned(),
                Some('r') => format!("{}({})", entry.host, entry.port),
                Some('h') => entry.host.to_owned(),
                Some('L') => {
                    if client {
                        "192.0.2.1".to_owned()
                    } else {
                        String::new()
                    }
                }
                Some('b') => entry.kind.to_owned(),
                Some('p') => entry.pid.to_string(),
                Some('P') => entry.leader.to_owned(),
                Some('t') => stamp(entry.second, false),
                Some('m') => stamp(entry.second, true),
                Some('n') => format!("{}.123", 1_790_000_000 + entry.second),
                Some('Q') => entry.query.to_owned(),
                Some('i') => entry.tag.to_owned(),
                Some('e') => entry.sqlstate.to_owned(),
                Some('c') => format!("{:x}.{:x}", 1_790_000_000 + entry.begun, entry.pid),
                Some('l') => entry.line.to_string(),
                Some('s') => stamp(entry.begun, false),
                Some('v') => entry.vxid.to_owned(),
                Some('x') => entry.xid.to_owned(),
                _ => String::new(),
            };
            match padding.parse::<i32>() {
                Ok(width) if width < 0 => {
                    out.push_str(&format!("{text:<w$}", w = width.unsigned_abs() as usize))
                }
                Ok(width) => out.push_str(&format!("{text:>w$}", w = width as usize)),
                Err(_) => out.push_str(&text),
            }
        }
        out.push_str(&format!("{}:  {}\n", entry.severity, entry.message));
    }
    out
}

/// What came of a guess.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Right,
    Refused,
    Wrong(String),
}

/// Guesses, and compares what is read with what was planted.
fn guessed(prefix: &str, entries: &[Entry]) -> Came {
    let text = render(prefix, entries);
    let Ok(found) = guess(text.as_bytes(), "log", &[]) else { return Came::Refused };
    let mut memory = Memory::default();
    for (line, entry) in text.lines().zip(entries) {
        let mut fields = BTreeMap::new();
        let Some(head) = found.read(line.as_bytes(), &mut memory, |f, text| {
            fields.insert(f, text.to_vec());
        }) else {
            return Came::Wrong(format!("{:?} does not read {line}", found.text()));
        };
        let client = if entry.host.is_empty() || entry.host == "[local]" {
            entry.host.to_owned()
        } else {
            format!("{}({})", entry.host, entry.port)
        };
        for (field, is) in [
            (Field::User, vec![entry.user.to_owned()]),
            (Field::Database, vec![entry.database.to_owned()]),
            (Field::Application, vec![entry.application.to_owned()]),
            (Field::Client, vec![entry.host.to_owned(), client]),
            (Field::Pid, vec![entry.pid.to_string()]),
            (Field::Time, vec![stamp(entry.second, true), stamp(entry.second, false)]),
            (Field::Sqlstate, vec![entry.sqlstate.to_owned()]),
        ] {
            let read = fields.get(&field).map(|text| String::from_utf8_lossy(text).into_owned());
            // A process without a session has no names, however that is read.
            if let Some(read) = read.filter(|read| !read.is_empty())
                && !is.contains(&read)
            {
                return Came::Wrong(format!("{:?} reads {field:?} {read:?} in {line}", found.text()));
            }
        }
        if head.rest != entry.message.as_bytes() || head.severity != entry.severity.as_bytes() {
            return Came::Wrong(format!("{:?} reads {:?}", found.text(), String::from_utf8_lossy(head.rest)));
        }
    }
    Came::Right
}

/// Prefixes that people use: distributions, services, guides, mailing lists.
const USED: &[&str] = &[
    "%m [%p] ",
    "%m [%p] %q%u@%d ",
    "%t [%p-%l] %q%u@%d ",
    "< %m > ",
    "< %m >",
    "< %t >",
    "%m %d %u [%p]",
    "%t:%r:%u@%d:[%p]:",
    "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
    "%t:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a.",
    "%t-%c-",
    "%m [%p]: [%l-1] db=%d,user=%u ",
    "%h %m [%p] %q%u@%d ",
    " sql_error_code = %e ",
    " sql_error_code = %e time_ms = \"%m\" pid=\"%p\" proc_start_time=\"%s\" session_id=\"%c\" vtid=\"%v\" tid=\"%x\" log_line=\"%l\" %qdatabase=\"%d\" connection_source=\"%r\" user=\"%u\" application_name=\"%a\" ",
    "%t [%p]: [%l-1] %c %x %d %u %a %h ",
    "%t [%p]: [%c-%l] %q%u@%d,app=%a [%e] ",
    "%t [%p]: db=%d,user=%u,app=%a,client=%h ",
    "pid=%p,user=%u,db=%d,app=%a,client=%h ",
    "pid=%p,user=%u,db=%d,app=%a,client=%h,txid=%x,qid=%Q ",
    "%m [%p] %q[user=%u,db=%d,app=%a] ",
    "%m [%p] %q[user=%u,db=%d,app=%a,host=%h] ",
    "%m [%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] ",
    "%m [%p][%v] : [%l-1] %q[app=%a] ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    "%t [%p]: [%l-1] user=%u,db=%d - PG-%e ",
    "%t [%p]: [%l-1] [trx_id=%x] user=%u,db=%d ",
    "%t [%p]: [%l-1] ",
    "[%p]: [%l-1] db=%d,user=%u ",
    "%m %r %u %a [%c] [%p] ",
    "user=%u,db=%d,app=%a,client=%h ",
    "%p-%s-%c-%l-%h-%u-%d-%m ",
    "%m [%p] %q%u@%d %h ",
    "%m [%p] %q%u@%d %r ",
    "%m [%p] %q%u@%d/%a ",
    "%t %u@%d [%p] ",
    "%t [%p] %u@%d ",
    "%t %p ",
    "%t [%p] ",
    "%t ",
    "%m ",
    "%m: %u@%d: ",
    "[%t] [%p] ",
    "[%m] %u@%d [%p] ",
    "%t|%u|%d|%c|",
    "%m|%u|%d|%c|",
    "%m [%p]: u=[%u] db=[%d] app=[%a] c=[%h] s=[%c:%l] tx=[%v:%x] ",
    "%m u=%u d=%d p=%p a=%a ",
    "time=%t, pid=%p %q db=%d, usr=%u, client=%h , app=%a, line=%l ",
    "%t %d %u ",
    "%m %u %d ",
    "%t [%p] user=%u db=%d app=%a client=%h ",
    "%m [%p] db=%d,user=%u ",
    "%t [%p]: [%l-1] host=%h,user=%u,db=%d,app=%a ",
    "%m [%5p] %q%u@%d ",
    "%t %a %u@%d(%h) %p ",
    "%m [%p] %e ",
    "<%m [%p]>",
    "%n [%p] ",
    "[%p] %u@%d ",
    "%u@%d ",
    "",
];

#[test]
fn of_the_prefixes_that_people_use_none_is_read_wrong_and_most_are_read() {
    let (mut right, mut refused) = (0, Vec::new());
    for prefix in USED {
        match guessed(prefix, &entries()) {
            Came::Right => right += 1,
            Came::Refused => refused.push(*prefix),
            Came::Wrong(how) => panic!("{prefix:?}: {how}"),
        }
    }
    assert_eq!(right + refused.len(), USED.len());
    assert!(right * 100 >= USED.len() * 80, "{right} of {}: {refused:?}", USED.len());
}

#[test]
fn what_is_guessed_is_what_was_planted_or_nothing() {
    let mut random = fastrand::Rng::with_seed(4);
    let escapes: Vec<char> = "audrhLbpPtmnQieclsvxq%".chars().collect();
    let separators = [
        " ", " [", "] ", "]: [", "@", ":", "-", ",", "|", " - ", "(", ") ", "=", "user=", ",db=", "/", "<",
        "> ", ";", "\t", "",
    ];
    let all = entries();
    let mut right = 0;
    let check = |prefix: &str, right: &mut usize| match guessed(prefix, &all) {
        Came::Right => *right += 1,
        Came::Refused => {}
        // If a program or a database is printed where by convention the user is, a wrong reading is accepted.
        Came::Wrong(_) if by_convention(prefix) => {}
        Came::Wrong(how) => panic!("{prefix:?}: {how}"),
    };
    for _ in 0..1500 {
        let mut prefix = String::new();
        for _ in 0..random.usize(0..6) {
            prefix.push_str(separators[random.usize(..separators.len())]);
            prefix.push('%');
            if random.u8(..10) == 0 {
                prefix.push_str(["-10", "5", "-3", "12"][random.usize(..4)]);
            }
            prefix.push(escapes[random.usize(..escapes.len())]);
        }
        prefix.push_str(separators[random.usize(..separators.len())]);
        check(&prefix, &mut right);
    }
    // Known ones with one escape in another's place.
    for prefix in USED {
        for (at, _) in prefix.match_indices('%') {
            for escape in escapes.iter().filter(|_| random.u8(..5) == 0).collect::<Vec<_>>() {
                let mut other = prefix.to_string();
                if prefix.as_bytes()[at + 1].is_ascii_alphabetic() {
                    other.replace_range(at + 1..at + 2, &escape.to_string());
                    check(&other, &mut right);
                }
            }
        }
    }
    assert!(right > 60, "{right}");
}

/// Returns whether the label of a name, or the `@` before or after it, conventionally means another field.
fn by_convention(prefix: &str) -> bool {
    let says = |label: &str, escape: &str| {
        prefix.match_indices(label).any(|(at, _)| !prefix[at + label.len()..].starts_with(escape))
    };
    let quoted = |label: &str, escape: &str| {
        says(&format!("{label}\""), escape) && prefix.contains(&format!("{label}\""))
    };
    let plain = |label: &str, escape: &str| {
        prefix.contains(label) && !prefix.contains(&format!("{label}\"")) && says(label, escape)
    };
    [
        ("user=", "%u"),
        ("usr=", "%u"),
        ("u=", "%u"),
        ("u=[", "%u"),
        ("db=", "%d"),
        ("db=[", "%d"),
        ("d=", "%d"),
        ("database=", "%d"),
        ("app=", "%a"),
        ("app=[", "%a"),
        ("a=", "%a"),
        ("application_name=", "%a"),
        ("client=", "%h"),
        ("host=", "%h"),
        ("c=[", "%h"),
        ("connection_source=", "%r"),
        ("pid=", "%p"),
        ("p=", "%p"),
        ("sql_error_code = ", "%e"),
        ("PG-", "%e"),
    ]
    .iter()
    .any(|(label, escape)| plain(label, escape) || quoted(label, escape))
        || prefix.match_indices('@').any(|(at, _)| {
            // Two names without a separator look like one.
            let before = prefix[..at].strip_suffix("%u");
            let glued = |text: &str| text.len() > 1 && text.as_bytes()[text.len() - 2] == b'%';
            before.is_none_or(glued) || !prefix[at + 1..].starts_with("%d")
        })
}

#[test]
fn what_a_message_says_of_its_user_settles_what_no_label_does() {
    let mut all = entries();
    let ambiguous = guess(render("%m %d %u [%p]", &all).as_bytes(), "a.log", &[]).unwrap_err();
    assert!(
        ambiguous.message.contains("\"%m %d %u [%p]\" and ")
            || ambiguous.message.contains("and \"%m %d %u [%p]\""),
        "{ambiguous}"
    );
    assert!(ambiguous.hints.iter().any(|hint| hint.contains("--line-prefix")));
    all[1].message = "connection authorized: user=app database=shop";
    let found = guess(render("%m %d %u [%p]", &all).as_bytes(), "a.log", &[]).unwrap();
    assert_eq!(found.text(), "%m %d %u [%p]");
    // A name says it too.
    let named: Vec<String> = known::named("suse").unwrap().iter().map(|p| (*p).to_owned()).collect();
    assert!(guess(render("%m %d %u [%p]", &entries()).as_bytes(), "a.log", &named).is_ok());
}

#[test]
fn a_number_that_counts_the_lines_is_no_process() {
    let mut all = entries();
    all.retain(|entry| entry.severity == "LOG");
    for (i, entry) in all.iter_mut().enumerate() {
        entry.line = i as i64 / 2 + 1;
    }
    assert_eq!(guessed("%m [%l] ", &all), Came::Refused);
    assert_eq!(guessed("%m [%p] ", &all), Came::Right);
    // A container's first process logs alone for a while.
    for entry in &mut all {
        entry.pid = 1;
    }
    all[0].message = "starting PostgreSQL 17.2 on x86_64-pc-linux-musl";
    let own: Vec<Entry> = all
        .iter()
        .map(|e| Entry { user: "", database: "", application: "", host: "", ..e.clone() })
        .collect();
    assert_eq!(guessed("%m [%p] ", &own), Came::Right);
}

#[test]
fn prefixes_with_fields_that_only_sessions_show_are_read() {
    for prefix in [
        "%m %q%u@%d ",
        "%m [%p] %q%e %u@%d ",
        "%m [%p] %q%r %u@%d ",
        "%m [%p] %r %q%u@%d ",
        "%m [%p] %q%u@%d (%a) ",
    ] {
        assert_eq!(guessed(prefix, &entries()), Came::Right, "{prefix}");
    }
}

#[test]
fn lines_of_a_library_do_not_matter_and_unknown_words_are_seen() {
    let mut text = render("%m [%p] %q%u@%d ", &entries());
    text.insert_str(0, "hello from some library\n");
    assert_eq!(guess(text.as_bytes(), "log", &[]).unwrap().text(), "%m [%p] %q%u@%d ");
    assert!(guess(b"hello\nworld\n", "log", &[]).is_err());
    let finnish = render("%m [%p] ", &entries())
        .replace("LOG:", "LOKI:")
        .replace("ERROR:", "VIRHE:")
        .replace("FATAL:", "TUHO:")
        .replace("STATEMENT:", "LAUSE:");
    assert_eq!(guess(finnish.as_bytes(), "log", &[]).unwrap().text(), "%m [%p] ");
    let german = render("%m [%p] %q%u@%d ", &entries())
        .replace("ERROR:", "FEHLER:")
        .replace("STATEMENT:", "ANWEISUNG:");
    assert_eq!(guess(german.as_bytes(), "log", &[]).unwrap().text(), "%m [%p] %q%u@%d ");
}

#[test]
fn what_servers_really_do_is_no_contradiction() {
    for (what, lines, prefix) in [
        (
            "sessions that begin and end within one second",
            &[
                "2026-11-30 13:37:55.898 UTC [12079] LOG:  listening on Unix socket \"/tmp/.s.PGSQL.5432\"",
                "2026-11-30 13:37:55.933 UTC [12079] LOG:  database system is ready to accept connections",
                "2026-11-30 13:37:59.186 UTC [12125] app@shop LOG:  connection authorized: user=app database=shop",
                "2026-11-30 13:37:59.389 UTC [12125] app@shop LOG:  disconnection: session time: 0:00:00.208 user=app database=shop host=[local]",
                "2026-11-30 13:38:00.047 UTC [12131] LOG:  automatic vacuum of table \"shop.public.a\": index scans: 0",
                "2026-11-30 13:38:00.056 UTC [12131] LOG:  automatic analyze of table \"shop.public.a\"",
            ][..],
            "%m [%p] %q%u@%d ",
        ),
        (
            "the end of summer",
            &[
                "2026-10-25 02:59:59.000 CEST [100] bob@shop LOG:  duration: 1.000 ms  statement: select 1",
                "2026-10-25 02:30:01.000 CET [100] bob@shop LOG:  duration: 1.000 ms  statement: select 3",
            ],
            "%m [%p] %q%u@%d ",
        ),
        (
            "a pid that is used again after days",
            &[
                "2026-11-24 06:00:00.000 UTC [100] bob@shop LOG:  duration: 1.000 ms  statement: select 1",
                "2026-11-26 06:00:00.000 UTC [100] amy@shop LOG:  duration: 1.000 ms  statement: select 1",
            ],
            "%m [%p] %q%u@%d ",
        ),
        (
            "a client without an application name",
            &["2026-11-30 12:00:00.000 UTC [100] bob@shop/ LOG:  duration: 1.000 ms  statement: SELECT 1"],
            "%m [%p] %q%u@%d/%a ",
        ),
    ] {
        let text = lines.join("\n") + "\n";
        let guessed = guess(text.as_bytes(), "x.log", &[]).unwrap_or_else(|e| panic!("{what}: {e:?}"));
        assert_eq!(guessed.text(), prefix, "{what}");
    }
}
