//! Checks the server's messages as their bytes arrive: their length, and what they contain before the first query. A
//! hostile server, or one that does not speak this protocol, must not be able to exhaust the memory.

use std::collections::HashSet;
use std::io;

use super::authentication::Allowed;

/// The longest message before the first query, in bytes. libpq accepts 30,000 there.
const STARTUP_MESSAGE: usize = 64 << 10;
/// How much a server may send before the first query, in bytes.
const STARTUP: usize = 1 << 20;
/// How much a server may send in answer to the first message, in bytes.
const OPENING: usize = 8 << 20;
/// The longest message after that, in bytes: a row, a notice or an error.
const MESSAGE: usize = 64 << 20;
/// The longest message of the kinds that contain no text of arbitrary length, in bytes.
const SHORT: usize = 64 << 10;
/// How many different settings a server may report. PostgreSQL 18 reports sixteen.
const NAMES: usize = 128;

/// What the server said before it was ready.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Greeting {
    /// The last kind of authentication it asked for.
    pub(super) method: Option<i32>,
    /// Has the server accepted the authentication?
    pub(super) authenticated: bool,
    /// The backend's process id, and the key that a cancel request must present.
    pub(super) backend: Option<(i32, i32)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Startup,
    Opening,
    Open,
}

/// The state of the check for one connection. The bytes may arrive in pieces of any size.
pub(super) struct Frames {
    phase: Phase,
    /// The kind and the length of the current message; `have` says how many of these bytes have arrived.
    header: [u8; 5],
    have: usize,
    /// How many bytes of its body are still to come.
    left: usize,
    /// The number of bytes received in this phase.
    total: usize,
    /// The part of the body that has arrived, for messages that are examined here; `None` for all others.
    body: Option<Vec<u8>>,
    names: HashSet<Box<[u8]>>,
    allowed: Allowed,
    greeting: Greeting,
}

