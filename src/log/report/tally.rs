//! Adds up numbers: how they are distributed, and when they were seen.

/// The number of ranges between two powers of two. With 64, a quantile is off by at most one part in 128.
const STEPS: u64 = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Counts how many values are in each of many ranges. The ranges for larger values are wider, so that there are few of
/// them. Quantiles are accurate to within 1 %.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    /// The index of the range of the first counter.
    from: usize,
    counts: Vec<u32>,
}

impl Histogram {
    fn index(value: u64) -> usize {
        if value < STEPS {
            return value as usize;
        }
        let power = 63 - value.leading_zeros();
        let step = (value >> (power - STEP_BITS)) - STEPS;
        ((u64::from(power - STEP_BITS) + 1) * STEPS + step) as usize
    }

    /// Returns the middle of the range with this index.
    fn value(index: usize) -> f64 {
        let index = index as u64;
        if index < STEPS {
            return index as f64;
        }
        let (power, step) = (index / STEPS - 1, index % STEPS);
        let width = (1u64 << power) as f64;
        (STEPS + step) as f64 * width + (width - 1.0) / 2.0
    }

    /// Adds a value.
    pub fn add(&mut self, value: u64) {
        let index = Self::index(value);
        if self.counts.is_empty() {
            self.from = index;
        }
        if index < self.from {
            let before = self.from - index;
            self.counts.splice(..0, std::iter::repeat_n(0, before));
            self.from = index;
        }
        let at = index - self.from;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] = self.counts[at].saturating_add(1);
    }

    /// Returns the value that this share of the values does not exceed.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.counts.iter().map(|n| u64::from(*n)).sum();
        let wanted = (share * all as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.counts.iter().enumerate().find_map(|(at, n)| {
            seen += u64::from(*n);
            (seen >= wanted).then(|| Self::value(self.from + at))
        })
    }
}

/// The count, the sum, the mean and the standard deviation of numbers, such as durations.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    pub count: u64,
    pub total: f64,
    pub least: f64,
    pub most: f64,
    mean: f64,
    /// The sum of the squares of the distances from the mean (Welford's method).
    squares: f64,
}

impl Spread {
    /// Creates a spread from sums, if the numbers themselves are not known.
    pub fn known(count: u64, total: f64, most: f64) -> Spread {
        let mean = if count > 0 { total / count as f64 } else { 0.0 };
        Spread { count, total, most, mean, ..Spread::default() }
    }

    /// Adds a number.
    pub fn add(&mut self, number: f64) {
        self.least = if self.count == 0 { number } else { self.least.min(number) };
        self.most = if self.count == 0 { number } else { self.most.max(number) };
        self.count += 1;
        self.total += number;
        let off = number - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (number - self.mean);
    }

    /// Adds the numbers of another spread.
    pub fn merge(&mut self, other: &Spread) {
        if self.count == 0 {
            *self = *other;
        } else if other.count > 0 {
            let (here, there) = (self.count as f64, other.count as f64);
            let apart = other.mean - self.mean;
            self.least = self.least.min(other.least);
            self.most = self.most.max(other.most);
            self.count += other.count;
            self.total += other.total;
            self.mean += apart * there / (here + there);
            self.squares += other.squares + apart * apart * here * there / (here + there);
        }
    }

    /// Returns the mean, if there are any numbers.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.total / self.count as f64)
    }

    /// Returns the standard deviation of the whole population, as pg_stat_statements does, if there are any numbers.
    pub fn deviation(&self) -> Option<f64> {
        (self.count > 0).then(|| (self.squares / self.count as f64).sqrt())
    }

    /// Returns the sum, if there are any numbers.
    pub fn total(&self) -> Option<f64> {
        (self.count > 0).then_some(self.total)
    }

    /// Returns the largest number, if there are any.
    pub fn most(&self) -> Option<f64> {
        (self.count > 0).then_some(self.most)
    }
}

/// When something was first and last seen, in microseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    pub first: Option<i64>,
    pub last: Option<i64>,
}

impl Seen {
    /// Notes a time. Times may come out of order, because several processes write to a log.
    pub fn at(&mut self, time: Option<i64>) {
        let Some(time) = time else { return };
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }

    /// Adds the first and the last time of `other`.
    pub fn merge(&mut self, other: &Seen) {
        self.at(other.first);
        self.at(other.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_right_to_one_percent_for_numbers_of_every_size() {
        let mut random = fastrand::Rng::with_seed(3);
        for top in [10, 1000, 1_000_000, 1 << 40, u64::MAX] {
            let mut histogram = Histogram::default();
            let mut all: Vec<u64> = (0..10_000).map(|_| random.u64(..top)).collect();
            all.iter().for_each(|n| histogram.add(*n));
            all.sort_unstable();
            for share in [0.0, 0.01, 0.5, 0.95, 0.99, 1.0] {
                let rank = ((share * 10_000.0_f64).ceil() as usize).max(1) - 1;
                let (is, found) = (all[rank] as f64, histogram.quantile(share).unwrap());
                assert!((is - found).abs() <= is / 100.0, "{top} {share}: {is} {found}");
            }
        }
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn a_spread_is_what_textbooks_say() {
        let mut spread = Spread::default();
        assert_eq!((spread.mean(), spread.deviation(), spread.most()), (None, None, None));
        [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter().for_each(|n| spread.add(n));
        assert_eq!((spread.mean(), spread.deviation()), (Some(5.0), Some(2.0)));
        assert_eq!((spread.count, spread.total, spread.least, spread.most), (8, 40.0, 2.0, 9.0));
        let (mut all, mut more) = (Spread::default(), Spread::default());
        [2.0, 4.0, 4.0].into_iter().for_each(|n| all.add(n));
        [4.0, 5.0, 5.0, 7.0, 9.0].into_iter().for_each(|n| more.add(n));
        all.merge(&more);
        all.merge(&Spread::default());
        assert_eq!((all.count, all.total, all.least, all.most), (8, 40.0, 2.0, 9.0));
        assert!(all.deviation().is_some_and(|deviation| (deviation - 2.0).abs() < 1e-9));
    }
}
