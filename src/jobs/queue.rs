//! Decides whose turn it is: the jobs that wait to be handed out, behind those parents that wait or run with them,
//! and the instants at which other jobs are due. This is pure bookkeeping.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Instant;

use super::job::Job;
use super::talk::{Mode, TurnLimit};

/// One turn of a job.
#[derive(Debug, Clone)]
pub struct Turn {
    pub job: Rc<Job>,
    /// Why it runs.
    pub mode: Mode,
    /// How far it may get.
    pub limit: TurnLimit,
    /// How many dates have been done in this turn.
    pub done: u32,
    /// Whether its guard was killed and another guard has taken over.
    pub again: bool,
    runs: bool,
    /// How many parents must finish their turns first.
    waits_for: usize,
    children: Vec<u64>,
}

/// The rank of a turn among those that may start: by priority, then by the order in which they were added.
type Rank = (Reverse<i32>, u64);

/// The turns of a pass, in the order in which they come.
#[derive(Debug, Default)]
pub struct Queue {
    turns: BTreeMap<u64, Turn>,
    places: BTreeMap<String, u64>,
    /// The turns that wait for no parent, by rank.
    ready: BTreeSet<Rank>,
    last: u64,
    running: usize,
    /// How many jobs of each pool are running.
    pools: BTreeMap<String, u32>,
}

fn rank(job: &Job, key: u64) -> Rank {
    (Reverse(job.priority), key)
}

impl Queue {
    /// Adds a job at the end, unless it is in the queue already.
    pub fn push(&mut self, job: Rc<Job>, mode: Mode) {
        if !self.contains(&job.name) {
            self.add(Turn {
                job,
                mode,
                limit: TurnLimit::default(),
                done: 0,
                again: false,
                runs: false,
                waits_for: 0,
                children: Vec::new(),
            });
        }
    }

    fn add(&mut self, mut turn: Turn) {
        self.last += 1;
        let key = self.last;
        // A parent that is named twice counts once.
        let parents: BTreeSet<u64> =
            turn.job.depends_on.iter().filter_map(|parent| self.places.get(parent)).copied().collect();
        for parent in &parents {
            if let Some(parent) = self.turns.get_mut(parent) {
                parent.children.push(key);
            }
        }
        turn.waits_for = parents.len();
        if parents.is_empty() {
            self.ready.insert(rank(&turn.job, key));
        }
        self.places.insert(turn.job.name.clone(), key);
        self.turns.insert(key, turn);
    }

    /// Returns whether this job is waiting or running.
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Returns whether no job is waiting or running.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Returns how many jobs are waiting or running.
    pub fn len(&self) -> usize {
        self.turns.len()
    }

    /// Returns how many jobs are running.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Returns the first turn that may start.
    pub fn first(&self) -> Option<&Turn> {
        self.get(self.next()?.1)
    }

    /// Returns the rank of the first turn that waits for no parent and whose pool is not full.
    fn next(&self) -> Option<Rank> {
        let is_free = |(_, key): &&Rank| {
            let Some(pool) = self.turns.get(key).and_then(|turn| turn.job.pool.as_ref()) else { return true };
            self.pools.get(&pool.name).copied().unwrap_or_default() < pool.limit
        };
        self.ready.iter().find(is_free).copied()
    }

    /// Counts a turn that begins to run.
    fn begins(&mut self, job: &Job) {
        self.running += 1;
        if let Some(pool) = &job.pool {
            *self.pools.entry(pool.name.clone()).or_default() += 1;
        }
    }

    /// Counts a turn that no longer runs.
    fn ends(&mut self, job: &Job) {
        self.running -= 1;
        if let Some(count) = job.pool.as_ref().and_then(|pool| self.pools.get_mut(&pool.name)) {
            *count -= 1;
        }
    }

    /// Marks the first turn that may start as running, and returns its key.
    pub fn start(&mut self) -> Option<u64> {
        let rank = self.next()?;
        self.ready.remove(&rank);
        let (_, key) = rank;
        let turn = self.turns.get_mut(&key)?;
        turn.runs = true;
        let job = turn.job.clone();
        self.begins(&job);
        Some(key)
    }

    /// Returns a turn that is waiting or running.
    pub fn get(&self, key: u64) -> Option<&Turn> {
        self.turns.get(&key)
    }

    /// Returns the same turn for modification.
    pub fn get_mut(&mut self, key: u64) -> Option<&mut Turn> {
        self.turns.get_mut(&key)
    }

    /// Removes a turn that is over, so that its children no longer wait for it.
    pub fn over(&mut self, key: u64) -> Option<Turn> {
        let turn = self.remove(key)?;
        for child in &turn.children {
            if let Some(waiting) = self.turns.get_mut(child) {
                waiting.waits_for -= 1;
                if waiting.waits_for == 0 {
                    self.ready.insert(rank(&waiting.job, *child));
                }
            }
        }
        Some(turn)
    }

