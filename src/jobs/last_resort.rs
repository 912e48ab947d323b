//! The last resort against a guard that hangs or is stopped: the kernel kills it some time after its lease has expired.

use std::time::Duration;

#[cfg(target_os = "linux")]
use super::process::boot_time;

/// How long after the lease has expired the kernel kills a guard that has not ended the job itself.
pub const LAST_RESORT: Duration = Duration::from_secs(1);

/// Makes the kernel kill this process, even if it is stopped, when a lease has expired and the process has not
/// ended the job.
#[derive(Debug)]
pub struct LastResort {
    #[cfg(target_os = "linux")]
    timer: nix::Result<nix::sys::timer::Timer>,
    #[cfg(target_os = "linux")]
    is_set: bool,
}

#[cfg(target_os = "linux")]
impl LastResort {
    /// Creates one that is not armed yet.
    pub fn new() -> LastResort {
        use nix::sys::signal::{SigEvent, SigevNotify, Signal};
        let kill = SigEvent::new(SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 });
        let timer = nix::sys::timer::Timer::new(nix::time::ClockId::CLOCK_BOOTTIME, kill);
        LastResort { timer, is_set: false }
    }

    /// Returns why the kernel would not kill this process; `None` if it would.
    pub fn missing(&self) -> Option<String> {
        let why = self.timer.as_ref().err()?.desc();
        Some(format!("the kernel allows no timer that ends a stopped guard: {why}"))
    }

    /// Arms it for a program that may run under this lease. `heard` is when the server was last heard, on
    /// [`boot_time`]'s clock.
    pub fn watch(&mut self, lease: Duration, heard: Duration) {
        let left = (heard + lease + LAST_RESORT).saturating_sub(boot_time());
        // A time of zero would disarm the timer.
        self.set(left.max(Duration::from_millis(1)));
    }

    /// Disarms it: no program runs.
    pub fn rest(&mut self) {
        if self.is_set {
            self.set(Duration::ZERO);
        }
    }

    /// Arms it for this time from now.
    pub fn set(&mut self, time: Duration) {
        use nix::sys::timer::{Expiration, TimerSetTimeFlags};
        self.is_set = !time.is_zero();
        if let Ok(timer) = &mut self.timer {
            let _ = timer.set(Expiration::OneShot(time.into()), TimerSetTimeFlags::empty());
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl LastResort {
    /// Creates one that does nothing, since this system has no such timer.
    pub fn new() -> LastResort {
        LastResort {}
    }
    /// Returns why the kernel would not kill this process.
    pub fn missing(&self) -> Option<String> {
        Some("this system has no timer that ends a stopped guard".to_owned())
    }
    /// See above.
    pub fn watch(&mut self, _: Duration, _: Duration) {}
    /// See above.
    pub fn rest(&mut self) {}
    /// See above.
    pub fn set(&mut self, _: Duration) {}
}

impl Default for LastResort {
    fn default() -> LastResort {
        LastResort::new()
    }
}
