//! What other programs wrap a log in: containers, orchestrators, syslog, and the exports of cloud services. Their
//! lines are unwrapped to get what the server wrote. If only the wrapping has the time and the pid, they are put in
//! front of each line.

mod json;
mod lines;
mod messages;
mod yearless;

pub use yearless::Yearless;

use std::borrow::Cow;

use messages::Messages;

use super::decode::Lines;
use crate::rows::Flow;

/// A way to wrap a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// `{"log":"…\n","stream":"stderr","time":"…"}`: Docker's json-file.
    Docker,
    /// `{"logger":"postgres","record":{…}}`: CloudNativePG.
    CloudNative,
    /// `{"textPayload":"…"}` and the like: services that export objects, one per line or all in one array.
    Objects,
    /// `2026-11-24T06:24:50.1Z stderr F …`: Kubernetes' CRI.
    Cri,
    /// `Nov 24 06:24:50 host postgres[4821]: …`, or with a full time: syslog, journalctl.
    Syslog,
    /// `2026-11-24T06:24:50.1+00:00 app[postgres.1]: [DATABASE] [4-1] …`: Heroku.
    Logplex,
    /// `db-1  | …`: docker compose.
    Compose,
    /// `2026-11-24T06:24:50.1Z …`: an additional time from CloudWatch, docker logs -t or kubectl logs --timestamps.
    Timed,
}

impl Wrapping {
    /// All wrappings, in the order in which they are tried.
    const ALL: [Wrapping; 8] = [
        Wrapping::CloudNative,
        Wrapping::Docker,
        Wrapping::Objects,
        Wrapping::Cri,
        Wrapping::Logplex,
        Wrapping::Syslog,
        Wrapping::Compose,
        Wrapping::Timed,
    ];

    /// Detects how a log with this beginning is wrapped.
    pub fn of(beginning: &[u8]) -> Option<Wrapping> {
        let mut lines: Vec<&[u8]> =
            beginning.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect();
        // The last line may be cut.
        if lines.len() > 1 && !beginning.ends_with(b"\n") {
            lines.pop();
        }
        lines.truncate(100);
        let first = lines.first()?;
        if json::begins_array(first) && json::is_array_of_texts(beginning) {
            return Some(Wrapping::Objects);
        }
        Wrapping::ALL.into_iter().find(|wrapping| {
            let opened = |line: &[u8]| wrapping.open(line).is_some_and(|line| !matches!(line, Line::Foreign));
            // There may be lines of other programs, but at least one is the server's, and the first line has the
            // form.
            wrapping.open(first).is_some() && lines.iter().any(|line| opened(line))
        })
    }

    /// Returns the wrapping's name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Wrapping::Docker => "Docker's json-file",
            Wrapping::CloudNative => "CloudNativePG's JSON",
            Wrapping::Objects => "JSON objects with the log's text in them",
            Wrapping::Cri => "Kubernetes' CRI",
            Wrapping::Syslog => "syslog",
            Wrapping::Logplex => "Heroku's logplex",
            Wrapping::Compose => "docker compose",
            Wrapping::Timed => "lines with a second timestamp in front",
        }
    }

    /// Unwraps one line; `None` if it does not have the form.
    fn open<'a>(self, line: &'a [u8]) -> Option<Line<'a>> {
        match self {
            Wrapping::Docker => json::docker(line),
            Wrapping::CloudNative => json::cloud_native(line),
            Wrapping::Objects => json::object(line),
            Wrapping::Cri => lines::cri(line),
            Wrapping::Syslog => lines::syslog(line),
            Wrapping::Logplex => lines::logplex(line),
            Wrapping::Compose => lines::compose(line),
            Wrapping::Timed => lines::timed(line),
        }
    }

    /// Returns whether reading can begin anywhere in it.
    pub fn has_one_line_each(self) -> bool {
        self != Wrapping::Objects
    }
}

/// The content of one line of a wrapped log.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    /// A line from another program.
    Foreign,
    /// A line from the server, or a piece of one.
    Server(Piece<'a>),
}

/// A piece of what the server wrote.
#[derive(Debug, Default, PartialEq, Eq)]
struct Piece<'a> {
    text: Cow<'a, [u8]>,
    /// Whether a line ends with it.
    ends: bool,
    /// Whether it continues the line before, rather than beginning one.
    goes_on: bool,
    /// Whether it is a later line of a message that the same process has begun.
    follows: bool,
    /// Which of the two streams it came from, if the wrapping distinguishes them.
    stream: usize,
    time: Option<Time<'a>>,
    pid: Option<u32>,
}

