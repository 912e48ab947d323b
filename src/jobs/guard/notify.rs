//! Notifying people of a job's health. A command runs in a guard of its own, so that it keeps no job waiting.

use jiff::Timestamp;

use super::record;
use super::work::Guard;
use crate::jobs::claim::Claim;
use crate::jobs::job::{Job, Notification};
use crate::jobs::process::{self, Ending, HANGS, Program};
use crate::jobs::session::named;
use crate::jobs::talk::{Event, Failure, Hook, Order};
use crate::jobs::tell::{self, News};

impl Guard<'_> {
    /// Notifies of a success, if the job had failed before.
    pub(super) async fn succeeded(&mut self, job: &Job, claim: &Claim, date: Timestamp) {
        if claim.counts {
            self.tell(job, claim.failed_before, date, None, claim.errors_before).await;
        }
    }

    pub(super) async fn failed(&mut self, job: &Job, claim: &Claim, date: Timestamp, failure: &Failure) {
        if claim.counts {
            self.tell(job, claim.failed_before, date, Some(failure), claim.errors_before + 1).await;
        }
    }

    /// Sends the notification for a job that is now held until a person decides.
    pub(super) async fn held(
        &mut self,
        job: &Job,
        failed_before: bool,
        date: Timestamp,
        errors: i64,
        why: &str,
    ) {
        let failure =
            Failure { kind: "interrupted".into(), message: why.to_owned(), traceback: String::new() };
        self.tell(job, failed_before, date, Some(&failure), errors).await;
    }

    /// Notifies the job's command or channel if the job's health has changed.
    async fn tell(
        &mut self,
        job: &Job,
        failed_before: bool,
        date: Timestamp,
        failure: Option<&Failure>,
        count: i64,
    ) {
        let (on_failure, on_recovery) = (job.on_failure.as_ref(), job.on_recovery.as_ref());
        let whom = tell::whom(on_failure, on_recovery, failed_before, failure.is_some());
        let news = News { job: &job.name, date, failure, error_count: count, alarm: None };
        match whom {
            None => {}
            Some(Notification::Program { words, timeout }) => {
                let mut environment = self.setup.inherited(job);
                environment.extend(news.environment());
                let key = if failure.is_some() { "on_failure" } else { "on_recovery" };
                let hook = Hook {
                    key: key.to_owned(),
                    words: words.clone(),
                    environment,
                    timeout: *timeout,
                    contain: job.contain,
                };
                if self.alone {
                    // There is no runner left that could run it.
                    drop(self.hook(&hook).await);
                } else {
                    self.say(Event::Hook { hook });
                }
            }
            Some(Notification::Channel(channel)) => {
                let payload = self.text(&news.payload());
                let statements = [named("notify", vec![Some(channel), Some(&payload)]).with_said(&[1])];
                if let Err(e) = self.record(&statements, record::PATIENCE).await {
                    self.warn(format!("could not notify channel {channel:?}: {}", e.one_line()));
                }
            }
        }
    }

    /// Runs a command until it ends. Kills it if it reaches its time limit, or if the runner ends first. Returns the
    /// reason if the command failed.
    pub(super) async fn hook(&mut self, hook: &Hook) -> Option<String> {
        let namespace = match self.container(hook.contain) {
            Ok(namespace) => namespace,
            Err(why) => return Some(format!("the command cannot be contained here: {why}")),
        };
        let program = Program {
            words: hook.words.clone(),
            environment: hook.environment.clone(),
            directory: self.setup.folder.clone(),
            user: self.setup.user.clone(),
            namespace,
        };
        let mut running = match program.start() {
            Ok(running) => running,
            Err(e) => return Some(e.one_line()),
        };
        let tree = running.tree();
        let mut time = std::pin::pin!(tokio::time::sleep(hook.timeout));
        let killed = loop {
            tokio::select! {
                ended = running.end() => break match ended {
                    Ok(Ending::Ended { status, .. }) => process::failure(status).map(|how| {
                        let line = running.errors.last_line().map(|line| format!(": {line}")).unwrap_or_default();
                        format!("the command failed: {how}{line}")
                    }),
                    Ok(Ending::Cut) => Some("the command was killed".to_owned()),
                    Err(e) => Some(e.one_line()),
                },
                () = &mut time => {
                    tree.kill();
                    let _ = tokio::time::timeout(HANGS, running.end()).await;
                    break Some(format!("the command took longer than {:?} and was killed", hook.timeout));
                }
                order = self.master.order::<Order>(), if !self.alone => match order {
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => {
                        tree.kill();
                        self.alone = true;
                        break None;
                    }
                },
            }
        };
        if let Err(e) = process::sweep(HANGS).await {
            self.warn(e.message);
        }
        killed
    }
}
