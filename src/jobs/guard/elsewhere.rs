//! Jobs whose SQL runs in another database of the server. It cannot be one transaction with its record there, so it
//! runs at least once per date, as a program does.
//!
//! The guard's own session holds the job's lock and keeps its lease. The SQL runs in a second session, which holds a
//! lock of its own from before the SQL begins until it has ended. pg_locks shows that lock in every database. A process
//! that takes over a claim looks for it, so no other attempt begins while this SQL may still be running, even if the
//! guard is gone and the lease has expired. For that to hold, the second session takes its lock first, and the guard
//! checks after that that the claim is still its own.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::ended::{Cause, Done, Ended, Interruption};
use super::record::PATIENCE;
use super::statement::{CANCELLED, ended_by, hearer, refusal, wrong};
use super::work::{Guard, SHORT, at, beat, connect, echo};
use crate::connect::Canceler;
use crate::error::{Error, Exit, Result};
use crate::jobs::claim::{Claim, running_sql};
use crate::jobs::job::Job;
use crate::jobs::lease::{LeaseRenewer, Loss};
use crate::jobs::live_output::LiveOutput;
use crate::jobs::output::Captured;
use crate::jobs::process::boot_time;
use crate::jobs::session::{JobText, Session, named, plain};
use crate::jobs::store::elsewhere_key;
use crate::jobs::talk::{Event, Failure, Order};
use crate::session::Response;
use crate::sql;

/// How often to check whether a lock is free.
const AGAIN: Duration = Duration::from_millis(100);
/// How long to wait for SQL that does not end, after the runner has told the guard to stop or is gone.
const SLICE: Duration = Duration::from_secs(3);

/// SQL for another database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elsewhere<'a> {
    /// The database.
    pub(super) database: &'a str,
    /// The SQL.
    pub(super) text: &'a str,
    /// Whether it is one transaction.
    pub(super) transaction: bool,
}

/// The end of SQL in another database.
struct There {
    /// The server's answer to it.
    answer: Response,
    /// Whether the session's lock is known to be free again.
    is_free: bool,
}