    fn remove(&mut self, key: u64) -> Option<Turn> {
        let turn = self.turns.remove(&key)?;
        self.places.remove(&turn.job.name);
        self.ready.remove(&rank(&turn.job, key));
        if turn.runs {
            self.ends(&turn.job);
        }
        Some(turn)
    }

    /// Makes a running turn wait again, at its old place.
    pub fn put_back(&mut self, key: u64) {
        let Some(turn) = self.turns.get_mut(&key) else { return };
        let (job, ran) = (turn.job.clone(), std::mem::replace(&mut turn.runs, false));
        if ran {
            self.ends(&job);
        }
        self.ready.insert(rank(&job, key));
    }

    /// Makes a running turn wait again, behind all others. Its children still wait for it.
    pub fn requeue(&mut self, key: u64, limit: TurnLimit) {
        let Some(turn) = self.remove(key) else { return };
        let job = turn.job.clone();
        self.last += 1;
        let new = Turn { limit, done: 0, runs: false, waits_for: 0, ..turn };
        self.places.insert(job.name.clone(), self.last);
        self.ready.insert(rank(&job, self.last));
        self.turns.insert(self.last, new);
    }

    /// Removes all waiting turns.
    pub fn drop_waiting(&mut self) {
        let waiting: Vec<u64> =
            self.turns.iter().filter(|(_, turn)| !turn.runs).map(|(key, _)| *key).collect();
        for key in waiting {
            self.remove(key);
        }
    }

    /// Replaces the jobs of waiting turns by their new definitions, and removes those that no longer exist.
    pub fn renew(&mut self, jobs: &BTreeMap<&str, &Rc<Job>>) {
        let waiting: Vec<u64> =
            self.turns.iter().filter(|(_, turn)| !turn.runs).map(|(key, _)| *key).collect();
        for key in waiting {
            let Some(turn) = self.turns.get_mut(&key) else { continue };
            match jobs.get(turn.job.name.as_str()) {
                Some(job) => {
                    if self.ready.remove(&rank(&turn.job, key)) {
                        self.ready.insert(rank(job, key));
                    }
                    turn.job = Rc::clone(job);
                }
                None => drop(self.over(key)),
            }
        }
    }
}

/// When each job is due.
#[derive(Debug, Default)]
pub struct Due {
    by_name: BTreeMap<String, Instant>,
    by_time: BTreeSet<(Instant, String)>,
}

impl Due {
    /// Sets when a job is due, replacing what was set before.
    pub fn set(&mut self, name: &str, at: Instant) {
        self.forget(name);
        self.by_name.insert(name.to_owned(), at);
        self.by_time.insert((at, name.to_owned()));
    }

    /// Forgets when this job is due.
    pub fn forget(&mut self, name: &str) {
        if let Some(at) = self.by_name.remove(name) {
            self.by_time.remove(&(at, name.to_owned()));
        }
    }

    /// Forgets when all jobs are due.
    pub fn clear(&mut self) {
        *self = Due::default();
    }

    /// Returns the job that is due first, and when.
    pub fn first(&self) -> Option<(&str, Instant)> {
        self.by_time.first().map(|(at, name)| (name.as_str(), *at))
    }

    /// Returns the earliest instant at which a job is due.
    pub fn soonest(&self) -> Option<Instant> {
        self.first().map(|(_, at)| at)
    }