/// The longest permitted body of a message of this kind, in bytes; `None` if servers send no such message in this
/// phase.
fn longest(kind: u8, phase: Phase) -> Option<usize> {
    match (phase, kind) {
        (Phase::Startup, b'R' | b'E' | b'N' | b'S' | b'K' | b'Z' | b'v') => Some(STARTUP_MESSAGE),
        (Phase::Startup, _) => None,
        (_, b'D' | b'T' | b't' | b'd' | b'E' | b'N' | b'A' | b'V') => Some(MESSAGE),
        (
            _,
            b'1' | b'2' | b'3' | b'C' | b'c' | b'G' | b'H' | b'W' | b'I' | b'K' | b'n' | b's' | b'S' | b'Z'
            | b'R',
        ) => Some(SHORT),
        _ => None,
    }
}

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The kind of a message and the length of its body. Errors: the message is too long, or its kind or length is
/// invalid.
fn header(header: [u8; 5], phase: Phase) -> io::Result<(u8, usize)> {
    let kind = header[0];
    let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
    let Some(longest) = longest(kind, phase) else {
        return Err(refused(format!(
            "the server sent a message of unknown kind \"{}\"; is it a PostgreSQL server?",
            char::from(kind).escape_default()
        )));
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    match length.checked_sub(4) {
        None => Err(refused(format!("the server sent a message with an invalid length of {length} bytes"))),
        Some(body) if body > longest => Err(refused(format!(
            "the server sent a message of {length} bytes, but pgkit accepts at most {longest}"
        ))),
        Some(body) => Ok((kind, body)),
    }
}

/// Checks the message at the start of these bytes as [`Frames::pass`] does once the session is open, for code that
/// reads the socket itself.
pub(crate) fn admit(bytes: &[u8]) -> io::Result<()> {
    match bytes.first_chunk::<5>() {
        Some(first) => header(*first, Phase::Open).map(drop),
        None => Ok(()),
    }
}

impl Frames {
    /// For a connection from which nothing has been read yet.
    pub(super) fn new(allowed: Allowed) -> Frames {
        Frames {
            phase: Phase::Startup,
            header: [0; 5],
            have: 0,
            left: 0,
            total: 0,
            body: None,
            names: HashSet::new(),
            allowed,
            greeting: Greeting::default(),
        }
    }

    pub(super) fn greeting(&self) -> Greeting {
        self.greeting
    }

    /// Checks the next bytes. On an error they must not be processed any further.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.have < self.header.len() {
                let taken = bytes.len().min(self.header.len() - self.have);
                self.header[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
                self.have += taken;
                bytes = &bytes[taken..];
                if self.have < self.header.len() {
                    return Ok(());
                }
                self.begin()?;
            }
            let taken = bytes.len().min(self.left);
            if let Some(body) = &mut self.body {
                body.extend_from_slice(&bytes[..taken]);
            }
            self.left -= taken;
            bytes = &bytes[taken..];
            if self.left == 0 {
                self.end()?;
            }
        }
        Ok(())
    }

    /// Called when the header is complete.
    fn begin(&mut self) -> io::Result<()> {
        let (kind, length) = header(self.header, self.phase)?;
        self.left = length;
        self.total = self.total.saturating_add(length + 5);
        let (most, when) = match self.phase {
            Phase::Startup => (STARTUP, "before it was ready"),
            Phase::Opening => (OPENING, "in answer to the first statement"),
            Phase::Open => (usize::MAX, ""),
        };
        if self.total > most {
            return Err(refused(format!("the server sent more than {most} bytes {when}")));
        }
        let wanted = matches!((self.phase, kind), (Phase::Startup, b'R' | b'K') | (_, b'S'));
        self.body = wanted.then(|| Vec::with_capacity(length));
        Ok(())
    }

    /// Called when the message is complete.
    fn end(&mut self) -> io::Result<()> {
        let kind = self.header[0];
        self.have = 0;
        let body = self.body.take().unwrap_or_default();
        match (self.phase, kind) {
            (Phase::Startup, b'R') => self.authentication(&body)?,
            (Phase::Startup, b'K') => self.greeting.backend = int(&body, 0).zip(int(&body, 4)),
            (_, b'S') => {
                let name = body.split(|byte| *byte == 0).next().unwrap_or_default();
                if !self.names.contains(name) && (self.names.len() >= NAMES || name.len() > 256) {
                    return Err(refused("the server reports more settings than any server has".to_owned()));
                }
                self.names.insert(name.into());
            }
            (Phase::Startup, b'Z') => self.enter(Phase::Opening),
            (Phase::Opening, b'Z') => self.enter(Phase::Open),
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.total = 0;
    }

    fn authentication(&mut self, body: &[u8]) -> io::Result<()> {
        match int(body, 0) {
            Some(0) => {
                self.allowed.check(None, self.greeting.method).map_err(refused)?;
                self.greeting.authenticated = true;
            }
            Some(method) => {
                self.allowed.check(Some(method), self.greeting.method).map_err(refused)?;
                if !matches!(method, 11 | 12) {
                    self.greeting.method = Some(method);
                }
                if method == 11 {
                    rounds(&body[4..])?;
                }
            }
            None => {
                return Err(refused("the server sent an authentication request without a type".to_owned()));
            }
        }
        Ok(())
    }
}

/// The highest SCRAM iteration count that a server may ask for, which takes about a second. PostgreSQL's default is
/// 4,096.
const ROUNDS: u64 = 2_000_000;

/// Checks the iteration count (`i=` in SCRAM's server-first message): pgkit does not react to signals during the
/// computation.
fn rounds(message: &[u8]) -> io::Result<()> {
    let text = String::from_utf8_lossy(message);
    let rounds = text.split(',').find_map(|part| part.strip_prefix("i="));
    match rounds.map(str::parse::<u64>) {
        Some(Ok(rounds)) if rounds > ROUNDS => Err(refused(format!(
            "the server asks for {rounds} rounds of SCRAM, but pgkit does at most {ROUNDS}"
        ))),
        _ => Ok(()),
    }
}

