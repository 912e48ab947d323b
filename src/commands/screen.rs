//! Redrawing a terminal periodically (`--watch`).

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior};

use crate::error::Result;
use crate::output::terminal;
use crate::output::{self, Output};

/// Moves the cursor to the top left and clears the screen.
const ANEW: &[u8] = b"\x1b[H\x1b[2J";

/// The terminal's alternate screen. When this is dropped, the terminal shows again what it showed before.
pub struct Screen {
    /// The current frame.
    last: Vec<u8>,
}

impl Drop for Screen {
    fn drop(&mut self) {
        terminal::leave_screen();
    }
}

impl Screen {
    /// Switches to the alternate screen.
    pub fn open() -> Result<Screen> {
        terminal::enter_screen()?;
        Ok(Screen { last: Vec::new() })
    }

    /// Shows the contents of the buffer, cut to the height of the screen.
    pub fn show(&mut self, out: &mut Output, height: usize) -> Result<output::Reader> {
        let frame = std::mem::take(out.buffer());
        self.last = cropped(&frame, height);
        out.buffer().extend_from_slice(ANEW);
        out.buffer().extend_from_slice(&self.last);
        out.flush()
    }

    /// Returns to the normal screen and prints the last frame there.
    pub async fn close(self, mut out: Output) -> Result<()> {
        out.flush()?;
        out.drained().await;
        terminal::leave_screen();
        out.buffer().extend_from_slice(&self.last);
        out.finish().await
    }
}

/// The first lines of a frame, and a line that says how many were cut.
fn cropped(frame: &[u8], height: usize) -> Vec<u8> {
    let lines: Vec<&[u8]> = frame.split_inclusive(|byte| *byte == b'\n').collect();
    // The last line is for the cursor.
    let room = height.saturating_sub(1).max(2);
    if lines.len() <= room {
        return frame.to_vec();
    }
    let kept = room - 1;
    let mut shown = lines[..kept].concat();
    shown.extend_from_slice(format!("... and {} more lines\n", lines.len() - kept).as_bytes());
    shown
}

/// Decides when the next frame is due: at a fixed interval, measured from start to start, or at a key press.
/// Missed ticks are skipped.
pub struct Pace {
    ticks: Interval,
    keys: Option<std::pin::Pin<Box<dyn Future<Output = u8>>>>,
    /// SIGWINCH, which tells that the window was resized.
    resized: Option<Signal>,
    /// A key was pressed while a frame was being made.
    is_due: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Draw another frame.
    Frame,
    /// End.
    End,
}

impl Pace {
    /// Ticks at this interval; `with_keys` reads keys from the terminal as well.
    pub fn new(every: Duration, with_keys: bool) -> Pace {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let resized = with_keys.then(|| signal(SignalKind::window_change()).ok()).flatten();
        Pace { ticks, keys: with_keys.then(|| Box::pin(key()) as _), resized, is_due: false }
    }

    /// Waits for the next tick, a key, or a resize of the window. `q` ends; anything else draws the next frame at once.
    pub async fn next(&mut self) -> Next {
        let Some(keys) = &mut self.keys else {
            self.ticks.tick().await;
            return Next::Frame;
        };
        if !std::mem::take(&mut self.is_due) {
            let pressed = tokio::select! {
                _ = self.ticks.tick() => return Next::Frame,
                () = size(&mut self.resized) => None,
                pressed = keys => Some(pressed),
            };
            if let Some(pressed) = pressed {
                self.keys = Some(Box::pin(key()));
                if is_end(pressed) {
                    return Next::End;
                }
            }
        }
        self.ticks.reset();
        Next::Frame
    }

    /// Completes when the user presses `q` while a frame is being made; any other key makes the next frame due.
    pub async fn end(&mut self) {
        let Some(keys) = &mut self.keys else { return std::future::pending().await };
        while !is_end(keys.as_mut().await) {
            *keys = Box::pin(key());
            self.is_due = true;
        }
    }
}

fn is_end(key: u8) -> bool {
    matches!(key, b'q' | b'Q')
}

/// Waits until the window is resized.
async fn size(resized: &mut Option<Signal>) {
    let told = match resized {
        Some(resized) => resized.recv().await,
        None => None,
    };
    if told.is_none() {
        std::future::pending().await
    }
}

/// Returns the next key. Without a terminal this future never completes.
async fn key() -> u8 {
    match terminal::key().await {
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
