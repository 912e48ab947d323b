//! Small servers that speak just enough of the protocol to misbehave on purpose.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a server does with a connection.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// Accepts and says nothing.
    Nothing,
    /// Closes at once.
    Closes,
    /// Answers a request for TLS with this byte (0: closes), and what follows so.
    Ssl(u8, Then),
    /// No TLS, and what follows.
    Plain(Then),
}

/// What a server does with a start-up.
#[derive(Clone, Copy, Debug)]
pub enum Then {
    /// Turns it away with this SQLSTATE.
    Refuses(&'static str),
    /// Lets it in and turns it away then.
    RefusesLater(&'static str),
    /// Lets it in and closes.
    Closes,
    /// Lets it in and says nothing more.
    Stalls,
    /// Asks for this kind of authentication.
    Asks(i32),
    /// Asks for a password, takes the right one.
    Password(&'static str),
    /// Lets it in as this version with these parameters.
    Serves(&'static str, &'static [(&'static str, &'static str)]),
    /// As version 13, which does not say at start-up whether it is a standby.
    ServesOld { standby: bool, read_only: bool },
}

/// Lets everybody in.
pub const FINE: Does = Does::Plain(Then::Serves("15.18", &[]));

/// A server. Its thread ends with the test's process.
pub struct Fake {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Start-up messages and cancel requests, as text.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// A port on which nobody listens.
pub fn refusing() -> u16 {
    // The kernel hands out ports in no order: this one is not taken again soon.
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts a server.
pub fn serve(does: Does) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&heard);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let heard = Arc::clone(&shared);
            std::thread::spawn(move || talk(stream, does, &heard));
        }
    });
    Fake { port, heard }
}

/// A connection that goes away is the end of the talk, whenever it does.
fn talk(mut stream: TcpStream, does: Does, heard: &Mutex<Vec<String>>) -> Option<()> {
    let (ssl, then) = match does {
        Does::Nothing => {
            std::thread::sleep(Duration::from_secs(60));
            return None;
        }
        Does::Closes => return None,
        Does::Ssl(byte, then) => (byte, then),
        Does::Plain(then) => (b'N', then),
    };
    let start = loop {
        let length = int(&mut stream)?;
        let mut body = vec![0; usize::try_from(length).ok()? - 4];
        stream.read_exact(&mut body).ok()?;
        match i32::from_be_bytes(body[..4].try_into().unwrap()) {
            // GSSAPI encryption.
            80877104 => stream.write_all(b"N").ok()?,
            80877103 if ssl == 0 => return None,
            80877103 => stream.write_all(&[ssl]).ok()?,
            80877102 => {
                let number = |at: usize| i32::from_be_bytes(body[at..at + 4].try_into().unwrap());
                heard.lock().unwrap().push(format!("cancel {} {}", number(4), number(8)));
                return None;
            }
            _ => break String::from_utf8_lossy(&body[4..]).replace('\0', " "),
        }
    };
    heard.lock().unwrap().push(start);
    let mut out = Vec::new();
    match then {
        Then::Refuses(sqlstate) => {
            error(&mut out, sqlstate);
            return stream.write_all(&out).ok();
        }
        Then::RefusesLater(sqlstate) => {
            message(&mut out, b'R', &0i32.to_be_bytes());
            error(&mut out, sqlstate);
            return stream.write_all(&out).ok();
        }
        Then::Closes => {
            message(&mut out, b'R', &0i32.to_be_bytes());
            return stream.write_all(&out).ok();
        }
        Then::Stalls => {
            message(&mut out, b'R', &0i32.to_be_bytes());
            stream.write_all(&out).ok()?;
            std::thread::sleep(Duration::from_secs(60));
            return None;
        }
        Then::Asks(method) => {
            message(&mut out, b'R', &method.to_be_bytes());
            stream.write_all(&out).ok()?;
            let _ = stream.read(&mut [0; 64]);
            return None;
        }
        Then::Password(right) => {
            message(&mut out, b'R', &3i32.to_be_bytes());
            stream.write_all(&out).ok()?;
            let given = body(&mut stream)?.1;
            out.clear();
            heard.lock().unwrap().push(String::from_utf8_lossy(&given).trim_end_matches('\0').to_owned());
            if given != format!("{right}\0").as_bytes() {
                error(&mut out, "28P01");
                return stream.write_all(&out).ok();
            }
            ready(&mut out, "15.18", &[]);
        }
        Then::Serves(version, parameters) => ready(&mut out, version, parameters),
        Then::ServesOld { .. } => ready(&mut out, "13.5", &[]),
    }
    stream.write_all(&out).ok()?;
    loop {
        let (kind, text) = body(&mut stream)?;
        if kind != b'Q' {
            return None;
        }
        let asked = String::from_utf8_lossy(&text).to_lowercase();
        let (standby, read_only) = match then {
            Then::ServesOld { standby, read_only } => (standby, read_only),
            Then::Serves(_, parameters) => {
                let is_on = |name: &str| parameters.contains(&(name, "on"));
                (is_on("in_hot_standby"), is_on("default_transaction_read_only"))
            }
            _ => (false, false),
        };
        let truth = |so: bool, yes: &'static str, no: &'static str| if so { yes } else { no };
        out.clear();
        if asked.contains("begin") {
            // pgkit's first message: who serves the session, and what the caller asks.
            result(&mut out, &["42", "f", truth(standby, "t", "f"), truth(read_only, "t", "f")]);
            result(&mut out, &["1"]);
        } else if asked.contains("transaction_read_only") {
            result(&mut out, &[truth(read_only, "on", "off")]);
        } else {
            result(&mut out, &[truth(standby, "t", "f")]);
        }
        message(&mut out, b'Z', b"I");
        stream.write_all(&out).ok()?;
    }
}

