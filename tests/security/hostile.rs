//! A hostile server: whatever it sends and whenever it stops, pgkit ends in time, with little memory and with an
//! error message.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::*;

/// When a server begins to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Instead of answering the start-up message.
    Startup,
    /// Instead of answering the first statement.
    First,
    /// Instead of answering the second statement.
    Second,
}

/// How a server misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    /// Nothing more.
    Silence,
    /// Announces a message of this kind and length, and sends as much of it as it can.
    Long(u8, u32),
    /// Sends a message of this kind and length over and over again.
    Flood(u8, usize),
    /// Reports endless settings, each under a new name.
    Settings,
    /// Sends endless rows.
    Rows,
    /// Sends endless rows, one every 100 ms.
    SlowRows,
    /// Announces a row of 60 MB, and sends one byte of it per second.
    Drip,
    /// Sends bytes of another protocol.
    Garbage,
    /// Asks for this many SCRAM iterations.
    Rounds(u32),
    /// Closes the connection.
    Closes,
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    out.extend_from_slice(body);
    out
}

fn ready(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

/// A RowDescription of columns of type text.
fn columns(names: &[&str]) -> Vec<u8> {
    let mut body = u16::try_from(names.len()).unwrap().to_be_bytes().to_vec();
    for name in names {
        body.extend(name.as_bytes());
        body.extend([0, 0, 0, 0, 0, 0, 0]);
        body.extend(25_u32.to_be_bytes());
        body.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
    }
    message(b'T', &body)
}

fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        match value {
            Some(value) => {
                body.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
                body.extend_from_slice(value);
            }
            None => body.extend(u32::MAX.to_be_bytes()),
        }
    }
    message(b'D', &body)
}

/// Starts such a server and returns its port. Each connection ends when its client does, or after a minute.
fn serve(when: When, does: Does) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || talk(stream, when, does));
        }
    });
    port
}

