//! Runs the commands that notify of a job's health: a few at a time, beside the jobs.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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

/// How many commands run at once. If something goes wrong for all jobs, each of them may have a command to run.
const AT_ONCE: usize = 4;
/// How long commands have to end after pgkit was told to stop.
const GOODBYE: Duration = Duration::from_secs(3);

/// A running command. It results in the command's number and, if it failed, the reason.
type Running = Pin<Box<dyn Future<Output = (u64, Option<String>)>>>;

/// The commands that run or wait.
#[derive(Default)]
pub(super) struct Hooks {
    running: FuturesUnordered<Running>,
    /// The job of each command that has not ended, and the key that names the command, by the command's number.
    whose: BTreeMap<u64, (Rc<Job>, String)>,
    waiting: VecDeque<(u64, Hook, Setup)>,
    last: u64,
    /// The guards that run them.
    guards: Rc<RefCell<BTreeSet<i32>>>,
}

impl Hooks {
    /// Runs a command as soon as possible.
    pub(super) fn push(&mut self, job: Rc<Job>, hook: Hook, setup: &Setup) {
        self.last += 1;
        self.whose.insert(self.last, (job, hook.key.clone()));
        self.waiting.push_back((self.last, hook, setup.clone()));
        self.start(AT_ONCE);
    }

    /// Returns whether no command runs or waits.
    pub(super) fn is_empty(&self) -> bool {
        self.whose.is_empty()
    }

    /// Starts waiting commands until this many are running.
    fn start(&mut self, most: usize) {
        while self.running.len() < most
            && let Some((number, hook, setup)) = self.waiting.pop_front()
        {
            let guards = self.guards.clone();
            self.running.push(Box::pin(async move {
                let limit = hook.timeout + 2 * HANGS;
                let why = match tokio::time::timeout(limit, run(&hook, &setup, &guards)).await {
                    Ok(Ok(why)) => why,
                    Ok(Err(e)) => Some(format!("{}: {}", hook.key, e.one_line())),
                    Err(_) => Some(format!("{}: the command does not end", hook.key)),
                };
                (number, why)
            }));
        }
    }

    /// Returns the pids of the guards that run commands.
    pub(super) fn guards(&self) -> BTreeSet<i32> {
        self.guards.borrow().clone()
    }

    /// Waits until a command ends, and warns if it has failed. Does not return if none runs. The future may be dropped
    /// before it completes.
    pub(super) async fn ended(&mut self, tell: ProgressSink<'_>) {
        let Some((number, why)) = self.running.next().await else { return std::future::pending().await };
        self.start(AT_ONCE);
        if let (Some((job, _)), Some(text)) = (self.whose.remove(&number), why) {
            tell(Progress::Event(&job, &Event::Warning { text }));
        }
    }

    /// Waits until all commands have ended. Once pgkit was told to stop, those that wait start too, and all that have not
    /// ended some seconds later are killed.
    pub(super) async fn finish(&mut self, stopped: impl Future<Output = ()>, tell: ProgressSink<'_>) {
        let mut stopped = std::pin::pin!(stopped);
        let mut give_up: Option<tokio::time::Instant> = None;
        while !self.running.is_empty() {
            tokio::select! {
                () = self.ended(tell) => {}
                () = &mut stopped, if give_up.is_none() => {
                    give_up = Some(tokio::time::Instant::now() + GOODBYE);
                    self.start(usize::MAX);
                }
                () = tokio::time::sleep_until(give_up.unwrap_or_else(tokio::time::Instant::now)), if give_up.is_some() => {
                    for (job, key) in self.whose.values() {
                        let text = format!("{key}: the command was killed, because pgkit was told to stop");
                        tell(Progress::Event(job, &Event::Warning { text }));
                    }
                    *self = Hooks::default();
                }
            }
        }
    }
}

/// Runs a command in a guard of its own. Returns the reason if it failed.
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