impl Guard<'_> {
    /// Runs SQL in another database for a date.
    pub(super) async fn elsewhere(
        &mut self,
        job: &Job,
        claim: &Claim,
        there: Elsewhere<'_>,
        date: Timestamp,
    ) -> Ended {
        let begun = Instant::now();
        let nothing = || Done::nothing(begun.elapsed());
        let failed = |failure| Ended::Ran(Done { failure: Some(failure), ..nothing() });
        let until = job.timeout.map(|timeout| begun + timeout);
        let part = elsewhere_key(&self.setup.schema, &job.name).to_string();
        let key = match self.session.as_mut() {
            Some(session) => session.one(named("elsewhere_key", vec![Some(&part)])).await.ok().flatten(),
            None => None,
        };
        let Some(key) = key else {
            self.session = None;
            return Ended::Interruption(Interruption::crash("its session is lost").unbegun(), nothing());
        };
        let mut target = self.setup.target.with_database(there.database);
        target.application_name = Some(format!("{} attempt {}", job.name, claim.attempt));
        let opening = opened(&target, &key, self.setup.echo);
        let (mut session, pid) = match self.kept(job, claim, until, opening, None, None).await {
            (Some(Ok(opened)), _) => opened,
            (Some(Err(e)), _) => return unopened(&e, there.database, nothing()),
            (None, cause) => return unbegun(ended_by(cause.unwrap_or(Cause::Alone), job, begun.elapsed())),
        };
        // From here on, a process that wants to take over the claim sees the lock of the second session.
        match self.still_ours_and_seen(job, claim, &part, &pid).await {
            Ok(true) => {}
            Ok(false) => {
                return failed(Failure {
                    kind: "connection".into(),
                    message: format!("database {:?} was reached on another server", there.database),
                    traceback: "several hosts are named: name the one with the jobs' tables".into(),
                });
            }
            Err(loss) => return unbegun(ended_by(loss.into(), job, begun.elapsed())),
        }
        let heard = Rc::new(RefCell::new(Captured::default()));
        session.hear(Some(hearer(&heard)));
        let canceler = session.canceler();
        let zone = job.timezone.iana_name().unwrap_or("UTC").to_owned();
        let date = Some(date.to_string()).filter(|_| !sql::scan(there.text).placeholders.is_empty());
        let text = JobText {
            zone: &zone,
            role: job.role.as_deref(),
            transaction: there.transaction,
            sql: there.text,
            date: date.as_deref(),
        };
        let (answer, cause) = {
            let work = ran(&mut session, &text);
            self.kept(job, claim, until, work, Some(&canceler), Some(heard.clone())).await
        };
        let took = begun.elapsed();
        session.hear(None);
        let captured = std::mem::take(&mut *heard.borrow_mut());
        if matches!(&answer, Some(Ok(There { is_free: true, .. }))) {
            session.close().await;
        } else {
            // Dropping the session ends whatever it is in the middle of, as soon as the server notices.
            drop(session);
            if let Err(why) = self.gone(job, there.database, &part, &canceler).await {
                return Ended::Left(Done::nothing(took), why).with_output(captured);
            }
        }
        let failed = |failure| Ended::Ran(Done { failure: Some(failure), ..Done::nothing(took) });
        let ended = match (answer, cause) {
            (Some(Ok(There { answer, .. })), cause) => match (&answer.refused, cause) {
                (Some(e), Some(cause)) if e.sqlstate.as_deref() == Some("57014") => {
                    ended_by(cause, job, took)
                }
                (Some(e), _) => failed(refusal(e, answer.context.as_deref(), &captured, job)),
                (None, _) => Ended::Ran(Done {
                    failure: wrong(there.transaction, answer.status, &captured),
                    ..Done::nothing(took)
                }),
            },
            (Some(Err(e)), None) if e.exit != Exit::Unavailable => failed(refusal(&e, None, &captured, job)),
            (Some(Err(_)) | None, Some(cause)) => ended_by(cause, job, took),
            (Some(Err(_)) | None, None) => {
                let why = format!("the connection to database {:?} was lost while it ran", there.database);
                Ended::Interruption(Interruption::crash(why), Done::nothing(took))
            }
        };
        ended.with_output(captured)
    }

    /// Awaits work while the lease is kept, and shows its output to whoever watches. If the job has to end, cancels the
    /// work's statement, or drops the work if there is nothing to cancel. Returns the result of the work, unless it was
    /// dropped or did not end, and why the job had to end.
    async fn kept<T>(
        &mut self,
        job: &Job,
        claim: &Claim,
        mut until: Option<Instant>,
        work: impl Future<Output = T>,
        canceler: Option<&Canceler>,
        output: Option<Rc<RefCell<Captured>>>,
    ) -> (Option<T>, Option<Cause>) {
        let Guard { master, setup, session, resort, alone, stopping, shown, .. } = self;
        let heard = session.as_ref().map_or_else(boot_time, Session::heard);
        let mut renewer = LeaseRenewer::new(job, claim, &setup.schema, session, resort, heard);
        renewer.live_output = output.map(|output| LiveOutput::new(output, &setup.schema));
        let setup = setup.clone();
        let warn = |text| crate::helper::tell(&Event::Warning { text });
        let mut keep = Box::pin(renewer.keep(async || connect(&setup).await, beat, warn));
        let mut is_kept = true;
        let mut work = std::pin::pin!(work);
        let mut short = Box::pin(tokio::time::sleep(SHORT));
        let mut is_shown = false;
        let mut cause = None;
        let done = loop {
            let new = tokio::select! {
                done = &mut work => break Some(done),
                loss = &mut keep, if is_kept => {
                    is_kept = false;
                    loss.into()
                }
                order = master.order::<Order>(), if !*alone => {
                    let Some(cause) = Cause::heard(order, stopping, alone) else { continue };
                    cause
                }
                () = at(until) => match cause {
                    // The cancel request had no effect.
                    Some(_) => break None,
                    None => Cause::Timeout,
                },
                () = &mut short, if !is_shown => {
                    is_shown = true;
                    beat();
                    continue;
                }
            };
            if cause.is_none() {
                cause = Some(new);
                let Some(canceler) = canceler else { break None };
                let _ = tokio::time::timeout(CANCELLED, canceler.cancel()).await;
                until = Some(Instant::now() + CANCELLED);
            }
        };
        drop(keep);
        if renewer.live_output.is_some_and(|live| live.was_watched) {
            shown.push(claim.run);
        }
        (done, cause)
    }

    /// Checks that the claim is still ours, now that the session with this backend holds its lock. Returns whether the
    /// lock is visible on the server with the tables; if it is not, the session is on another server.
    async fn still_ours_and_seen(
        &mut self,
        job: &Job,
        claim: &Claim,
        part: &str,
        pid: &str,
    ) -> std::result::Result<bool, Loss> {
        let setup = self.setup.clone();
        let mut heard = self.session.as_ref().map_or_else(boot_time, Session::heard);
        loop {
            let mut renewer =
                LeaseRenewer::new(job, claim, &setup.schema, &mut self.session, &mut self.resort, heard);
            renewer.look(&async || connect(&setup).await).await?;
            let Some(session) = self.session.as_mut() else { continue };
            heard = session.heard();
            match running_sql(session, part, Some(pid)).await {
                Ok(seen) => return Ok(seen.is_some()),
                Err(_) => self.session = None,
            }
        }
    }

    /// Waits until no SQL of the job runs in another database any more; only then may the claim be given back. Returns
    /// the reason if that cannot be found out: the server cannot be reached, or the runner does not wait.
    async fn gone(
        &mut self,
        job: &Job,
        database: &str,
        part: &str,
        canceler: &Canceler,
    ) -> std::result::Result<(), String> {
        // The SQL runs on the server, so the kernel need not kill this process at the end of the lease.
        self.resort.rest();
        let mut give_up = Instant::now() + job.lease + PATIENCE;
        let mut slice: Option<Instant> = None;
        let mut is_told = false;
        loop {
            beat();
            let seen = match self.connected().await {
                Ok(session) => running_sql(session, part, None).await,
                Err(e) => Err(e),
            };
            let why = match seen {
                Ok(None) => return Ok(()),
                Ok(Some(running)) => {
                    give_up = Instant::now() + job.lease + PATIENCE;
                    let _ = tokio::time::timeout(CANCELLED, canceler.cancel()).await;
                    let words = running.words();
                    format!("its SQL is still running {words}: the job is ongoing until it has ended")
                }
                Err(e) => {
                    self.session = None;
                    let why = e.one_line();
                    format!("whether its SQL is still running in database {database:?} is not known: {why}")
                }
            };
            self.listen().await;
            if (self.stopping || self.alone)
                && *slice.get_or_insert_with(|| Instant::now() + SLICE) < Instant::now()
                || give_up < Instant::now()
            {
                return Err(why);
            }
            if !std::mem::replace(&mut is_told, true) {
                self.warn(why);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Opens a session for SQL in another database, and takes the lock with this key there. Returns the session and its
/// backend.
///
/// Errors: no connection (69), or it is refused; SQL of an earlier attempt is still running there (69).
async fn opened(target: &crate::connect::Target, key: &str, echoes: bool) -> Result<(Session, String)> {
    let mut session = Session::elsewhere(target, echo(echoes)).await?;
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(pid) = session.one(named("elsewhere_lock", vec![Some(key)])).await? {
            return Ok((session, pid));
        }
        if give_up < Instant::now() {
            return Err(Error::new(Exit::Unavailable, "SQL of an earlier attempt is still running there"));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Runs a job's text in the session, commits it if it is a transaction, and frees the session's lock. Errors: the
/// connection is lost.
async fn ran(session: &mut Session, text: &JobText<'_>) -> Result<There> {
    let mut answer = session.job(&[], &mut |_| {}, text).await?.job;
    let mut status = answer.status;
    if answer.refused.is_none() && text.transaction && status == b'T' {
        let committed = session.tried(&[plain!("COMMIT")]).await?.pop().unwrap_or_default();
        (answer.refused, status) = (committed.refused, committed.status);
    }
    // Without a transaction, ROLLBACK would raise a warning among the job's notices.
    let roll_back = (status != b'I').then_some(plain!("ROLLBACK"));
    let last: Vec<_> = roll_back.into_iter().chain([named("unlock", vec![])]).collect();
    let freed = session.pipeline(&last).await;
    Ok(There { answer, is_free: freed.is_ok() })
}

/// Returns how an attempt ended whose second session could not be opened. What the server has refused is a failure of the job.
fn unopened(error: &Error, database: &str, nothing: Done) -> Ended {
    let what = format!("could not connect to database {database:?}");
    let is_away = |state: &str| state.starts_with("57") || state.starts_with("08");
    let refused = error.sqlstate.as_deref().filter(|state| !is_away(state));
    if refused.is_none() && error.exit == Exit::Unavailable {
        let why = format!("{what}: {}", error.one_line());
        return Ended::Interruption(Interruption::crash(why).unbegun(), nothing);
    }
    let kind = refused.map_or_else(|| "connection".to_owned(), |state| format!("SQLSTATE {state}"));
    let why = error.causes.last().map_or_else(|| error.server_message(), String::as_str);
    let failure = Failure { kind, message: format!("{what}: {why}"), traceback: error.one_line() };
    Ended::Ran(Done { failure: Some(failure), ..nothing })
}

/// Returns the same end, of an attempt whose SQL was never sent.
fn unbegun(ended: Ended) -> Ended {
    match ended {
        Ended::Interruption(interruption, work) => Ended::Interruption(interruption.unbegun(), work),
        other => other,
    }
}