fn talk(mut stream: TcpStream, when: When, does: Does) -> Option<()> {
    loop {
        let length = int(&mut stream)?;
        let mut body = vec![0; usize::try_from(length).ok()?.checked_sub(4)?];
        stream.read_exact(&mut body).ok()?;
        if i32::from_be_bytes(body[..4].try_into().unwrap()) == 0x0003_0000 {
            break;
        }
        stream.write_all(b"N").ok()?;
    }
    if when == When::Startup {
        return misbehave(&mut stream, does);
    }
    let mut hello = message(b'R', &[0; 4]);
    for (name, value) in
        [("server_version", "15.18"), ("client_encoding", "UTF8"), ("server_encoding", "UTF8")]
    {
        hello.extend(message(b'S', format!("{name}\0{value}\0").as_bytes()));
    }
    hello.extend(message(b'K', &[0, 0, 0, 7, 0, 0, 0, 9]));
    hello.extend(ready(b'I'));
    stream.write_all(&hello).ok()?;
    let text = next(&mut stream)?;
    if when == When::First {
        return misbehave(&mut stream, does);
    }
    // The answer to the first message, which depends on the kind of session.
    let stays = !text.trim_end_matches('\0').ends_with("COMMIT");
    let told: Vec<Option<&[u8]>> = if stays {
        vec![None, Some(b"1")]
    } else if text.contains("row_to_json(told)") {
        vec![Some(br#"{"may_quiet":true,"note":null,"now":1}"#)]
    } else {
        vec![Some(b"7")]
    };
    let names: Vec<String> = (0..told.len()).map(|i| format!("c{i}")).collect();
    // The result of who.sql, and then of the caller's own query.
    let mut answer = columns(&["pid", "has_other_role", "standby", "read_only"]);
    answer.extend(row(&[Some(b"7"), Some(b"f"), Some(b"f"), Some(b"f")]));
    answer.extend(message(b'C', b"SELECT 1\0"));
    answer.extend(columns(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    answer.extend(row(&told));
    answer.extend(message(b'C', b"SELECT 1\0"));
    answer.extend(ready(if stays { b'T' } else { b'I' }));
    stream.write_all(&answer).ok()?;
    let text = next(&mut stream)?;
    let _ = text;
    misbehave(&mut stream, does)
}

fn int(stream: &mut TcpStream) -> Option<i32> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes).ok()?;
    Some(i32::from_be_bytes(bytes))
}

/// The client's next message, as text.
fn next(stream: &mut TcpStream) -> Option<String> {
    let mut kind = [0];
    stream.read_exact(&mut kind).ok()?;
    let mut body = vec![0; usize::try_from(int(stream)?).ok()?.checked_sub(4)?];
    stream.read_exact(&mut body).ok()?;
    Some(String::from_utf8_lossy(&body).into_owned())
}

fn misbehave(stream: &mut TcpStream, does: Does) -> Option<()> {
    let end = Instant::now() + Duration::from_secs(60);
    let mut flood = |piece: &dyn Fn(u64) -> Vec<u8>| -> Option<()> {
        let mut i = 0;
        while Instant::now() < end {
            let pieces: Vec<u8> = (0..64).flat_map(|k| piece(i + k)).collect();
            i += 64;
            stream.write_all(&pieces).ok()?;
        }
        None
    };
    match does {
        Does::Closes => None,
        Does::Silence => {
            std::thread::sleep(Duration::from_secs(60));
            None
        }
        Does::Long(kind, length) => {
            let head = [&[kind][..], &length.to_be_bytes()].concat();
            stream.write_all(&head).ok()?;
            let filler = vec![b'x'; 1 << 20];
            while Instant::now() < end {
                stream.write_all(&filler).ok()?;
            }
            None
        }
        Does::Flood(kind, length) => flood(&|_| message(kind, &vec![b'x'; length])),
        Does::Settings => flood(&|i| message(b'S', format!("name{i}\0value\0").as_bytes())),
        Does::Rows => {
            stream.write_all(&columns(&["c"])).ok()?;
            let mut flood = |piece: Vec<u8>| -> Option<()> {
                while Instant::now() < end {
                    stream.write_all(&piece).ok()?;
                }
                None
            };
            flood((0..64).flat_map(|_| row(&[Some(&[b'x'; 1000])])).collect())
        }
        Does::SlowRows => {
            stream.write_all(&columns(&["c"])).ok()?;
            while Instant::now() < end {
                stream.write_all(&row(&[Some(b"{}")])).ok()?;
                std::thread::sleep(Duration::from_millis(100));
            }
            None
        }
        Does::Drip => {
            let head = [&b"D"[..], &60_000_000_u32.to_be_bytes()].concat();
            stream.write_all(&head).ok()?;
            while Instant::now() < end {
                stream.write_all(b"x").ok()?;
                std::thread::sleep(Duration::from_secs(1));
            }
            None
        }
        Does::Garbage => flood(&|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        Does::Rounds(rounds) => {
            stream.write_all(&message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0")).ok()?;
            let said = next(stream)?;
            let nonce = said.split("r=").nth(1)?.trim_end_matches('\0').to_owned();
            let ask = format!("\0\0\0\u{b}r={nonce}x,s=c2FsdHNhbHQ=,i={rounds}");
            stream.write_all(&message(b'R', ask.as_bytes())).ok()?;
            std::thread::sleep(Duration::from_secs(60));
            None
        }
    }
}

/// How a command ended: its exit code, its output, how long it took, and its peak memory in kB.
struct Ended {
    output: Output,
    took: Duration,
    peak: u64,
}

fn watched(mut command: Command) -> Ended {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let read = |from: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut kept = Vec::new();
            let mut from = from.unwrap();
            let mut chunk = [0; 64 << 10];
            while let Ok(n @ 1..) = from.read(&mut chunk) {
                if kept.len() < 1 << 20 {
                    kept.extend_from_slice(&chunk[..n]);
                }
            }
            String::from_utf8_lossy(&kept).into_owned()
        })
    };
    let stdout = read(child.stdout.take().map(|out| Box::new(out) as Box<dyn Read + Send>));
    let stderr = read(child.stderr.take().map(|out| Box::new(out) as Box<dyn Read + Send>));
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        // Before exec, what is shown is the test program's memory, not pgkit's.
        let most = text
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .filter(|_| text.starts_with("Name:\tpgkit\n"));
        peak = peak.max(most.and_then(|kb| kb.split_whitespace().next()?.parse().ok()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if begun.elapsed() > Duration::from_secs(50) {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let output = Output { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    Ended { output, took: begun.elapsed(), peak }
}

const KINDS: &[&[&str]] = &[
    &["relations", "--statement-timeout", "1s"],
    &["log", "status"],
    &["bench", "a=SELECT 1", "b=SELECT 2", "--statement-timeout", "1s"],
];

#[test]
fn whatever_a_server_says_pgkit_ends_in_time_and_in_little_memory() {
    let mut cases: Vec<(When, Does)> = Vec::new();
    for when in [When::Startup, When::First, When::Second] {
        for does in [
            Does::Silence,
            Does::Settings,
            Does::Garbage,
            Does::Closes,
            Does::Flood(b'N', 1000),
            Does::Flood(b'N', 60_000),
        ] {
            cases.push((when, does));
        }
        for kind in [b'R', b'E', b'N', b'S', b'K', b'Z', b'T', b'D', b'C', b'A', b'd', b'?'] {
            cases.push((when, Does::Long(kind, 0x7fff_ffff)));
        }
        for length in [0, 3, u32::MAX, 0x8000_0000] {
            cases.push((when, Does::Long(b'E', length)));
        }
    }
    cases.push((When::Startup, Does::Flood(b'R', 4)));
    cases.push((When::Startup, Does::Rounds(2_147_483_647)));
    cases.push((When::First, Does::Rows));
    cases.push((When::Second, Does::Drip));
    cases.push((When::First, Does::SlowRows));
    // Many of them wait for a time limit, so they run in parallel.
    let next = std::sync::atomic::AtomicUsize::new(0);
    let most = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                while let Some(&(when, does)) =
                    cases.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
                {
                    let port = serve(when, does);
                    // Start-up is the same for every kind of session.
                    let kinds = if when == When::Startup { &KINDS[..1] } else { KINDS };
                    for args in kinds {
                        let peak = judge(port, args, when, does);
                        most.fetch_max(peak, std::sync::atomic::Ordering::SeqCst);
                    }
                }
            });
        }
    });
    // A measurement that reads nothing would find no fault.
    assert!(most.into_inner() > 10_000);
}

