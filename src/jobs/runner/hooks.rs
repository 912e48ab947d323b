//! The commands that tell people of a job's health, as a runner sees them: a few at once, beside the jobs.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::error::Result;
use crate::helper::{HelperHandle, Kind};
use crate::jobs::job::Job;
use crate::jobs::process::HANGS;
use crate::jobs::talk::{Event, Hook, Order, Progress, ProgressSink, Setup};

/// How many commands run at once. After a fault that concerns all jobs, each of them may have one.
const AT_ONCE: usize = 4;
/// How long commands may go on after pgkit was told to stop.
const GOODBYE: Duration = Duration::from_secs(3);

/// A command that runs: its job, and in the end why it failed.
type Running = Pin<Box<dyn Future<Output = (Rc<Job>, Option<String>)>>>;

/// The commands that run or wait.
#[derive(Default)]
pub(super) struct Hooks {
    running: FuturesUnordered<Running>,
    waiting: VecDeque<(Rc<Job>, Hook, Setup)>,
    /// The guards that run them.
    guards: Rc<RefCell<BTreeSet<i32>>>,
}

impl Hooks {
    /// Runs a command as soon as possible.
    pub(super) fn push(&mut self, job: Rc<Job>, hook: Hook, setup: &Setup) {
        self.waiting.push_back((job, hook, setup.clone()));
        self.start();
    }

    fn start(&mut self) {
        while self.running.len() < AT_ONCE
            && let Some((job, hook, setup)) = self.waiting.pop_front()
        {
            let guards = self.guards.clone();
            self.running.push(Box::pin(async move {
                let limit = hook.timeout + 2 * HANGS;
                let why = match tokio::time::timeout(limit, run(&hook, &setup, &guards)).await {
                    Ok(Ok(why)) => why,
                    Ok(Err(e)) => Some(format!("{}: {}", hook.key, e.one_line())),
                    Err(_) => Some(format!("{}: the command does not end", hook.key)),
                };
                (job, why)
            }));
        }
    }

    /// Returns the pids of the guards that run commands.
    pub(super) fn guards(&self) -> BTreeSet<i32> {
        self.guards.borrow().clone()
    }

    /// Waits until a command ends, and returns its job and why it failed. Does not return if none runs. The future
    /// may be dropped before it completes.
    pub(super) async fn ended(&mut self) -> (Rc<Job>, Option<String>) {
        match self.running.next().await {
            Some(ended) => {
                self.start();
                ended
            }
            None => std::future::pending().await,
        }
    }

    /// Waits until all commands have ended, but for a few seconds only once pgkit was told to stop. Those that still
    /// run then are killed.
    pub(super) async fn finish(&mut self, stopped: impl Future<Output = ()>, tell: ProgressSink<'_>) {
        let mut give_up = std::pin::pin!(async {
            stopped.await;
            tokio::time::sleep(GOODBYE).await;
        });
        while !self.running.is_empty() {
            tokio::select! {
                (job, why) = self.ended() => warn(&job, why, tell),
                () = &mut give_up => {
                    let left = self.running.len() + self.waiting.len();
                    let what = match left {
                        1 => "a command that notifies of a job's health".to_owned(),
                        n => format!("{n} commands that notify of a job's health"),
                    };
                    tell(Progress::Warning(format!("killed {what}, because pgkit was told to stop")));
                    *self = Hooks::default();
                }
            }
        }
    }
}

/// Warns that a command has failed.
pub(super) fn warn(job: &Job, why: Option<String>, tell: ProgressSink<'_>) {
    if let Some(text) = why {
        tell(Progress::Event(job, &Event::Warning { text }));
    }
}

/// Runs a command in a guard of its own. Returns why it failed.
async fn run(hook: &Hook, setup: &Setup, guards: &RefCell<BTreeSet<i32>>) -> Result<Option<String>> {
    let mut guard = HelperHandle::start(Kind::Guard)?;
    let pid = guard.pid().cast_signed();
    guards.borrow_mut().insert(pid);
    guard.order(setup).await?;
    guard.order(&Order::Hook(hook.clone())).await?;
    let mut failure = None;
    loop {
        match guard.next::<Event>().await? {
            Some(Event::Warning { text }) => failure = Some(text),
            Some(Event::Done { .. }) => break,
            Some(_) => {}
            None => {
                failure.get_or_insert_with(|| format!("{}: its guard was killed", hook.key));
                break;
            }
        }
    }
    guard.finish(HANGS).await;
    guards.borrow_mut().remove(&pid);
    Ok(failure)
}