fn int(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![kind];
        out.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        out.extend_from_slice(body);
        out
    }

    fn frames() -> Frames {
        Frames::new(Allowed::default())
    }

    fn open() -> Frames {
        let mut frames = frames();
        let start = [message(b'R', &[0; 4]), message(b'Z', b"I"), message(b'Z', b"T")].concat();
        frames.pass(&start).unwrap();
        assert_eq!(frames.phase, Phase::Open);
        frames
    }

    #[test]
    fn a_greeting_is_understood_in_pieces_of_any_size() {
        let mut bytes = b"R\0\0\0\x0c\0\0\0\x05saltR\0\0\0\x08\0\0\0\0".to_vec();
        bytes.extend(b"S\0\0\0\x09a\0bc\0K\0\0\0\x0c\0\0\x01\0\x7f\0\0\x01Z\0\0\0\x05I");
        for size in 1..bytes.len() {
            let mut frames = frames();
            for piece in bytes.chunks(size) {
                assert_eq!(frames.phase, Phase::Startup);
                frames.pass(piece).unwrap();
            }
            assert_eq!(frames.phase, Phase::Opening);
            let greeting = frames.greeting();
            assert_eq!(greeting.method, Some(5));
            assert!(greeting.authenticated);
            assert_eq!(greeting.backend, Some((256, 0x7f00_0001)));
        }
    }

    #[test]
    fn no_message_is_longer_than_its_kind_may_be_in_any_phase() {
        for kind in 0..=u8::MAX {
            for length in [0_u32, 1, 3, 0x7fff_ffff, 0x8000_0000, u32::MAX, (MESSAGE + 5) as u32] {
                let bytes = [&[kind][..], &length.to_be_bytes()].concat();
                assert!(frames().pass(&bytes).is_err(), "{kind} {length} at the start");
                assert!(open().pass(&bytes).is_err(), "{kind} {length} later on");
                assert!(admit(&bytes).is_err());
            }
        }
        // The longest message that is allowed.
        let bytes = [&b"D"[..], &((MESSAGE + 4) as u32).to_be_bytes()].concat();
        assert!(open().pass(&bytes).is_ok() && admit(&bytes).is_ok());
        assert!(frames().pass(&bytes).is_err());
    }

    #[test]
    fn floods_of_small_messages_end_before_the_first_query_and_in_its_answer() {
        let notice = message(b'N', &[b'x'; 1000]);
        let mut one = frames();
        let passed = (0..).take_while(|_| one.pass(&notice).is_ok()).count();
        assert!(passed <= STARTUP / 1000, "{passed}");
        let mut one = frames();
        one.pass(&[message(b'R', &[0; 4]), message(b'Z', b"I")].concat()).unwrap();
        let passed = (0..).take_while(|_| one.pass(&notice).is_ok()).count();
        assert!(passed <= OPENING / 1000, "{passed}");
    }

    #[test]
    fn settings_of_any_number_of_names_are_refused_and_changes_of_a_known_one_are_not() {
        let mut one = open();
        let setting = |name: &str| message(b'S', format!("{name}\0value\0").as_bytes());
        for i in 0..100_000 {
            one.pass(&setting(["search_path", "TimeZone"][i % 2])).unwrap();
        }
        let passed = (0..).take_while(|i| one.pass(&setting(&format!("name{i}"))).is_ok()).count();
        assert!(passed <= NAMES, "{passed}");
    }

    #[test]
    fn hashing_without_end_is_refused() {
        let ask = |rounds: &str| {
            let mut one = frames();
            one.pass(&message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0")).unwrap();
            one.pass(&message(b'R', format!("\0\0\0\u{b}r=abc,s=QSXC,i={rounds}").as_bytes()))
        };
        assert!(ask("4096").is_ok() && ask("600000").is_ok());
        assert!(ask("2147483647").is_err());
    }

    /// Random messages with damaged bytes: the check never panics, never stores more than is allowed, and gives the
    /// same result however the bytes are split.
    #[test]
    fn whatever_comes_is_judged_the_same_in_any_pieces() {
        let environment = crate::connect::environment();
        let rounds: u64 = environment.var("PGKIT_TEST_ROUNDS").and_then(|n| n.parse().ok()).unwrap_or(300);
        for seed in 0..rounds {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut bytes = Vec::new();
            for _ in 0..random.usize(1..20) {
                let kind = *random.choice(b"RENSKZvDTtdAV123CcGHWIns\0\xff").unwrap();
                let body: Vec<u8> = (0..random.usize(0..80)).map(|_| random.u8(..)).collect();
                bytes.extend(message(kind, &body));
            }
            for _ in 0..random.usize(0..4) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            let judge = |size: usize| {
                let mut one = frames();
                let mut verdict = Ok(());
                for piece in bytes.chunks(size) {
                    verdict = one.pass(piece).map_err(|e| e.to_string());
                    assert!(one.body.as_ref().is_none_or(|body| body.len() <= STARTUP_MESSAGE));
                    if verdict.is_err() {
                        break;
                    }
                }
                (verdict, one.phase, one.greeting.backend)
            };
            let whole = judge(bytes.len());
            for size in [1, 2, 3, 5, 7, 64] {
                assert_eq!(judge(size), whole, "seed {seed}, pieces of {size}");
            }
        }
    }
}
