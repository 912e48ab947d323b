//! A terminal that is drawn over again and again (`--watch`).

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior};

use crate::error::Result;
use crate::render::output::{self, Output};
use crate::signals;

/// Where a frame begins: the screen is empty, and the cursor stands on top.
const ANEW: &[u8] = b"\x1b[H\x1b[2J";

/// The terminal's other screen, which leaves what stood before as it was. It is left when this is dropped.
pub struct Screen {
    /// What is shown now.
    last: Vec<u8>,
}

impl Drop for Screen {
    fn drop(&mut self) {
        signals::leave_screen();
    }
}

impl Screen {
    /// Turns to the other screen.
    pub fn open() -> Result<Screen> {
        signals::enter_screen()?;
        Ok(Screen { last: Vec::new() })
    }

    /// Shows what the buffer holds, as much of it as a screen of this height has room for.
    pub fn show(&mut self, out: &mut Output, height: usize) -> Result<output::Reader> {
        let frame = std::mem::take(out.buffer());
        self.last = cropped(&frame, height);
        out.buffer().extend_from_slice(ANEW);
        out.buffer().extend_from_slice(&self.last);
        out.flush()
    }

    /// Leaves the screen, and shows on the one before what was shown last.
    pub async fn close(self, mut out: Output) -> Result<()> {
        out.flush()?;
        out.drained().await;
        signals::leave_screen();
        out.buffer().extend_from_slice(&self.last);
        out.finish().await
    }
}

/// The first lines of a frame, and how many more there are.
fn cropped(frame: &[u8], height: usize) -> Vec<u8> {
    let lines: Vec<&[u8]> = frame.split_inclusive(|byte| *byte == b'\n').collect();
    // The cursor needs a line.
    let room = height.saturating_sub(1).max(2);
    if lines.len() <= room {
        return frame.to_vec();
    }
    let kept = room - 1;
    let mut shown = lines[..kept].concat();
    shown.extend_from_slice(format!("... and {} more lines\n", lines.len() - kept).as_bytes());
    shown
}

/// When the next frame is due: from start to start, a tick that is missed is dropped, and a key may come before.
pub struct Pace {
    ticks: Interval,
    keys: Option<std::pin::Pin<Box<dyn Future<Output = u8>>>>,
}

/// Why it is time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// For another frame.
    Frame,
    /// To end.
    End,
}

impl Pace {
    /// Every so often; with keys where a person sits before it.
    pub fn new(every: Duration, with_keys: bool) -> Pace {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Pace { ticks, keys: with_keys.then(|| Box::pin(key()) as _) }
    }

    /// Waits. `q` ends it, any other key does not wait for the time.
    pub async fn next(&mut self) -> Next {
        let Some(keys) = &mut self.keys else {
            self.ticks.tick().await;
            return Next::Frame;
        };
        let pressed = tokio::select! {
            _ = self.ticks.tick() => return Next::Frame,
            pressed = keys => pressed,
        };
        self.keys = Some(Box::pin(key()));
        if matches!(pressed, b'q' | b'Q') {
            return Next::End;
        }
        self.ticks.reset();
        Next::Frame
    }
}

/// The next key; never where there is no terminal to press one on.
async fn key() -> u8 {
    match signals::key().await {
        Ok(Some(key)) => key,
        _ => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted() {
        let frame = |n: usize| (0..n).map(|i| format!("{i}\n")).collect::<String>().into_bytes();
        assert_eq!(cropped(&frame(9), 10), frame(9));
        assert_eq!(String::from_utf8(cropped(&frame(20), 5)).unwrap(), "0\n1\n2\n... and 17 more lines\n");
        assert_eq!(String::from_utf8(cropped(&frame(20), 0)).unwrap(), "0\n... and 19 more lines\n");
    }
}
