//! Reports the state of `jobs run --every` to the service manager: ready, status, sign of life, stopping.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use crate::commands::context::Context;
use crate::error::Result;
use crate::escape;
use crate::jobs::output::cut;
use crate::jobs::runner::{Sign, Signs};
use crate::output::supervisor::Supervisor;

/// How often the status is updated.
const SECOND: Duration = Duration::from_secs(1);
/// The shortest time between two signs of life, whatever the service manager wants.
const SHORTEST: Duration = Duration::from_millis(10);
/// The maximum length of a status, in bytes.
const LONGEST: usize = 1000;

/// Returns the receiver of the runner's signs of life, which passes them on to the service manager. Without a service
/// manager, it receives none.
///
/// Errors: the service manager cannot be reached (65).
pub(super) fn signs(context: &Context) -> Result<Signs> {
    let Some(manager) = Supervisor::find(|name| context.env.var(name))? else { return Ok(Signs::default()) };
    let told = Told::new(manager);
    Ok(Signs::new(told.period, move |sign| told.take(sign)))
}

/// What has been reported to the service manager so far.
struct Told {
    manager: Supervisor,
    /// How often the runner gives a sign.
    period: Duration,
    /// When the last sign of life was sent; `None` if none was sent yet.
    alive: Cell<Option<Instant>>,
    /// When a sign of a runner that hands out jobs was last processed.
    seen: Cell<Option<Instant>>,
    status: RefCell<String>,
    is_ready: Cell<bool>,
    is_stopping: Cell<bool>,
}

impl Told {
    fn new(manager: Supervisor) -> Told {
        // A sign of life is sent at the first sign of the runner after a quarter of the watchdog's time, so that one is
        // sent at least once in half of that time.
        let period = manager.watchdog.map_or(SECOND, |time| (time / 4).clamp(SHORTEST, SECOND));
        Told {
            manager,
            period,
            alive: Cell::new(None),
            seen: Cell::new(None),
            status: RefCell::new(String::new()),
            is_ready: Cell::new(false),
            is_stopping: Cell::new(false),
        }
    }

    /// Processes a sign of the runner, and sends what has changed.
    fn take(&self, sign: Sign<'_>) {
        let now = Instant::now();
        let is_younger = |at: &Cell<Option<Instant>>, time: Duration| {
            at.get().is_some_and(|at| now.saturating_duration_since(at) < time)
        };
        if let (Sign::Serving { .. }, true) = (sign, self.is_ready.get()) {
            // With short jobs, the runner gives thousands of signs a second.
            if is_younger(&self.seen, self.period / 2) {
                return;
            }
            self.seen.set(Some(now));
        }
        let (ready, stopping) = (matches!(sign, Sign::Serving { .. }), matches!(sign, Sign::Stopping));
        let mut lines = Vec::new();
        if ready && !self.is_ready.get() {
            lines.push("READY=1".to_owned());
        }
        if stopping && !self.is_stopping.get() {
            lines.push("STOPPING=1".to_owned());
        }
        // If the start is given up, the last status stays: it says what the start was waiting for.
        let is_news = !stopping || self.is_ready.get();
        let status = words(sign).filter(|text| is_news && *text != *self.status.borrow());
        lines.extend(status.iter().map(|text| format!("STATUS={text}")));
        let is_due = self.manager.watchdog.is_some_and(|time| !is_younger(&self.alive, time / 4));
        if is_due {
            lines.push("WATCHDOG=1".to_owned());
        }
        // If the message is not accepted, it is sent again with the next sign.
        if lines.is_empty() || !self.manager.send(&lines) {
            return;
        }
        self.is_ready.set(self.is_ready.get() || ready);
        self.is_stopping.set(self.is_stopping.get() || stopping);
        if is_due {
            self.alive.set(Some(now));
        }
        if let Some(text) = status {
            self.status.replace(text);
        }
    }
}

/// Returns the status line for a sign; `None` for a sign that does not change the status.
fn words(sign: Sign<'_>) -> Option<String> {
    let text = match sign {
        Sign::Alive => return None,
        Sign::Waiting(why) => format!("waiting for the server: {why}"),
        Sign::Stopping => "stopping: the jobs that run are being ended".to_owned(),
        Sign::Serving { jobs, running, waiting, next } => {
            let jobs = if jobs == 1 { "1 job".to_owned() } else { format!("{jobs} jobs") };
            let waiting = if waiting > 0 { format!(", {waiting} waiting") } else { String::new() };
            let next = match next {
                Some((name, at)) => format!("next: {name} at {at}"),
                None => "no next run".to_owned(),
            };
            format!("{jobs}: {running} running{waiting}; {next}")
        }
    };
    Some(cut(&escape::terminal(&text), LONGEST))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_status_is_one_line_that_says_what_runs_and_what_is_next() {
        let serving =
            |jobs, running, waiting, next| words(Sign::Serving { jobs, running, waiting, next }).unwrap();
        let next = Some(("a\nREADY=1", Timestamp::UNIX_EPOCH));
        assert_eq!(serving(1, 0, 0, None), "1 job: 0 running; no next run");
        assert_eq!(
            serving(5, 1, 2, next),
            "5 jobs: 1 running, 2 waiting; next: a\\nREADY=1 at 1970-01-01T00:00:00Z"
        );
        assert_eq!(words(Sign::Waiting("it is away")).unwrap(), "waiting for the server: it is away");
        assert_eq!(words(Sign::Alive), None);
    }
}
