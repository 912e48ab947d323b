//! Splits bytes that arrive in pieces of any size into lines.

use super::LONGEST;
use crate::error::Result;
use crate::rows::Flow;

/// At least this many bytes are kept from the end of a line that is too long, besides its beginning.
pub(crate) const TAIL: usize = 64 << 10;

/// Splits bytes into lines, no matter in what pieces the bytes arrive. If a line is too long, its first [`LONGEST`]
/// bytes are kept, followed by its end, which is up to twice [`TAIL`] bytes long.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) carried: Vec<u8>,
    /// How many bytes of the carried line were dropped because it is too long.
    dropped: u64,
}

impl Lines {
    /// Calls `each` with every complete line, without its line feed, and with the number of bytes that were dropped
    /// from it.
    pub(crate) fn feed(
        &mut self,
        mut data: &[u8],
        mut each: impl FnMut(&[u8], u64) -> Result<Flow>,
    ) -> Result<Flow> {
        while let Some(end) = memchr::memchr(b'\n', data) {
            let flow = if self.carried.is_empty() {
                each(&data[..end], 0)?
            } else {
                self.carry(&data[..end]);
                let line = std::mem::take(&mut self.carried);
                let flow = each(&line, std::mem::take(&mut self.dropped))?;
                self.carried = line;
                self.carried.clear();
                flow
            };
            data = &data[end + 1..];
            if flow == Flow::Enough {
                return Ok(flow);
            }
        }
        self.carry(data);
        Ok(Flow::More)
    }

    fn carry(&mut self, data: &[u8]) {
        for piece in data.chunks(TAIL) {
            self.carried.extend_from_slice(piece);
            let over = self.carried.len().saturating_sub(LONGEST + TAIL);
            if over >= TAIL {
                self.carried.drain(LONGEST..LONGEST + over);
                self.dropped += over as u64;
            }
        }
    }

    /// Removes and returns the last line, which has no line feed yet, and the number of bytes that were dropped from
    /// it.
    pub(crate) fn rest(&mut self) -> Option<(Vec<u8>, u64)> {
        let rest = std::mem::take(&mut self.carried);
        (!rest.is_empty()).then(|| (rest, std::mem::take(&mut self.dropped)))
    }
}
