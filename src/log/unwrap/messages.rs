//! The messages that syslog receives in lines. Those of several processes may be mixed.

use std::collections::VecDeque;

use super::{Piece, Wanted, Yearless, front};

/// A message is complete when this many lines of other processes have come after it. A server sends all lines of a message at
/// once.
const MIXED: u64 = 64;

/// The messages that may be incomplete, in the order of their first lines.
#[derive(Debug, Default)]
pub(super) struct Messages {
    open: VecDeque<Message>,
    /// The number of lines that have been added.
    lines: u64,
}

/// A message of one process.
#[derive(Debug)]
struct Message {
    pid: Option<u32>,
    /// Its lines so far, without the last line feed.
    text: Vec<u8>,
    /// The number of its last line.
    last: u64,
    /// Whether the process has begun another message since.
    is_complete: bool,
    /// Whether its time could not be read. Such a message is left out.
    is_unread: bool,
}

impl Message {
    fn write(self, out: &mut Vec<u8>) {
        if !self.is_unread {
            out.extend_from_slice(&self.text);
            out.push(b'\n');
        }
    }
}

impl Messages {
    /// Adds a line. Messages that are complete now are appended to `out`. Returns whether the line's time could be read.
    pub(super) fn add(
        &mut self,
        piece: &Piece<'_>,
        wanted: Wanted,
        yearless: &mut Yearless,
        out: &mut Vec<u8>,
    ) -> bool {
        self.lines += 1;
        let mut is_read = true;
        let has_prefix = !piece.goes_on && !piece.text.starts_with(b"\t");
        let mut newest_first = self.open.iter_mut().rev();
        let open = newest_first.find(|message| message.pid == piece.pid && !message.is_complete);
        match open {
            Some(message) if piece.follows || !has_prefix => {
                message.last = self.lines;
                // Where a long line was cut by the server, there is no line break.
                if !piece.goes_on {
                    message.text.push(b'\n');
                }
                if has_prefix {
                    is_read = front(wanted, piece, yearless, &mut message.text);
                }
                message.text.extend_from_slice(&piece.text);
            }
            open => {
                if let Some(message) = open {
                    message.is_complete = true;
                }
                let mut text = Vec::new();
                if has_prefix {
                    is_read = front(wanted, piece, yearless, &mut text);
                }
                text.extend_from_slice(&piece.text);
                let (pid, last) = (piece.pid, self.lines);
                self.open.push_back(Message { pid, text, last, is_complete: false, is_unread: !is_read });
            }
        }
        while let Some(first) = self.open.front()
            && (first.is_complete || self.lines - first.last >= MIXED)
            && let Some(first) = self.open.pop_front()
        {
            first.write(out);
        }
        is_read
    }

    /// Appends all messages to `out`, since nothing more has come for a while.
    pub(super) fn settle(&mut self, out: &mut Vec<u8>) {
        self.open.drain(..).for_each(|message| message.write(out));
    }
}
