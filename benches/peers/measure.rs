//! One run of a program, measured as a whole: wall time, CPU, peak memory, and how much it printed.
//!
//! The kernel tells a process what all its children used together, and lets the peak memory of a child begin at
//! its parent's. So each run has a parent of its own: this benchmark again, as a small helper that starts one
//! program and drains its output.

use std::ffi::OsString;
use std::io::{Error, ErrorKind, Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// The first argument of the helper. The highest exit status that is no failure, the program and its arguments follow.
pub const HELPER: &str = "--measure-one";

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub wall_ms: f64,
    /// User and system, of the program alone.
    pub cpu_ms: f64,
    pub peak_mb: f64,
    pub lines: u64,
}

/// What the helper does. Its answer is one line on stdout.
pub fn helper(args: &[OsString]) -> ExitCode {
    let accepts = args[0].to_string_lossy().parse().unwrap();
    let answer = measure(Command::new(&args[1]).args(&args[2..]), accepts);
    match answer.and_then(|line| std::io::stdout().write_all(line.as_bytes())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "{e}");
            ExitCode::FAILURE
        }
    }
}

fn measure(command: &mut Command, accepts: i32) -> std::io::Result<String> {
    let mut buffer = vec![0; 1 << 16];
    let mut lines = 0;
    let start = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    if let Some(out) = &mut child.stdout {
        loop {
            match out.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => lines += buffer[..n].iter().filter(|b| **b == b'\n').count(),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
    let status = child.wait()?;
    let wall_ms = start.elapsed().as_secs_f64() * 1000.0;
    if status.code().is_none_or(|code| code > accepts) {
        return Err(Error::other(status.to_string()));
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let ms = |time: TimeVal| time.tv_sec() as f64 * 1000.0 + time.tv_usec() as f64 / 1000.0;
    let cpu_ms = ms(usage.user_time()) + ms(usage.system_time());
    // Linux counts in kB.
    let peak_mb = usage.max_rss() as f64 / 1024.0;
    Ok(format!("{wall_ms} {cpu_ms} {peak_mb} {lines}\n"))
}

/// Runs a command once, with only the variables that it sets. Panics if it fails.
pub fn run(command: &Command) -> Sample {
    try_run(command, 0).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Runs a command once, with only the variables that it sets.
///
/// Errors: its exit status is above `accepts`; the message ends with what it printed on stderr.
pub fn try_run(command: &Command, accepts: i32) -> Result<Sample, String> {
    let mut helper = like(command, std::env::current_exe().unwrap());
    helper.arg(HELPER).arg(accepts.to_string()).arg(command.get_program()).args(command.get_args());
    let output = helper.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = said.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    match numbers[..] {
        [wall_ms, cpu_ms, peak_mb, lines] => Ok(Sample { wall_ms, cpu_ms, peak_mb, lines: lines as u64 }),
        _ => Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// A program with the environment of another command.
pub fn like(command: &Command, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut other = Command::new(program);
    other.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    other
}
