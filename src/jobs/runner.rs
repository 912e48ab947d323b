//! The runner: decides which jobs are due, hands them to guards, and hears what becomes of them. It prints nothing: it
//! tells events.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::select_all;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;

use super::file::Job;
use super::health;
use super::plan::{self, Decision};
use super::process;
use super::session::own_target;
use super::spool;
use super::store::{self, Place, Snapshot, in_schema, interval};
use super::talk::{Event, Mode, Order, Outcome, Setup};
use crate::error::{Exit, Result};
use crate::helper::{Kind, Teller};
use crate::session::{Value, Writer};

const PRUNE: &str = include_str!("../../queries/jobs/prune.sql");
/// How many rows are pruned at once, and for how long in one pass.
const BATCH: i64 = 500;
const PRUNING: Duration = Duration::from_secs(2);
/// What a guard may be silent for beyond the lease of its job.
const SILENCE: Duration = Duration::from_secs(25);
/// How long a guard without work has to say goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// What is wished of a pass.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Only these jobs; empty: all.
    pub names: Vec<String>,
    /// Whether they are due or not.
    pub force: bool,
    /// For this date; with `true` also where it was done.
    pub date: Option<(Timestamp, bool)>,
    /// How many at once.
    pub parallel: usize,
    /// End the pass at the first job that is busy.
    pub stop_when_ongoing: bool,
}

/// What a runner tells.
#[derive(Debug)]
pub enum Told<'a> {
    /// A job's guard tells this.
    Event(&'a Job, &'a Event),
    /// A job's turn is over.
    Outcome(&'a Job, &'a Outcome),
    /// What a person should know.
    Warning(String),
    /// The pass is over.
    Passed(&'a Pass),
}

/// What a pass came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pass {
    /// How many jobs succeeded.
    pub succeeded: u64,
    /// How many failed.
    pub failed: u64,
    /// How many were cut off, or could not be recorded.
    pub interrupted: u64,
    /// How many due ones were ongoing elsewhere.
    pub ongoing: u64,
    /// How many rows were locked.
    pub locked: u64,
    /// How many wait for a person.
    pub held: u64,
    /// What hindered pgkit, where something did.
    pub broken: Option<String>,
}

impl Pass {
    /// The exit code, as `cli.md` has it.
    pub fn exit(&self, ignore_failures: bool) -> Exit {
        if self.broken.is_some() || self.interrupted > 0 || self.held > 0 {
            return Exit::Bad;
        }
        match self {
            Pass { failed: 1.., .. } if !ignore_failures => Exit::Bad,
            Pass { ongoing: 1.., .. } => Exit::Ongoing,
            Pass { locked: 1.., .. } => Exit::Locked,
            _ => Exit::Done,
        }
    }

    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Succeeded => self.succeeded += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Interrupted { .. } | Outcome::Unrecorded { .. } => self.interrupted += 1,
            Outcome::Ongoing { .. } => self.ongoing += 1,
            Outcome::Locked => self.locked += 1,
            Outcome::Held => self.held += 1,
            Outcome::NotNow { .. } => {}
            Outcome::Broken { why } => self.broken = Some(why.clone()),
        }
    }
}

/// Where a job is in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Waits,
    Runs,
    Over,
}

/// A guard, and what it does.
struct Slot {
    guard: Teller,
    /// The job by its place among the candidates.
    job: Option<usize>,
    heard: Instant,
    told_to_stop: bool,
}

/// Runs jobs.
pub struct Runner {
    writer: Writer,
    place: Place,
    setup: Setup,
    slots: Vec<Slot>,
    known: BTreeMap<String, Duration>,
    stop: watch::Receiver<Option<Exit>>,
}

/// What a runner needs to know of where it is.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The folder of the jobs file.
    pub folder: PathBuf,
    /// Where results are kept that the server does not take.
    pub spool: Option<PathBuf>,
    /// This machine's name.
    pub host: String,
    /// Tell the SQL that guards run.
    pub echo: bool,
}

impl Runner {
    /// A runner on these tables, over this session. `stop` tells of a signal.
    ///
    /// Errors: the tables are not there or not to be used (65), the server is a standby (69).
    pub async fn open(
        writer: Writer,
        schema: Option<&str>,
        around: Surroundings,
        stop: watch::Receiver<Option<Exit>>,
    ) -> Result<Runner> {
        let place = store::open(&writer, schema).await?;
        let server = store::server(&writer).await?;
        let setup = Setup {
            target: own_target(writer.target(), writer.version()),
            schema: place.schema.clone(),
            folder: around.folder,
            spool: around.spool,
            place: format!("{}/{}/{}", server.system_identifier, server.database, place.schema),
            ascii: !matches!(server.encoding.as_str(), "UTF8" | "SQL_ASCII"),
            host: around.host,
            echo: around.echo,
        };
        process::become_subreaper();
        Ok(Runner { writer, place, setup, slots: Vec::new(), known: BTreeMap::new(), stop })
    }

