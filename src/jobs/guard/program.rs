//! Jobs that are programs: starting them, watching over them, and ending them.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::ended::{Cause, Done, Ended, Interruption};
use super::record::traceback;
use super::work::{Guard, SHORT, at, beat, connect};
use crate::jobs::claim::Claim;
use crate::jobs::job::{Job, Work};
use crate::jobs::lease::{LeaseRenewer, Loss};
use crate::jobs::live_output::LiveOutput;
use crate::jobs::process::{self, Ending, MARK, Process, Program, boot_time};
use crate::jobs::session::Session;
use crate::jobs::talk::{Event, Failure, Order};

/// How long to wait before processes that do not end are killed again.
const KILL_AGAIN: Duration = Duration::from_millis(500);
/// How long a process tree is swept before the runner is told that it is taking longer.
pub(super) const SLICE: Duration = Duration::from_secs(1);

impl From<Loss> for Cause {
    fn from(loss: Loss) -> Cause {
        match loss {
            Loss::Expired => Cause::Lease,
            Loss::Stolen => Cause::Stolen,
        }
    }
}

impl Guard<'_> {
    /// Starts a job's program for a date.
    pub(super) fn program(&mut self, job: &Job, claim: &Claim, date: Timestamp) -> Result<Process, Failure> {
        let Work::Program { words, environment, directory } = &job.work else {
            return Err(not_started("it is no program".to_owned()));
        };
        let date_text = date.to_string();
        let mut all = self.setup.inherited(job);
        all.extend(environment.clone());
        for (name, value) in [
            ("PGKIT_JOB", job.name.clone()),
            ("PGKIT_RUN_DATE", date_text.clone()),
            ("PGKIT_ATTEMPT", claim.attempt.to_string()),
            ("PGKIT_BACKFILL", if job.backfill { "1" } else { "0" }.to_owned()),
            (MARK, claim.mark.clone()),
            ("PGAPPNAME", format!("{} attempt {}", job.name, claim.attempt)),
        ] {
            all.insert(name.to_owned(), value);
        }
        let folder = &self.setup.folder;
        let mut program = Program {
            words: words.iter().map(|word| word.replace("{date}", &date_text)).collect(),
            environment: all,
            directory: directory.as_ref().map_or_else(|| folder.clone(), |own| folder.join(own)),
            user: self.setup.user.clone(),
            namespace: self.container(job.contain).map_err(not_started)?,
        };
        let mut started = program.start();
        if started.is_err() && program.namespace.as_ref().is_some_and(|namespace| namespace.is_gone()) {
            // It came to its end just now.
            program.namespace = self.container(job.contain).map_err(not_started)?;
            started = program.start();
        }
        started.map_err(|e| not_started(e.one_line()))
    }

    /// Waits until a program ends, or ends it if its time is over, its lease is lost, or it was told to stop.
    pub(super) async fn watch(
        &mut self,
        job: &Job,
        claim: &Claim,
        mut running: Process,
        begun: Instant,
    ) -> Ended {
        let Guard { master, setup, session, resort, alone, stopping, shown, .. } = self;
        let heard = session.as_ref().map_or_else(boot_time, Session::heard);
        let mut renewer = LeaseRenewer::new(job, claim, &setup.schema, session, resort, heard);
        let tree = running.tree();
        renewer.tree = Some(tree.clone());
        renewer.live_output = Some(LiveOutput::new(running.output.clone(), &setup.schema));
        let warn = |text| crate::helper::tell(&Event::Warning { text });
        let setup = setup.clone();
        let mut keep = Box::pin(renewer.keep(async || connect(&setup).await, beat, warn));
        let mut is_kept = true;
        let mut cause = None;
        let mut short = Box::pin(tokio::time::sleep(SHORT));
        let mut is_shown = false;
        // When to act next: at its timeout, then to send KILL, then to send KILL again.
        let mut until = job.timeout.map(|timeout| begun + timeout);
        let ending = loop {
            let new = tokio::select! {
                ending = running.end() => break ending,
                loss = &mut keep, if is_kept => {
                    is_kept = false;
                    Some(loss.into())
                }
                order = master.order::<Order>(), if !*alone => match order {
                    Ok(Some(Order::Stop)) => Some(Cause::Stop),
                    Ok(Some(_)) => continue,
                    Ok(None) | Err(_) => Some(Cause::Alone),
                },
                () = at(until) => None,
                () = &mut short, if !is_shown => {
                    is_shown = true;
                    beat();
                    continue;
                }
            };
            *alone |= new == Some(Cause::Alone);
            *stopping |= new == Some(Cause::Stop);
            match (cause, new.unwrap_or(Cause::Timeout)) {
                (None, soft @ (Cause::Timeout | Cause::Stop)) => {
                    tree.terminate();
                    cause = Some(soft);
                    until = Some(Instant::now() + job.kill_after);
                }
                // The program is already being ended.
                (Some(_), Cause::Stop) => {}
                (was, hard) => {
                    // TERM was not enough; or the job may no longer be ours, and there is no time for TERM.
                    tree.kill();
                    cause = if hard == Cause::Timeout { was } else { Some(hard) };
                    until = Some(Instant::now() + KILL_AGAIN);
                }
            }
        };
        let took = begun.elapsed();
        let mut has_left = matches!(ending, Ok(Ending::Ended { has_left: true, .. }));
        // The lease is kept as long as a process of the job is alive, unless the runner says stop or is gone.
        let mut is_told = false;
        let begun = Instant::now();
        let is_left = loop {
            tokio::select! {
                swept = process::sweep(SLICE) => match swept {
                    Ok(has_killed) => {
                        has_left |= has_killed && !tree.is_contained();
                        break false;
                    }
                    // The lease is lost, so there is nothing left to keep.
                    Err(_) if !is_kept && begun.elapsed() > process::HANGS => break false,
                    Err(e) => {
                        beat();
                        if !std::mem::replace(&mut is_told, true) {
                            let text = format!("{}: the job is ongoing until they have ended", e.message);
                            crate::helper::tell(&Event::Warning { text });
                        }
                    }
                },
                // How the program ended is known even if the lease is lost now; the record is refused if the claim
                // is gone.
                _ = &mut keep, if is_kept => is_kept = false,
                order = master.order::<Order>(), if !*alone => match order {
                    Ok(Some(Order::Stop)) => *stopping = true,
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => *alone = true,
                },
            }
            if is_told && (*stopping || *alone) {
                break true;
            }
        };
        drop(keep);
        if renewer.live_output.is_some_and(|live| live.was_watched) {
            shown.push(claim.run);
        }
        if has_left && cause.is_none() {
            self.warn("it ended before processes that it had started, which were killed".to_owned());
        }
        let output = std::mem::take(&mut *running.output.borrow_mut());
        let status = match ending {
            Ok(Ending::Ended { status, .. }) => Some(status),
            Ok(Ending::Cut) => {
                cause = cause.or(Some(Cause::Cut));
                None
            }
            Err(e) => {
                self.warn(e.one_line());
                None
            }
        };
        let how = status.map_or(Some("an unknown end".to_owned()), process::failure);
        let message = running.errors.last_line().or_else(|| output.last_line());
        let failure = |kind: String, message: String| Failure {
            traceback: traceback(&output, &message),
            kind,
            message,
        };
        let failed = |failure| Ended::Ran(Done { failure: Some(failure), ..Done::nothing(took) });
        let interrupted = |why| Ended::Interruption(why, Done::nothing(took));
        let ended = match (cause, how) {
            _ if is_left => {
                let why = "could not kill the processes that it started, which are still running";
                Ended::Left(Done::nothing(took), why.to_owned())
            }
            (None | Some(Cause::Stop), None) => Ended::Ran(Done::nothing(took)),
            (None, Some(how)) => {
                let message = message.unwrap_or_else(|| "it printed nothing".to_owned());
                failed(failure(how, message))
            }
            (Some(Cause::Timeout), _) => failed(failure("timeout".into(), timeout(job))),
            (Some(Cause::Stop), Some(how)) => {
                interrupted(Interruption::stop(format!("it was told to stop ({how})")))
            }
            (Some(Cause::Alone), _) => interrupted(Interruption::crash("its runner is gone")),
            (Some(Cause::Lease), _) => interrupted(Interruption::crash(unheard(job))),
            (Some(Cause::Cut), _) => {
                interrupted(Interruption::crash("the process that contained it was killed"))
            }
            (Some(Cause::Stolen), _) => Ended::Stolen(Done::nothing(took)),
        };
        ended.with_output(output)
    }
}

fn not_started(message: String) -> Failure {
    Failure { kind: "could not start".into(), traceback: message.clone(), message }
}

/// Returns the reason for a job whose lease was lost.
pub(super) fn unheard(job: &Job) -> String {
    format!("the server was not heard for {:?}", job.lease)
}

/// Returns the message for a job that took too long.
pub(super) fn timeout(job: &Job) -> String {
    format!("it took longer than its timeout of {:?}", job.timeout.unwrap_or_default())
}