/// A row of text, with its description.
fn result(out: &mut Vec<u8>, values: &[&str]) {
    let count = u16::try_from(values.len()).unwrap().to_be_bytes();
    let (mut columns, mut data) = (count.to_vec(), count.to_vec());
    for value in values {
        columns.extend(b"x\0");
        columns.extend([0; 6]);
        columns.extend(25i32.to_be_bytes());
        columns.extend([0xff, 0xff]);
        columns.extend((-1i32).to_be_bytes());
        columns.extend([0, 0]);
        data.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
        data.extend(value.as_bytes());
    }
    message(out, b'T', &columns);
    message(out, b'D', &data);
    message(out, b'C', b"SELECT 1\0");
}

fn ready(out: &mut Vec<u8>, version: &str, parameters: &[(&str, &str)]) {
    message(out, b'R', &0i32.to_be_bytes());
    for (name, value) in [("server_version", version), ("client_encoding", "UTF8")].iter().chain(parameters) {
        message(out, b'S', format!("{name}\0{value}\0").as_bytes());
    }
    message(out, b'K', &[0, 0, 0, 42, 0, 0, 0, 43]);
    message(out, b'Z', b"I");
}

fn error(out: &mut Vec<u8>, sqlstate: &str) {
    message(out, b'E', format!("SFATAL\0VFATAL\0C{sqlstate}\0Mno, says {sqlstate}\0\0").as_bytes());
}

fn message(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    out.push(kind);
    out.extend(i32::try_from(body.len() + 4).unwrap().to_be_bytes());
    out.extend(body);
}

fn body(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut kind = [0];
    stream.read_exact(&mut kind).ok()?;
    let mut body = vec![0; usize::try_from(int(stream)?).ok()? - 4];
    stream.read_exact(&mut body).ok()?;
    Some((kind[0], body))
}

fn int(stream: &mut TcpStream) -> Option<i32> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes).ok()?;
    Some(i32::from_be_bytes(bytes))
}