/// The time of a line.
#[derive(Debug, PartialEq, Eq)]
enum Time<'a> {
    /// In the form of RFC 3339.
    Full(Cow<'a, str>),
    /// Without a year and a zone: `Nov 24 06:24:50`.
    Yearless(&'a [u8]),
}

/// What the wrapping has and the log's own prefix lacks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Whether this includes the time.
    pub time: bool,
    /// Whether this includes the pid.
    pub pid: bool,
}

impl Wanted {
    /// Returns the log_line_prefix of what is put in front of the lines.
    pub fn prefix(self) -> &'static str {
        match (self.time, self.pid) {
            (true, true) => "%m [%p] ",
            (true, false) => "%m ",
            (false, true) => "[%p] ",
            (false, false) => "",
        }
    }
}

/// Unwraps a log.
#[derive(Debug)]
pub struct Unwrapper {
    wrapping: Wrapping,
    wanted: Wanted,
    yearless: Yearless,
    lines: Lines,
    /// The incomplete object of an array.
    object: json::Splitter,
    /// The incomplete lines, one for each stream.
    open: [Vec<u8>; 2],
    messages: Messages,
    skipping: bool,
    /// The number of lines that do not have the form.
    pub odd: u64,
    /// Whether an object was older than the one before it, as in an export that runs from the newest to the oldest.
    pub backwards: bool,
    last_time: String,
    /// Which of these the wrapped lines have.
    pub tells: Wanted,
}

impl Unwrapper {
    /// Creates an unwrapper for a log in this wrapping. `yearless` reads times that have no year.
    pub fn new(wrapping: Wrapping, wanted: Wanted, yearless: Yearless) -> Unwrapper {
        Unwrapper {
            wrapping,
            wanted,
            yearless,
            lines: Lines::default(),
            object: json::Splitter::default(),
            open: [Vec::new(), Vec::new()],
            messages: Messages::default(),
            skipping: false,
            odd: 0,
            backwards: false,
            last_time: String::new(),
            tells: Wanted::default(),
        }
    }

    /// Returns an unwrapper that works the same way and has not read anything yet.
    pub fn fresh(&self) -> Unwrapper {
        Unwrapper::new(self.wrapping, self.wanted, self.yearless.fresh())
    }

    /// Returns a remark for users if times without a year were read. It begins with `name`, the name of the log.
    pub fn remark(&self, name: &str) -> Option<String> {
        self.yearless.remark(name)
    }

    pub fn wrapping(&self) -> Wrapping {
        self.wrapping
    }

    /// Prepares for reading from the middle of a file, where the rest of a line comes first.
    pub fn in_the_middle(&mut self) {
        self.skipping = true;
    }

    /// Takes wrapped bytes, and appends their content to `out`.
    pub fn feed(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let mut lines = std::mem::take(&mut self.lines);
        if self.wrapping == Wrapping::Objects {
            let mut object = std::mem::take(&mut self.object);
            object.feed(data, |line| self.line(line, out));
            self.object = object;
        } else {
            // The callback never stops it.
            let _ = lines.feed(data, |line, _| {
                self.line(line, out);
                Ok(Flow::More)
            });
        }
        self.lines = lines;
    }

    /// Tells the unwrapper that the file has ended.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if let Some((rest, _)) = self.lines.rest() {
            self.line(&rest, out);
        }
        if self.object.is_open() {
            self.odd += 1;
        }
        for open in &mut self.open {
            if !open.is_empty() {
                out.append(open);
                out.push(b'\n');
            }
        }
        self.settle(out);
    }

    /// Tells the unwrapper that nothing more has come for a while, so that messages which might have gone on are complete.
    pub fn settle(&mut self, out: &mut Vec<u8>) {
        self.messages.settle(out);
    }

    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        if std::mem::take(&mut self.skipping) || line.trim_ascii().is_empty() {
            return;
        }
        let piece = match self.wrapping.open(line) {
            Some(Line::Server(piece)) => piece,
            Some(Line::Foreign) => return,
            None => {
                // A continuation line of a message may come without the wrapping, as in CloudWatch's export.
                if line.starts_with(b"\t") {
                    self.settle(out);
                    out.extend_from_slice(line);
                    out.push(b'\n');
                } else {
                    self.odd += 1;
                }
                return;
            }
        };
        self.tells.time |= piece.time.is_some();
        self.tells.pid |= piece.pid.is_some();
        if let Some(Time::Full(time)) = &piece.time {
            self.backwards |=
                !self.last_time.is_empty() && **time < *self.last_time && self.wrapping == Wrapping::Objects;
            self.last_time.clear();
            self.last_time.push_str(time);
        }
        if self.wrapping == Wrapping::Syslog || self.wrapping == Wrapping::Logplex {
            let is_read = self.messages.add(&piece, self.wanted, &mut self.yearless, out);
            self.odd += u64::from(!is_read);
            return;
        }
        let open = &mut self.open[piece.stream.min(1)];
        if open.is_empty() && !piece.text.starts_with(b"\t") {
            front(self.wanted, &piece, &mut self.yearless, open);
        }
        open.extend_from_slice(&piece.text);
        if piece.ends {
            out.append(open);
            out.push(b'\n');
        }
    }
}

