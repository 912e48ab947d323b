//! Evaluates the samples: median, average and so on of one variant, and the ratio of two, with an interval and a
//! sentence.

use fastrand::Rng;

/// The maximum number of resamples of the bootstrap, and of samples that it draws in all.
const RESAMPLES: usize = 2000;
const DRAWS: usize = 20_000_000;
/// The minimum number of resamples.
const FEWEST: usize = 200;
/// The size of the difference for which a sentence says how many more runs would show it.
const WORTH_SHOWING: f64 = 0.05;

/// One variant's samples in figures, all in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many runs were measured.
    pub n: usize,
    pub median: f64,
    pub average: f64,
    /// The standard deviation of a sample (n - 1).
    pub stddev: f64,
    /// The percentiles 5, 25, 75, 95 and 99, by nearest rank.
    pub p: [f64; 5],
    /// The shortest time.
    pub min: f64,
    /// The longest time.
    pub max: f64,
}

/// Returns the median of samples, which are reordered.
fn median(samples: &mut [f64]) -> f64 {
    let n = samples.len();
    let (below, middle, _) = samples.select_nth_unstable_by(n / 2, f64::total_cmp);
    let middle = *middle;
    if n % 2 == 1 {
        return middle;
    }
    let lower = below.iter().copied().fold(f64::MIN, f64::max);
    (lower + middle) / 2.0
}

impl Summary {
    /// Returns the figures of these samples; `None` if there are none.
    pub fn of(samples: &[f64]) -> Option<Summary> {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let average = sorted.iter().sum::<f64>() / n as f64;
        let squares: f64 = sorted.iter().map(|x| (x - average).powi(2)).sum();
        let rank = |percent: usize| sorted[(n * percent).div_ceil(100).clamp(1, n) - 1];
        let p = [5, 25, 75, 95, 99].map(rank);
        let stddev = if n > 1 { (squares / (n - 1) as f64).sqrt() } else { 0.0 };
        Some(Summary { n, median: median(&mut sorted), average, stddev, p, min, max })
    }
}

/// Two variants, measured in pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The variant whose time is the numerator.
    pub first: String,
    /// The other variant.
    pub second: String,
    /// How many pairs there are.
    pub n: usize,
    /// The ratio of the medians.
    pub ratio: f64,
    /// The lower end of the interval: 2.5% of the resamples are below it.
    pub low: f64,
    /// The upper end of the interval: 2.5% of the resamples are above it.
    pub high: f64,
}

