//! Adds up each section in time steps of equal length, to show when things happened.

use std::collections::BTreeMap;

use super::sections::Section;

/// The largest number of steps. It limits the memory that short steps in a long log need.
pub const MOST: usize = 100_000;

/// The length of the steps that an adaptive series begins with, in microseconds.
const FINEST: i64 = 1_000_000;
/// Round lengths of time, in seconds.
const ROUND: [i64; 14] = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800];

/// The sums of one section in one step.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Step {
    pub count: u64,
    /// The sum of the durations in milliseconds; 0 if the section has none.
    pub duration_ms: f64,
    pub most_ms: f64,
    pub bytes: u64,
}

impl Step {
    /// Counts one entry without a duration.
    pub const ONE: Step = Step { count: 1, duration_ms: 0.0, most_ms: 0.0, bytes: 0 };

    /// Returns the same with a duration in milliseconds.
    pub fn lasting(self, ms: f64) -> Step {
        Step { duration_ms: ms, most_ms: ms, ..self }
    }

    /// Creates a step with only a duration in milliseconds, for something that was counted before.
    pub fn more(ms: f64) -> Step {
        Step::default().lasting(ms)
    }
}

/// The steps of all sections.
#[derive(Debug)]
pub struct Series {
    /// The length of a step in microseconds.
    every: i64,
    steps: BTreeMap<i64, [Step; Section::ALL.len()]>,
    /// The step of the last entry, with its beginning. It is added to `steps` when an entry of another step is added.
    current: (i64, [Step; Section::ALL.len()]),
    /// The largest number of steps.
    most: usize,
    /// Whether the steps become longer when there are too many.
    adapts: bool,
    /// Whether there were too many steps, so that some are missing.
    pub is_full: bool,
}

impl Series {
    /// Creates a series whose steps have this many microseconds.
    pub fn new(every: i64) -> Series {
        Series {
            every: every.max(1),
            steps: BTreeMap::new(),
            current: Default::default(),
            most: MOST,
            adapts: false,
            is_full: false,
        }
    }

    /// Creates a series of at most this many steps. They become longer if the log needs more of them.
    pub fn adaptive(most: usize) -> Series {
        Series { most, adapts: true, ..Series::new(FINEST) }
    }

    /// Adds to the sums of a section at this time. Without a time, nothing is added.
    pub fn add(&mut self, time: Option<i64>, section: Section, step: Step) {
        let Some(time) = time else { return };
        let begin = time - time.rem_euclid(self.every);
        if begin != self.current.0 {
            self.flush();
            self.current.0 = begin;
        }
        let sum = &mut self.current.1[section as usize];
        add(sum, &step);
    }

    /// Subtracts one entry that was counted before in a section at this time.
    pub fn take_back(&mut self, time: Option<i64>, section: Section) {
        let Some(time) = time else { return };
        let begin = time - time.rem_euclid(self.every);
        let steps =
            if begin == self.current.0 { Some(&mut self.current.1) } else { self.steps.get_mut(&begin) };
        if let Some(steps) = steps {
            let step = &mut steps[section as usize];
            step.count = step.count.saturating_sub(1);
        }
    }

    fn flush(&mut self) {
        let (begin, current) = std::mem::take(&mut self.current);
        if current.iter().all(|step| *step == Step::default()) {
            return;
        }
        if self.steps.len() >= self.most && !self.steps.contains_key(&begin) {
            if !self.adapts {
                self.is_full = true;
                return;
            }
            while self.steps.len() * 2 > self.most {
                self.lengthen();
            }
        }
        let begin = begin - begin.rem_euclid(self.every);
        let sums = self.steps.entry(begin).or_default();
        sums.iter_mut().zip(&current).for_each(|(sum, step)| add(sum, step));
    }

    /// Makes the steps as long as the next round length of time, or twice as long if there is none.
    fn lengthen(&mut self) {
        let next = ROUND.iter().map(|seconds| seconds * 1_000_000).find(|next| *next > self.every);
        self.every = next.unwrap_or(self.every * 2);
        for (begin, steps) in std::mem::take(&mut self.steps) {
            let sums = self.steps.entry(begin - begin.rem_euclid(self.every)).or_default();
            sums.iter_mut().zip(&steps).for_each(|(sum, step)| add(sum, step));
        }
    }

    /// Returns the length of a step in microseconds.
    pub fn every(&self) -> i64 {
        self.every
    }

    /// Returns the steps in order, each with its beginning in microseconds since 1970.
    pub fn steps(&mut self) -> impl Iterator<Item = (i64, &[Step; Section::ALL.len()])> {
        self.flush();
        self.steps.iter().map(|(begin, steps)| (*begin, steps))
    }
}

fn add(sum: &mut Step, step: &Step) {
    sum.count += step.count;
    sum.duration_ms += step.duration_ms;
    sum.most_ms = sum.most_ms.max(step.most_ms);
    sum.bytes += step.bytes;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_added_up_whatever_their_order() {
        let mut series = Series::new(60);
        for time in [0, 59, 60, 1, -1] {
            let step = Step { count: 1, duration_ms: 2.0, most_ms: time as f64, bytes: 3 };
            series.add(Some(time), Section::Statements, step);
        }
        series.add(None, Section::Statements, Step::default());
        let all: Vec<(i64, u64, f64)> = series
            .steps()
            .map(|(begin, steps)| {
                let step = &steps[Section::Statements as usize];
                (begin, step.count, step.most_ms)
            })
            .collect();
        assert_eq!(all, [(-60, 1, 0.0), (0, 3, 59.0), (60, 1, 60.0)]);
    }

    #[test]
    fn steps_become_longer_when_there_are_too_many_and_lose_nothing() {
        let mut series = Series::adaptive(100);
        for second in 0..100_000 {
            series.add(Some(second * 1_000_000), Section::Locks, Step { count: 1, ..Step::default() });
        }
        let counts: Vec<u64> =
            series.steps().map(|(_, steps)| steps[Section::Locks as usize].count).collect();
        assert_eq!((counts.len() <= 100, counts.iter().sum::<u64>()), (true, 100_000));
        assert_eq!(series.every(), 1_800_000_000);
    }
}
