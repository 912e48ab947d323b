//! The last resort against a guard that hangs or is stopped: a timer of the kernel, which kills the guard when its lease has
//! expired.

use std::time::Duration;

#[cfg(target_os = "linux")]
use super::process::boot_time;

/// The time that a guard has to end its job itself when its lease has expired. Then the kernel kills the guard.
pub const LAST_RESORT: Duration = Duration::from_secs(1);

/// A timer with which the kernel kills this process, even if it is stopped.
#[derive(Debug)]
pub struct LastResort {
    #[cfg(target_os = "linux")]
    timer: nix::Result<nix::sys::timer::Timer>,
    #[cfg(target_os = "linux")]
    is_set: bool,
}

#[cfg(target_os = "linux")]
impl LastResort {
    /// Creates a timer that is not armed yet.
    pub fn new() -> LastResort {
        use nix::sys::signal::{SigEvent, SigevNotify, Signal};
        let kill = SigEvent::new(SigevNotify::SigevSignal { signal: Signal::SIGKILL, si_value: 0 });
        let timer = nix::sys::timer::Timer::new(nix::time::ClockId::CLOCK_BOOTTIME, kill);
        LastResort { timer, is_set: false }
    }

    /// Returns why there is no timer; `None` if there is one.
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
    /// Creates one that does nothing, because this system has no such timers.
    pub fn new() -> LastResort {
        LastResort {}
    }
    /// Returns why there is no timer.
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