    /// What is known of the jobs now.
    pub async fn snapshot(&mut self, jobs: &[Job]) -> Result<Snapshot> {
        let mut snapshot = store::read(&self.writer, &self.place).await?;
        // Each job's word on foreign claims is written once in this process's life, and when it changes.
        let new: Vec<&Job> = jobs
            .iter()
            .filter(|job| {
                let seen = snapshot.jobs.get(&job.name).is_some_and(|s| s.state.first_seen.is_some());
                !seen || self.known.get(&job.name).is_some_and(|age| *age != job.max_ongoing_age)
            })
            .collect();
        if store::first_seen(&self.writer, &self.place, new.into_iter()).await? {
            snapshot = store::read(&self.writer, &self.place).await?;
        }
        self.known = jobs.iter().map(|job| (job.name.clone(), job.max_ongoing_age)).collect();
        Ok(snapshot)
    }

    fn stopped(&self) -> Option<Exit> {
        *self.stop.borrow()
    }

    /// One pass over the jobs, which come in the file's order. After it nothing of it runs.
    ///
    /// Errors: the connection that plans is lost (69).
    pub async fn pass(
        &mut self,
        jobs: &[Job],
        wishes: &Wishes,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<(Pass, Snapshot)> {
        if let Some(folder) = self.setup.spool.clone()
            && !spool::all(&folder, &self.setup.place).is_empty()
        {
            self.replay(tell).await?;
        }
        let snapshot = self.snapshot(jobs).await?;
        let mut pass = Pass::default();
        let mut candidates: Vec<(&Job, Mode)> = Vec::new();
        for job in plan::order(jobs) {
            if !wishes.names.is_empty() && !wishes.names.contains(&job.name) {
                continue;
            }
            match (wishes.date, wishes.force) {
                (Some((date, rerun)), _) => candidates.push((job, Mode::Date { date, rerun })),
                (None, true) => candidates.push((job, Mode::Forced)),
                (None, false) => match self.may_run(job, &candidates, &snapshot) {
                    Ok(()) => candidates.push((job, Mode::Due)),
                    Err(why) => tell(Told::Outcome(job, &Outcome::NotNow { why })),
                },
            }
        }
        self.run_all(&candidates, wishes, &mut pass, tell).await?;
        if pass.succeeded + pass.failed > 0 {
            self.prune(jobs).await;
        }
        tell(Told::Passed(&pass));
        Ok((pass, snapshot))
    }

    /// May a job run in this pass, as far as the snapshot tells? Its parents may yet run before it.
    fn may_run(
        &self,
        job: &Job,
        before: &[(&Job, Mode)],
        snapshot: &Snapshot,
    ) -> std::result::Result<(), String> {
        let state = |name: &str| snapshot.state(name);
        let in_this_pass = |parent: &String| before.iter().any(|(job, _)| job.name == *parent);
        let decision = plan::decide(job, &state, snapshot.now);
        match &decision {
            Decision::Run(_) => Ok(()),
            Decision::Blocked(..) if job.depends_on.iter().any(in_this_pass) => {
                let others = job.depends_on.iter().filter(|p| !in_this_pass(p)).cloned().collect();
                match plan::decide(&Job { depends_on: others, ..job.clone() }, &state, snapshot.now) {
                    Decision::Run(_) => Ok(()),
                    other => Err(health::words(job, &other, snapshot.now)),
                }
            }
            other => Err(health::words(job, other, snapshot.now)),
        }
    }

    async fn run_all(
        &mut self,
        candidates: &[(&Job, Mode)],
        wishes: &Wishes,
        pass: &mut Pass,
        tell: &mut dyn FnMut(Told<'_>),
    ) -> Result<()> {
        let places: BTreeMap<&str, usize> =
            candidates.iter().enumerate().map(|(i, (job, _))| (job.name.as_str(), i)).collect();
        let mut turns = vec![Turn::Waits; candidates.len()];
        let mut again: BTreeSet<usize> = BTreeSet::new();
        // Everything before this has begun.
        let mut first = 0;
        let mut ending = false;
        loop {
            ending |= self.stopped().is_some();
            while turns.get(first).is_some_and(|turn| *turn != Turn::Waits) {
                first += 1;
            }
            if !ending {
                let parallel = wishes.parallel.max(1);
                while self.slots.iter().filter(|slot| slot.job.is_some()).count() < parallel {
                    let ready = (first..candidates.len()).find(|i| {
                        turns[*i] == Turn::Waits
                            && candidates[*i].0.depends_on.iter().all(|parent| {
                                places.get(parent.as_str()).is_none_or(|p| p == i || turns[*p] == Turn::Over)
                            })
                    });
                    let Some(next) = ready else { break };
                    turns[next] = Turn::Runs;
                    let (job, mode) = candidates[next];
                    self.hand_out(next, job, mode).await?;
                }
            }
            if self.slots.iter().all(|slot| slot.job.is_none()) {
                return Ok(());
            }
            if ending {
                self.stop_all().await?;
            }
            let (slot, event) = match self.hear(candidates).await? {
                Some(heard) => heard,
                None => continue,
            };
            let Some(place) = self.slots[slot].job else { continue };
            let job = candidates[place].0;
            let outcome = match event {
                Some(Event::Beat) => continue,
                Some(Event::Done { outcome }) => outcome,
                Some(event) => {
                    tell(Told::Event(job, &event));
                    continue;
                }
                None => {
                    // The guard is gone, and with it the lock; its job has died, and what hides is ended here.
                    self.bury(slot).await;
                    if !ending && again.insert(place) {
                        tell(Told::Warning(format!(
                            "job {:?}: its guard was killed; another one sees to it",
                            job.name
                        )));
                        turns[place] = Turn::Waits;
                        first = first.min(place);
                        continue;
                    }
                    turns[place] = Turn::Over;
                    let outcome = Outcome::Interrupted { why: "its guard was killed".into(), held: false };
                    pass.add(&outcome);
                    tell(Told::Outcome(job, &outcome));
                    continue;
                }
            };
            self.slots[slot].job = None;
            turns[place] = Turn::Over;
            pass.add(&outcome);
            let busy = matches!(outcome, Outcome::Ongoing { .. } | Outcome::Locked);
            let broken = matches!(outcome, Outcome::Broken { .. });
            tell(Told::Outcome(job, &outcome));
            ending |= (busy && wishes.stop_when_ongoing) || broken;
        }
    }

    /// Hands a job to a guard that has nothing to do.
    async fn hand_out(&mut self, place: usize, job: &Job, mode: Mode) -> Result<()> {
        let free = match self.slots.iter().position(|slot| slot.job.is_none()) {
            Some(free) => free,
            None => {
                let mut guard = Teller::start(Kind::Guard)?;
                guard.order(&self.setup).await?;
                self.slots.push(Slot { guard, job: None, heard: Instant::now(), told_to_stop: false });
                self.slots.len() - 1
            }
        };
        let slot = &mut self.slots[free];
        (slot.job, slot.heard, slot.told_to_stop) = (Some(place), Instant::now(), false);
        slot.guard.order(&Order::Run { job: Box::new(job.clone()), mode }).await
    }

    /// What a busy guard tells next; a guard that is gone tells nothing more. `None`: a signal, or time to look again.
    async fn hear(&mut self, candidates: &[(&Job, Mode)]) -> Result<Option<(usize, Option<Event>)>> {
        let mut stop = self.stop.clone();
        let stopped = self.stopped().is_some();
        let busy: Vec<usize> = (0..self.slots.len()).filter(|i| self.slots[*i].job.is_some()).collect();
        let listening = self.slots.iter_mut().filter(|slot| slot.job.is_some());
        let each = listening.map(|slot| Box::pin(slot.guard.next::<Event>()));
        let heard = tokio::select! {
            (event, which, _) = select_all(each) => Some((busy[which], event)),
            changed = stop.changed(), if !stopped => {
                if changed.is_err() {
                    // Whoever tells of signals is gone: there will be none.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                None
            }
            () = tokio::time::sleep(Duration::from_secs(1)) => None,
        };
        if let Some((slot, event)) = heard {
            self.slots[slot].heard = Instant::now();
            // A guard that cannot be understood is as good as gone.
            return Ok(Some((slot, event.unwrap_or_default())));
        }
        for (i, slot) in self.slots.iter_mut().enumerate() {
            let Some(job) = slot.job else { continue };
            if slot.heard.elapsed() > candidates[job].0.lease + SILENCE + candidates[job].0.kill_after {
                slot.guard.kill().await;
                return Ok(Some((i, None)));
            }
        }
        Ok(None)
    }

    async fn stop_all(&mut self) -> Result<()> {
        for slot in self.slots.iter_mut().filter(|slot| slot.job.is_some() && !slot.told_to_stop) {
            // At a busy job only what has not begun is left out.
            if self.stop.borrow().is_some() {
                slot.told_to_stop = true;
                slot.guard.order(&Order::Stop).await?;
            }
        }
        Ok(())
    }

    /// Forgets a guard that is gone, and ends what its job has left behind: orphans become our children.
    async fn bury(&mut self, slot: usize) {
        let mut gone = self.slots.remove(slot);
        gone.guard.kill().await;
        let keep: BTreeSet<i32> = self.slots.iter().map(|slot| slot.guard.pid().cast_signed()).collect();
        process::sweep_but(&keep).await;
    }

    async fn replay(&mut self, tell: &mut dyn FnMut(Told<'_>)) -> Result<()> {
        if self.slots.is_empty() {
            let mut guard = Teller::start(Kind::Guard)?;
            guard.order(&self.setup).await?;
            self.slots.push(Slot { guard, job: None, heard: Instant::now(), told_to_stop: false });
        }
        let slot = &mut self.slots[0];
        slot.guard.order(&Order::Replay).await?;
        loop {
            match slot.guard.next::<Event>().await? {
                Some(Event::Done { .. }) => return Ok(()),
                Some(Event::Warning { text }) => tell(Told::Warning(text)),
                Some(_) => {}
                None => {
                    self.bury(0).await;
                    return Ok(());
                }
            }
        }
    }

    /// Prunes a little where jobs ask for it. What hinders it is no fault of any job's: the next pass tries again.
    async fn prune(&self, jobs: &[Job]) {
        let (names, ages): (Vec<_>, Vec<_>) = jobs
            .iter()
            .filter_map(|job| Some((Some(job.name.clone()), Some(interval(job.keep_history?)))))
            .unzip();
        if names.is_empty() {
            return;
        }
        let sql = in_schema(PRUNE, &self.place.schema);
        let params = [Value::TextList(names), Value::TextList(ages), Value::Int8(BATCH)];
        let start = Instant::now();
        while start.elapsed() < PRUNING && self.stopped().is_none() {
            match self.writer.changed::<Removed>(&sql, &params).await {
                Ok(removed) if removed.iter().any(|one| one.removed >= BATCH) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Sleeps until the next job may be due, at most this long; a signal ends it.
    pub async fn wait(&mut self, jobs: &[Job], snapshot: &Snapshot, taken: Instant, most: Duration) {
        let next =
            jobs.iter().filter_map(|job| health::next_run(job, snapshot)).filter(|t| *t > snapshot.now).min();
        let ahead = next.and_then(|t| Duration::try_from(t.duration_since(snapshot.now)).ok());
        // crontabber's jobs are due when their instant is past, by its strict comparison.
        let until = ahead.map_or(most, |ahead| (ahead + Duration::from_millis(1)).min(most));
        let left = (taken + until).saturating_duration_since(Instant::now());
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(left) => {}
            _ = stop.wait_for(Option::is_some) => {}
        }
    }

    /// Says goodbye to guards and server.
    pub async fn close(self) {
        let goodbyes = self.slots.into_iter().map(|slot| slot.guard.finish(GOODBYE));
        futures_util::future::join_all(goodbyes).await;
        self.writer.close().await;
    }

    /// Is the session that plans lost?
    pub fn is_lost(&self) -> bool {
        self.writer.is_lost()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Removed {
    removed: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_has_the_exit_code_of_its_worst_outcome() {
        let exit = |outcomes: &[Outcome], ignore| {
            let mut pass = Pass::default();
            outcomes.iter().for_each(|outcome| pass.add(outcome));
            pass.exit(ignore).code()
        };
        let (ongoing, not_now) =
            (Outcome::Ongoing { why: String::new() }, Outcome::NotNow { why: String::new() });
        assert_eq!(exit(&[], false), 0);
        assert_eq!(exit(&[Outcome::Succeeded, not_now], false), 0);
        assert_eq!(exit(&[Outcome::Failed, ongoing.clone(), Outcome::Locked], false), 1);
        assert_eq!(exit(&[Outcome::Failed, ongoing.clone(), Outcome::Locked], true), 3);
        assert_eq!(exit(&[Outcome::Locked, ongoing], false), 3);
        assert_eq!(exit(&[Outcome::Failed, Outcome::Locked], true), 2);
        assert_eq!(exit(&[Outcome::Failed], true), 0);
        assert_eq!(exit(&[Outcome::Held], true), 1);
    }
}