/// Writes what is wanted from the wrapping in front of a line. Returns `false` if a time without a year is wanted and its year
/// cannot be determined.
fn front(wanted: Wanted, piece: &Piece<'_>, yearless: &mut Yearless, out: &mut Vec<u8>) -> bool {
    let mut is_read = true;
    if wanted.time {
        let at = match &piece.time {
            Some(Time::Full(time)) => time.parse().ok().inspect(|at| yearless.see(*at)),
            Some(Time::Yearless(time)) => {
                let at = yearless.instant(time);
                is_read = at.is_some();
                at
            }
            None => None,
        };
        let text = at.map_or_else(
            || "0000-00-00 00:00:00.000 UTC ".to_owned(),
            |at| at.strftime("%Y-%m-%d %H:%M:%S%.3f UTC ").to_string(),
        );
        out.extend_from_slice(text.as_bytes());
    }
    if wanted.pid {
        out.extend_from_slice(format!("[{}] ", piece.pid.unwrap_or(0)).as_bytes());
    }
    is_read
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes out, in pieces of every size.
    fn opened(text: &str, wanted: Wanted) -> (Wrapping, String) {
        let wrapping = Wrapping::of(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
        let mut first: Option<Vec<u8>> = None;
        for size in [1, 7, 64, text.len()] {
            let written = "2026-11-24T12:00:00Z".parse().unwrap();
            let mut unwrapper =
                Unwrapper::new(wrapping, wanted, Yearless::new(jiff::tz::TimeZone::UTC, written, false));
            let mut out = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                unwrapper.feed(piece, &mut out);
            }
            unwrapper.end(&mut out);
            assert_eq!(unwrapper.odd, 0, "{text}");
            assert_eq!(first.get_or_insert_with(|| out.clone()), &out, "{text} in pieces of {size}");
        }
        (wrapping, String::from_utf8(first.unwrap()).unwrap())
    }

    const INNER: &str = "2026-11-24 06:24:50.123 UTC [12] ERROR:  no \"x\"\n2026-11-24 06:24:50.123 UTC [12] STATEMENT:  SELECT 1,\n\t2\n";

    #[test]
    fn every_wrapping_gives_what_the_server_wrote() {
        let each = |wrap: &dyn Fn(&str) -> String| INNER.lines().map(wrap).collect::<String>();
        let quoted = |line: &str| serde_json::to_string(line).unwrap();
        let docker = each(&|line| {
            format!(
                "{{\"log\":{},\"stream\":\"stderr\",\"time\":\"2026-11-24T06:24:50.1Z\"}}\n",
                quoted(&format!("{line}\n"))
            )
        });
        let cri = each(&|line| format!("2026-11-24T06:24:50.123456789Z stderr F {line}\n"));
        let cut = each(&|line| {
            let (a, b) = line.split_at(line.len() / 2);
            format!("2026-11-24T06:24:50.1Z stderr P {a}\n2026-11-24T06:24:50.1Z stderr F {b}\n")
        });
        let cloud = each(&|line| {
            format!(
                "{{\"insertId\":\"x\",\"textPayload\":{},\"timestamp\":\"2026-11-24T06:24:50Z\"}}\n",
                quoted(line)
            )
        });
        let array = format!(
            "[\n{}\n]\n",
            INNER
                .lines()
                .map(|line| format!(
                    "  {{\n    \"insertId\": \"}}x{{\",\n    \"textPayload\": {}\n  }}",
                    quoted(line)
                ))
                .collect::<Vec<_>>()
                .join(",\n")
        );
        let journal = each(&|line| format!("Nov 24 06:24:50 db1 postgres[12]: {line}\n"));
        let compose = each(&|line| format!("db-1  | {line}\n"));
        let syslog = INNER
            .lines()
            .enumerate()
            .map(|(i, line)| {
                format!(
                    "2026-11-24T06:24:50.1+01:00 db1 postgres[12]: [4-{}] {}\n",
                    i + 1,
                    line.replace('\t', "#011")
                )
            })
            .collect::<String>();
        let timed = INNER
            .lines()
            .map(|l| {
                if l.starts_with('\t') { format!("{l}\n") } else { format!("2026-11-24T06:24:50.000Z {l}\n") }
            })
            .collect::<String>();
        for (text, is) in [
            (docker, Wrapping::Docker),
            (cri, Wrapping::Cri),
            (cut, Wrapping::Cri),
            (cloud, Wrapping::Objects),
            (array, Wrapping::Objects),
            (journal, Wrapping::Syslog),
            (syslog, Wrapping::Syslog),
            (compose, Wrapping::Compose),
            (timed, Wrapping::Timed),
        ] {
            assert_eq!(opened(&text, Wanted::default()), (is, INNER.to_owned()), "{text}");
        }
        assert_eq!(Wrapping::of(INNER.as_bytes()), None);
    }

    #[test]
    fn a_line_that_syslog_cut_is_whole_again() {
        let text = "Nov 24 06:24:49 db1 sshd[1]: hello\n\
                    Nov 24 06:24:50 db1 postgres[12]: [4-1] user=a,db=b ERROR:  one\n\
                    Nov 24 06:24:50 db1 postgres[12]: [4-2] #011two and\n\
                    Nov 24 06:24:50 db1 postgres[12]: [4-3]  three\n\
                    Nov 24 06:24:50 db1 postgres[12]: [4-4] user=a,db=b STATEMENT:  SELECT\n\
                    Nov 24 06:24:50 db1 postgres[13]: [1-1] user=a,db=b LOG:  next\n";
        let (_, out) = opened(text, Wanted { time: false, pid: true });
        assert_eq!(
            out,
            "[12] user=a,db=b ERROR:  one\n\ttwo and three\n[12] user=a,db=b STATEMENT:  SELECT\n[13] user=a,db=b LOG:  next\n"
        );
        let (_, out) = opened(text, Wanted { time: true, pid: false });
        assert!(
            out.starts_with("2026-11-24 06:24:50.000 UTC user=a,db=b ERROR:  one\n\ttwo and three\n2026"),
            "{out}"
        );
        // The lines of two processes are mixed.
        let mixed = "Nov 24 06:24:51 h postgres[124]: [1-1] user=a,db=b ERROR:  one\n\
                     Nov 24 06:24:51 h postgres[125]: [9-1] user=c,db=d ERROR:  two\n\
                     Nov 24 06:24:51 h kernel: [123.456] oom-killer\n\
                     Nov 24 06:24:51 h postgres[124]: [1-2] #011more\n\
                     Nov 24 06:24:51 h postgres[125]: [9-2] user=c,db=d STATEMENT:  SELECT\n\
                     Nov 24 06:24:51 h -- MARK --\n\
                     Nov 24 06:24:51 h postgres[124]: [1-3] user=a,db=b STATEMENT:  DELETE\n\
                     Nov 24 06:24:51 h postgres[125]: [9-3] #011 1\n\
                     Nov 24 06:24:51 h postgres[124]: [1-4]  FROM t\n";
        let (_, out) = opened(mixed, Wanted { time: false, pid: true });
        assert_eq!(
            out,
            "[124] user=a,db=b ERROR:  one\n\tmore\n[124] user=a,db=b STATEMENT:  DELETE FROM t\n\
             [125] user=c,db=d ERROR:  two\n[125] user=c,db=d STATEMENT:  SELECT\n\t 1\n"
        );
        let heroku = "2026-11-24T06:24:50.5+00:00 app[postgres.12]: [DATABASE] [10-1]  sql_error_code = 00000 LOG:  x\n";
        let (_, out) = opened(heroku, Wanted { time: true, pid: false });
        assert_eq!(out, "2026-11-24 06:24:50.500 UTC  sql_error_code = 00000 LOG:  x\n");
    }
}