impl Comparison {
    /// Compares pairs of samples by the paired bootstrap: pairs are resampled with replacement, and the 95%
    /// interval is that of the resulting ratios of medians (the percentile method). `None` if there are fewer than
    /// two pairs.
    pub fn of(first: &str, second: &str, pairs: &[(f64, f64)], rng: &mut Rng) -> Option<Comparison> {
        let n = pairs.len();
        if n < 2 {
            return None;
        }
        let (mut a, mut b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let ratio = median(&mut a) / median(&mut b);
        let mut ratios: Vec<f64> = (0..(DRAWS / n).clamp(FEWEST, RESAMPLES))
            .map(|_| {
                for i in 0..n {
                    let (x, y) = pairs[rng.usize(0..n)];
                    a[i] = x;
                    b[i] = y;
                }
                median(&mut a) / median(&mut b)
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        let at = |share: f64| ratios[((ratios.len() - 1) as f64 * share).round() as usize];
        let (low, high) = (at(0.025), at(0.975));
        let comparison =
            Comparison { first: first.to_owned(), second: second.to_owned(), n, ratio, low, high };
        // The faster one is what the sentence is about.
        Some(if ratio > 1.0 { comparison.turned() } else { comparison })
    }

    fn turned(self) -> Comparison {
        Comparison {
            first: self.second,
            second: self.first,
            n: self.n,
            ratio: 1.0 / self.ratio,
            low: 1.0 / self.high,
            high: 1.0 / self.low,
        }
    }

    /// Returns whether there is a difference, that is, whether the interval excludes 1.
    pub fn differs(&self) -> bool {
        self.high < 1.0 || self.low > 1.0
    }

    /// Returns how many more pairs would show a difference of 5%; 0 if none are needed. The width of the interval
    /// shrinks with the square root of the number of pairs.
    pub fn more_runs(&self) -> usize {
        let half = (self.high - self.low) / 2.0;
        let needed = self.n as f64 * (half / WORTH_SHOWING).powi(2);
        (needed - self.n as f64).max(0.0).ceil() as usize
    }

    /// Returns the comparison as one plain sentence.
    pub fn sentence(&self) -> String {
        let digits = if (self.high - self.low) < 0.01 || (self.high - 1.0).abs() < 0.005 { 3 } else { 2 };
        if self.differs() {
            return format!(
                "{} takes {:.digits$} to {:.digits$} of the time of {}",
                self.first, self.low, self.high, self.second
            );
        }
        let more = self.more_runs();
        let rest = if more == 0 {
            "a difference of 5% would have shown".to_owned()
        } else {
            format!("{} more runs would show a difference of 5%", thousands(round_up(more)))
        };
        format!(
            "no difference shown between {} and {} (ratio {:.digits$} to {:.digits$}); {rest}",
            self.first, self.second, self.low, self.high
        )
    }
}

/// Rounds up to two significant digits.
fn round_up(n: usize) -> usize {
    let mut unit = 1;
    while n / unit >= 100 {
        unit *= 10;
    }
    n.div_ceil(unit) * unit
}

/// Formats a number with thousands separators: `3,000`.
fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A reason to doubt the figures, which a reader must know.
#[derive(Debug, Clone, PartialEq)]
pub enum Doubt {
    /// The times of the second half of a variant's runs differ from those of the first half by this factor.
    Unsteady(String, f64),
    /// The first runs took this many times as long as the rest.
    Cold(String, f64),
    /// The variant was never the first one in a turn.
    NeverFirst(String),
}

impl Doubt {
    /// Returns it in words.
    pub fn sentence(&self) -> String {
        match self {
            Doubt::Unsteady(name, factor) => format!(
                "the machine was not steady: the second half of {name} took {factor:.2} times the first half's time; \
                 something else is running, or the data change"
            ),
            Doubt::Cold(name, factor) => format!(
                "caches were cold: the first runs of {name} took {factor:.1} times as long as the rest; use a larger --warm-up"
            ),
            Doubt::NeverFirst(name) => {
                format!("{name} was never first in a turn: use more --runs for a fair order")
            }
        }
    }
}

/// Looks for reasons to doubt a variant's samples, which must be in the order in which they were taken.
pub fn doubts(name: &str, samples: &[f64], times_first: usize, variants: usize) -> Vec<Doubt> {
    let mut all = Vec::new();
    let n = samples.len();
    if variants > 1 && times_first == 0 && n > 0 {
        all.push(Doubt::NeverFirst(name.to_owned()));
    }
    if n < 20 {
        return all;
    }
    let mid = |from: usize, to: usize| median(&mut samples[from..to].to_vec());
    let few = (n / 20).clamp(3, 50);
    let (first, rest) = (mid(0, few), mid(few, n));
    if first > 2.0 * rest {
        all.push(Doubt::Cold(name.to_owned(), first / rest));
    }
    let factor = mid(n / 2, n) / mid(few, n / 2);
    if !(0.75..=1.33).contains(&factor) {
        all.push(Doubt::Unsteady(name.to_owned(), factor));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_of_the_textbook() {
        let s = Summary::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!((s.n, s.median, s.average, s.min, s.max), (4, 2.5, 2.5, 1.0, 4.0));
        assert!((s.stddev - 1.290_994).abs() < 1e-6);
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(Summary::of(&hundred).unwrap().p, [5.0, 25.0, 75.0, 95.0, 99.0]);
        assert_eq!(Summary::of(&[7.0]).unwrap().stddev, 0.0);
        assert_eq!(Summary::of(&[]), None);
    }

    /// Noise with a long tail, as latencies have it.
    fn noise(rng: &mut Rng) -> f64 {
        let tail = if rng.u8(0..20) == 0 { rng.f64() * 3.0 } else { 0.0 };
        1.0 + 0.2 * (rng.f64() + rng.f64() + rng.f64()) + tail
    }

    #[test]
    fn a_difference_is_shown_and_its_size_is_right() {
        let mut rng = Rng::with_seed(1);
        let pairs: Vec<(f64, f64)> = (0..1000).map(|_| (noise(&mut rng), 0.7 * noise(&mut rng))).collect();
        let c = Comparison::of("slow", "fast", &pairs, &mut rng).unwrap();
        assert_eq!((c.first.as_str(), c.second.as_str()), ("fast", "slow"));
        assert!(c.differs() && c.low < 0.7 && 0.7 < c.high && c.high - c.low < 0.05, "{c:?}");
        assert!(c.sentence().starts_with("fast takes 0.6"), "{}", c.sentence());
        assert!(c.sentence().ends_with("of the time of slow"));
    }

    #[test]
    fn where_there_is_none_the_interval_holds_1_about_95_times_in_100() {
        let mut holds = 0;
        for seed in 0..100 {
            let mut rng = Rng::with_seed(seed);
            let pairs: Vec<(f64, f64)> = (0..60).map(|_| (noise(&mut rng), noise(&mut rng))).collect();
            holds += usize::from(!Comparison::of("a", "b", &pairs, &mut rng).unwrap().differs());
        }
        assert!((88..=99).contains(&holds), "{holds} of 100");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let mut rng = Rng::with_seed(7);
        let pairs: Vec<(f64, f64)> = (0..50).map(|_| (noise(&mut rng), noise(&mut rng))).collect();
        let of = || Comparison::of("a", "b", &pairs, &mut Rng::with_seed(3)).unwrap();
        assert_eq!(of(), of());
        let even = Comparison { ratio: 0.99, low: 0.85, high: 1.15, n: 1000, ..of() };
        assert_eq!(
            even.sentence(),
            "no difference shown between a and b (ratio 0.85 to 1.15); 8,000 more runs would show a difference of 5%"
        );
        let same = Comparison { low: 0.98, high: 1.01, ..even };
        assert!(same.sentence().ends_with("a difference of 5% would have shown"), "{}", same.sentence());
        assert_eq!(thousands(round_up(2941)), "3,000");
        assert_eq!(thousands(round_up(37)), "37");
    }

    #[test]
    fn doubts_are_raised_where_they_are_due_and_nowhere_else() {
        let mut rng = Rng::with_seed(5);
        let mut steady: Vec<f64> = (0..400).map(|_| noise(&mut rng)).collect();
        assert_eq!(doubts("a", &steady, 200, 2), []);
        assert_eq!(doubts("a", &steady, 0, 2), [Doubt::NeverFirst("a".into())]);
        for sample in &mut steady[..20] {
            *sample *= 10.0;
        }
        assert!(matches!(doubts("a", &steady, 9, 2)[..], [Doubt::Cold(..)]));
        for sample in &mut steady[200..] {
            *sample *= 2.0;
        }
        assert!(doubts("a", &steady, 9, 2).iter().any(|d| matches!(d, Doubt::Unsteady(_, f) if *f > 1.5)));
    }
}