    /// Removes and returns the jobs that are due by this instant.
    pub fn take(&mut self, now: Instant) -> BTreeSet<String> {
        let mut taken = BTreeSet::new();
        while self.soonest().is_some_and(|at| at <= now) {
            if let Some((_, name)) = self.by_time.pop_first() {
                self.by_name.remove(&name);
                taken.insert(name);
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::jobs::file;

    fn jobs(list: &[(&str, &str)]) -> Vec<Rc<Job>> {
        let text: String = list
            .iter()
            .map(|(name, parents)| {
                format!(
                    "[[job]]\nname = \"{name}\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\ndepends_on = [{parents}]\n"
                )
            })
            .collect();
        file::parse(&text).jobs.into_iter().map(Rc::new).collect()
    }

    fn queue(list: &[(&str, &str)]) -> Queue {
        let mut queue = Queue::default();
        jobs(list).into_iter().for_each(|job| queue.push(job, Mode::Due));
        queue
    }

    fn start(queue: &mut Queue) -> (u64, String) {
        let key = queue.start().unwrap();
        (key, queue.get(key).unwrap().job.name.clone())
    }

    #[test]
    fn a_higher_priority_goes_first_and_a_full_pool_lets_others_pass() {
        let job = |name: &str, keys: &str| {
            format!("[[job]]\nname = \"{name}\"\nschedule = \"1d\"\nsql = \"SELECT 1\"\n{keys}\n")
        };
        let text = [
            "pools = { one = 1, two = 2 }\n".to_owned(),
            job("a", "pool = \"one\""),
            job("b", "pool = \"one\"\npriority = 5"),
            job("c", ""),
            job("d", "priority = -1"),
            job("e", "pool = \"two\"\npriority = 9"),
            job("f", "depends_on = [\"c\"]\npriority = 100"),
        ]
        .concat();
        let mut queue = Queue::default();
        file::parse(&text).jobs.into_iter().map(Rc::new).for_each(|job| queue.push(job, Mode::Due));
        let order: Vec<_> = (0..4).map(|_| start(&mut queue)).collect();
        let names: Vec<&str> = order.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["e", "b", "c", "d"]);
        assert!(queue.start().is_none(), "a finds its pool full, f waits for c");
        queue.over(order[2].0);
        assert_eq!(start(&mut queue).1, "f");
        queue.put_back(order[1].0);
        assert_eq!(start(&mut queue).1, "b");
        queue.over(order[1].0);
        assert_eq!((start(&mut queue).1.as_str(), queue.running()), ("a", 4));
    }

    #[test]
    fn who_waits_for_a_parent_runs_after_it_and_others_before() {
        let mut queue = queue(&[("a", ""), ("b", "\"a\", \"a\", \"elsewhere\""), ("c", "\"b\""), ("d", "")]);
        let (a, name) = start(&mut queue);
        assert_eq!(name, "a");
        let (d, name) = start(&mut queue);
        assert_eq!((name.as_str(), queue.start()), ("d", None));
        queue.over(d);
        assert_eq!((queue.start(), queue.len(), queue.running()), (None, 3, 1));
        queue.over(a);
        let (b, name) = start(&mut queue);
        assert_eq!((name.as_str(), queue.start()), ("b", None));
        queue.over(b);
        let (c, name) = start(&mut queue);
        assert_eq!(name, "c");
        queue.over(c);
        assert!(queue.is_empty() && queue.running() == 0);
    }

    #[test]
    fn a_turn_that_goes_requeue_keeps_its_children_waiting() {
        let mut queue = queue(&[("a", ""), ("b", "\"a\""), ("c", "")]);
        let (a, _) = start(&mut queue);
        queue.requeue(a, TurnLimit { dates: Some(3), ..TurnLimit::default() });
        let (c, name) = start(&mut queue);
        assert_eq!(name, "c");
        let (a, name) = start(&mut queue);
        assert_eq!((name.as_str(), queue.get(a).unwrap().limit.dates), ("a", Some(3)));
        queue.over(c);
        assert_eq!(queue.start(), None);
        queue.over(a);
        assert_eq!(start(&mut queue).1, "b");
    }

    #[test]
    fn a_turn_whose_guard_was_killed_is_the_first_again_and_what_waits_can_be_dropped() {
        let mut queue = queue(&[("a", ""), ("b", ""), ("c", "\"a\"")]);
        let (a, _) = start(&mut queue);
        queue.put_back(a);
        assert_eq!(start(&mut queue), (a, "a".to_owned()));
        queue.drop_waiting();
        assert_eq!((queue.len(), queue.contains("a"), queue.contains("c")), (1, true, false));
        queue.over(a);
        assert!(queue.is_empty());
    }

    #[test]
    fn jobs_that_are_gone_from_the_file_do_not_run_and_the_others_as_they_are_now() {
        let mut queue = queue(&[("a", ""), ("b", "\"a\""), ("c", "")]);
        let new = jobs(&[("b", ""), ("c", "")]);
        let (a, _) = start(&mut queue);
        queue.renew(&new.iter().map(|job| (job.name.as_str(), job)).collect());
        assert_eq!(start(&mut queue).1, "c");
        queue.over(a);
        let (b, _) = start(&mut queue);
        assert!(queue.get(b).unwrap().job.depends_on.is_empty());
    }

    #[test]
    fn what_is_due_is_taken_once() {
        let now = Instant::now();
        let at = |ms: u64| now + Duration::from_millis(ms);
        let mut due = Due::default();
        due.set("a", at(5));
        due.set("b", at(1));
        due.set("a", at(2));
        assert_eq!(due.soonest(), Some(at(1)));
        assert_eq!(due.take(at(2)), ["a".to_owned(), "b".to_owned()].into());
        assert_eq!((due.take(at(9)).len(), due.soonest()), (0, None));
        due.set("a", at(1));
        due.forget("a");
        assert_eq!(due.soonest(), None);
    }
}