/// Returns the peak memory in kB.
fn judge(port: u16, args: &[&str], when: When, does: Does) -> u64 {
    let mut command = bare_pgkit();
    command
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", port.to_string())
        .env("PGUSER", "u")
        .env("PGPASSWORD", "p");
    command.env("PGCONNECT_TIMEOUT", "3").env("PGSSLMODE", "disable").args(args);
    let ended = watched(command);
    let told = format!(
        "{args:?} {when:?} {does:?} after {:?}, {} kB: {}",
        ended.took,
        ended.peak,
        ended.output.snapshot()
    );
    assert!(matches!(ended.output.code, Some(69 | 75)), "{told}");
    assert!(
        ended.output.stderr.starts_with("pgkit: ") && !ended.output.stderr.contains("panicked"),
        "{told}"
    );
    // A row of 64 MB is allowed, and the code of a debug build takes about 60 MB.
    assert!(ended.peak < 220_000, "{told}");
    assert!(ended.took < Duration::from_secs(40), "{told}");
    ended.peak
}

#[test]
fn authentication_weaker_than_asked_for_is_refused_before_a_password_is_sent() {
    for (wanted, ask, refused) in [
        ("scram-sha-256", 3_u8, true),
        ("scram-sha-256", 5, true),
        ("scram-sha-256", 0, true),
        ("!password", 3, true),
        ("password", 3, false),
        ("none", 0, false),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let length = int(&mut stream).unwrap();
            stream.read_exact(&mut vec![0; usize::try_from(length).unwrap() - 4]).unwrap();
            let mut body = vec![0, 0, 0, ask];
            if ask == 5 {
                body.extend(b"salt");
            }
            stream.write_all(&message(b'R', &body)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            next(&mut stream)
        });
        let mut command = bare_pgkit();
        command.env("PGHOST", "127.0.0.1").env("PGPORT", port.to_string()).env("PGUSER", "u");
        command.env("PGPASSWORD", "secret").env("PGSSLMODE", "disable").env("PGREQUIREAUTH", wanted);
        command.env("PGCONNECT_TIMEOUT", "2").arg("relations");
        let output = run(&mut command);
        let sent = heard.join().unwrap().unwrap_or_default();
        assert_eq!(output.code, Some(69), "{}", output.snapshot());
        assert_eq!(output.stderr.contains("requirement"), refused, "{wanted} {ask}: {}", output.snapshot());
        assert_eq!(sent.contains("secret"), !refused && ask == 3, "{wanted} {ask}: {sent}");
    }
}
