//! Adds up the calls of each statement in a limited amount of memory: everything is kept about the heaviest statements,
//! a few numbers about each of a million others, and only one sum of the rest.

use super::names::{Few, Hashed, OTHERS, hash};
use super::skeleton::Skeletons;
use super::sql::Normalizer;
use super::tally::{Histogram, Seen, Spread};

/// The largest number of statements about which everything is kept. If there are more, only numbers are kept of the
/// lighter half.
const WHOLE: usize = 16_384;
/// The largest number of further statements of which the numbers are kept.
const LIGHT: usize = 1_500_000;
/// Once all texts together have this many bytes, further texts are cut to the shorter length in [`LONGEST`].
const TEXTS: usize = 32 << 20;
/// The longest text that is kept, and the longest one once [`TEXTS`] is reached, in bytes.
const LONGEST: (usize, usize) = (64 << 10, 1 << 10);
/// The longest text of a statement that is kept in another section, in bytes.
const NAME: usize = 8 << 10;

/// Everything that is kept about a statement.
#[derive(Debug, Clone, Default)]
pub struct Statement {
    /// The normalized text.
    pub text: Box<[u8]>,
    pub calls: u64,
    /// The durations of the calls for which one was logged, in milliseconds.
    pub spread: Spread,
    histogram: Histogram,
    /// Whether only the sum of the durations of the first calls is known, so that there are no percentiles.
    is_late: bool,
    /// How long parsing and binding took, in milliseconds, if they were logged separately from the execution.
    pub prepare_ms: f64,
    /// How many rows the topmost nodes of the plans returned, if the log has plans in which that was measured.
    pub rows: Option<u64>,
    pub errors: u64,
    pub seen: Seen,
    pub users: Few,
    pub applications: Few,
    pub databases: Few,
    /// The text and the parameters of the slowest call, or of the first call if none has a duration.
    pub example: Box<[u8]>,
    pub parameters: Box<[u8]>,
    example_ms: f64,
}

impl Statement {
    fn weight(&self) -> f64 {
        weight(self.spread.total, self.calls + self.errors)
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.example.len() + self.parameters.len()
    }

    /// Returns the duration that this share of the calls does not exceed, in milliseconds.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.is_late {
            return None;
        }
        let found = self.histogram.quantile(share)? / 1e3;
        Some(found.clamp(self.spread.least, self.spread.most))
    }

    /// Returns the standard deviation of the durations, in milliseconds.
    pub fn deviation(&self) -> Option<f64> {
        if self.is_late { None } else { self.spread.deviation() }
    }
}

/// Returns the number by which statements are sorted: the total duration. Statements without a duration are sorted by
/// how often they were seen.
fn weight(total_ms: f64, times: u64) -> f64 {
    // The factor is so small that no number of calls outweighs a microsecond, the shortest duration that a server logs.
    total_ms + times as f64 * 1e-15
}

/// The few numbers that are kept of a statement that is not among the heaviest, or the sums of many of them.
#[derive(Debug, Clone, Copy, Default)]
struct Light {
    calls: u64,
    /// How many of the calls have a duration. `most` and `total_ms` are the longest one and their sum, in milliseconds.
    timed: u32,
    errors: u32,
    most: f64,
    total_ms: f64,
}

impl Light {
    fn of(statement: &Statement) -> Light {
        Light {
            calls: statement.calls,
            timed: u32::try_from(statement.spread.count).unwrap_or(u32::MAX),
            errors: u32::try_from(statement.errors).unwrap_or(u32::MAX),
            most: statement.spread.most,
            total_ms: statement.spread.total,
        }
    }

    fn add(&mut self, other: &Light) {
        self.calls += other.calls;
        self.timed = self.timed.saturating_add(other.timed);
        self.errors = self.errors.saturating_add(other.errors);
        self.most = self.most.max(other.most);
        self.total_ms += other.total_ms;
    }

    fn weight(&self) -> f64 {
        weight(self.total_ms, self.calls + u64::from(self.errors))
    }

    /// Returns the statement with these numbers, of which nothing else is known.
    fn statement(&self) -> Statement {
        Statement {
            calls: self.calls,
            errors: u64::from(self.errors),
            spread: Spread::known(u64::from(self.timed), self.total_ms, self.most),
            is_late: true,
            ..Statement::default()
        }
    }
}

/// A call of a statement, or another entry in which the statement was seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Call<'a> {
    pub time: Option<i64>,
    pub user: Option<u32>,
    pub database: Option<u32>,
    pub application: Option<u32>,
    pub sql: &'a [u8],
    pub parameters: &'a [u8],
    pub duration_ms: Option<f64>,
}

/// All statements of a log.
#[derive(Debug, Default)]
pub struct Statements {
    normalizer: Normalizer,
    skeletons: Skeletons,
    /// The heaviest statements, by fingerprint.
    whole: Hashed<Statement>,
    /// The numbers of further statements, by fingerprint.
    light: Hashed<Light>,
    /// The sums of all statements that are in neither of the two maps.
    rest: Light,
    /// The largest weight of a statement that was moved from `whole` to `light`.
    limit: f64,
    /// The size of all texts in `whole`.
    bytes: usize,
    /// The durations of all calls for which one was logged, in milliseconds.
    pub all: Spread,
    /// The number of all calls.
    pub calls: u64,
}

impl Statements {
    /// Returns the fingerprint of a statement.
    pub fn fingerprint(&mut self, sql: &[u8]) -> u64 {
        let skeleton = self.skeletons.of(sql);
        if let Some(known) = skeleton.and_then(|skeleton| self.skeletons.known(skeleton)) {
            return known;
        }
        let fingerprint = hash(self.normalizer.normalize(sql));
        if let Some(skeleton) = skeleton {
            self.skeletons.learn(skeleton, fingerprint);
        }
        fingerprint
    }

    /// Returns the beginning of the normalized text of a statement, and its fingerprint. For an empty statement,
    /// returns an empty text and 0.
    pub fn named(&mut self, sql: &[u8]) -> (Box<[u8]>, u64) {
        if sql.is_empty() {
            return (Box::default(), 0);
        }
        let text = self.normalizer.normalize(sql);
        (cut(text, NAME), hash(text))
    }

    /// Returns the normalized text of a statement, if it is kept.
    pub fn text(&self, fingerprint: u64) -> Option<&[u8]> {
        self.whole.get(&fingerprint).map(|statement| &*statement.text)
    }

    /// Adds a call. Returns the fingerprint of the statement.
    pub fn call(&mut self, call: &Call<'_>) -> u64 {
        let fingerprint = self.seen(call, |statement| statement.calls += 1, |light| light.calls += 1);
        self.calls += 1;
        if let Some(ms) = call.duration_ms {
            self.duration(fingerprint, ms, Some((call.sql, call.parameters)));
        }
        fingerprint
    }

    /// Adds an error of a statement. Returns its fingerprint.
    pub fn error(&mut self, call: &Call<'_>) -> u64 {
        self.seen(
            call,
            |statement| statement.errors += 1,
            |light| light.errors = light.errors.saturating_add(1),
        )
    }

    /// Notes that a statement waits for a lock, without counting a call. Returns its fingerprint.
    pub fn waiting(&mut self, call: &Call<'_>) -> u64 {
        self.seen(call, |_| {}, |_| {})
    }

    /// Subtracts a call that was added before, because it has failed.
    pub fn failed(&mut self, fingerprint: u64) {
        self.calls = self.calls.saturating_sub(1);
        if let Some(statement) = self.whole.get_mut(&fingerprint) {
            statement.calls = statement.calls.saturating_sub(1);
        } else {
            let light = self.light.get_mut(&fingerprint).unwrap_or(&mut self.rest);
            light.calls = light.calls.saturating_sub(1);
        }
    }

    /// Adds the time of parsing or binding, without counting a call. Returns the fingerprint of the statement.
    pub fn prepared(&mut self, call: &Call<'_>) -> u64 {
        let ms = call.duration_ms.unwrap_or_default();
        self.seen(call, |statement| statement.prepare_ms += ms, |_| {})
    }

    /// Adds the duration of a call that was added before. `example` is the text and the parameters of the call, if they
    /// are known.
    pub fn duration(&mut self, fingerprint: u64, ms: f64, example: Option<(&[u8], &[u8])>) {
        self.all.add(ms);
        if !self.whole.contains_key(&fingerprint)
            && let Some((sql, parameters)) = example.filter(|(sql, _)| !sql.is_empty())
        {
            // With this duration, it may be one of the heaviest.
            self.admit(fingerprint, &Call { sql, parameters, duration_ms: Some(ms), ..Call::default() });
        }
        if let Some(statement) = self.whole.get_mut(&fingerprint) {
            let is_slowest = statement.spread.count == 0 || ms > statement.example_ms;
            statement.spread.add(ms);
            statement.histogram.add((ms * 1e3).round() as u64);
            if let Some((sql, parameters)) = example
                && is_slowest
                && !(statement.example.is_empty() && statement.spread.count > 1 && sql.is_empty())
            {
                let before = statement.bytes();
                let longest = longest(self.bytes);
                statement.example = cut(sql, longest);
                statement.parameters = cut(parameters, longest);
                statement.example_ms = ms;
                self.bytes = (self.bytes + statement.bytes()).saturating_sub(before);
            }
            return;
        }
        let light = self.light.get_mut(&fingerprint).unwrap_or(&mut self.rest);
        light.timed = light.timed.saturating_add(1);
        light.total_ms += ms;
        light.most = light.most.max(ms);
    }

    /// Adds the time of fetching more rows to the duration of a call that was added before, which has taken `call_ms` so
    /// far.
    pub fn more(&mut self, fingerprint: u64, ms: f64, call_ms: f64) {
        self.all.total += ms;
        match self.whole.get_mut(&fingerprint) {
            Some(statement) => {
                statement.spread.total += ms;
                statement.spread.most = statement.spread.most.max(call_ms);
            }
            None => {
                let light = self.light.get_mut(&fingerprint).unwrap_or(&mut self.rest);
                light.total_ms += ms;
                light.most = light.most.max(call_ms);
            }
        }
    }

    /// Adds the number of rows that a call has returned.
    pub fn returned(&mut self, fingerprint: u64, rows: u64) {
        if let Some(statement) = self.whole.get_mut(&fingerprint) {
            *statement.rows.get_or_insert(0) += rows;
        }
    }

    /// Notes that a statement was seen, and changes its numbers with `whole` or `light`. Returns its fingerprint.
    fn seen(&mut self, call: &Call<'_>, whole: impl Fn(&mut Statement), light: impl Fn(&mut Light)) -> u64 {
        let fingerprint = self.fingerprint(call.sql);
        if !self.whole.contains_key(&fingerprint) && !self.admit(fingerprint, call) {
            light(self.light.get_mut(&fingerprint).unwrap_or(&mut self.rest));
            return fingerprint;
        }
        if let Some(statement) = self.whole.get_mut(&fingerprint) {
            whole(statement);
            statement.seen.at(call.time);
            statement.users.add(call.user);
            statement.databases.add(call.database);
            statement.applications.add(call.application);
        }
        if self.whole.len() > WHOLE {
            self.move_on();
        }
        fingerprint
    }

    /// Begins to keep everything about a statement if it is new or has become heavy enough. Returns whether it does.
    fn admit(&mut self, fingerprint: u64, call: &Call<'_>) -> bool {
        // This call counts, too: no other call of the statement may follow.
        let ms = call.duration_ms.unwrap_or_default();
        let before = match self.light.get(&fingerprint) {
            Some(light) if light.weight() + ms <= self.limit => return false,
            Some(_) => self.light.remove(&fingerprint),
            None if self.light.len() >= LIGHT && ms <= self.limit => return false,
            None => None,
        };
        let longest = longest(self.bytes);
        let new = Statement {
            text: cut(self.normalizer.normalize(call.sql), longest),
            example: cut(call.sql, longest),
            parameters: cut(call.parameters, longest),
            ..before.map(|light| light.statement()).unwrap_or_default()
        };
        self.bytes += new.bytes();
        self.whole.insert(fingerprint, new);
        true
    }

    /// Moves the lighter half of the statements to `light`, where only their numbers are kept.
    fn move_on(&mut self) {
        let mut weights: Vec<f64> = self.whole.values().map(Statement::weight).collect();
        let half = weights.len() / 2;
        let (_, limit, _) = weights.select_nth_unstable_by(half, f64::total_cmp);
        self.limit = self.limit.max(*limit);
        let mut left = half;
        let (light, rest, bytes, limit) = (&mut self.light, &mut self.rest, &mut self.bytes, self.limit);
        self.whole.retain(|fingerprint, statement| {
            if left == 0 || statement.weight() > limit {
                return true;
            }
            left -= 1;
            *bytes = bytes.saturating_sub(statement.bytes());
            let numbers = Light::of(statement);
            if light.len() < LIGHT {
                light.insert(*fingerprint, numbers);
            } else {
                rest.add(&numbers);
            }
            false
        });
    }

    /// Returns the statements about which everything is kept, the heaviest first, each with its fingerprint.
    pub fn heaviest(&self) -> Vec<(u64, &Statement)> {
        let mut all: Vec<(u64, &Statement)> =
            self.whole.iter().map(|(key, statement)| (*key, statement)).collect();
        all.sort_unstable_by(|a, b| b.1.weight().total_cmp(&a.1.weight()).then(a.1.text.cmp(&b.1.text)));
        all
    }

    /// Returns the sums of all other statements as one statement, and how many there are at least; `None` if there are none.
    pub fn others(&self) -> Option<(Statement, usize)> {
        let mut sum = self.rest;
        self.light.values().for_each(|light| sum.add(light));
        let others = Statement { text: OTHERS.into(), ..sum.statement() };
        (others.calls + others.errors > 0).then_some((others, self.light.len()))
    }
}

/// Returns the longest text that may be kept when all texts together have this many bytes.
fn longest(bytes: usize) -> usize {
    if bytes < TEXTS { LONGEST.0 } else { LONGEST.1 }
}

/// Returns the text, or its beginning followed by `…` if it is longer than `longest` bytes.
pub fn cut(text: &[u8], longest: usize) -> Box<[u8]> {
    if text.len() <= longest {
        return text.into();
    }
    // The text must not be cut in the middle of a UTF-8 character.
    let end =
        (longest.saturating_sub(3)..=longest).rev().find(|at| text[*at] & 0xc0 != 0x80).unwrap_or(longest);
    [&text[..end], "…".as_bytes()].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(sql: &str, ms: f64) -> Call<'_> {
        Call { sql: sql.as_bytes(), duration_ms: Some(ms), ..Call::default() }
    }

    #[test]
    fn a_statement_whose_last_call_makes_it_the_heaviest_has_a_row() {
        let mut all = Statements::default();
        for n in 0..20_000 {
            all.call(&call(&format!("SELECT a{n}"), 2.0));
        }
        all.call(&call("SELECT heavy", 1.0));
        for n in 20_000..40_000 {
            all.call(&call(&format!("SELECT a{n}"), 2.0));
        }
        all.call(&call("SELECT heavy", 60_000.0));
        let heaviest = all.heaviest();
        assert_eq!((&*heaviest[0].1.text, heaviest[0].1.calls), (&b"select heavy"[..], 2));
        assert_eq!(heaviest[0].1.spread.total, 60_001.0);
        // The same if the duration comes in another entry.
        let late = all.call(&Call { sql: b"SELECT late", ..Call::default() });
        for n in 40_000..60_000 {
            all.call(&call(&format!("SELECT a{n}"), 2.0));
        }
        all.duration(late, 70_000.0, Some((b"SELECT late", b"")));
        assert_eq!(&*all.heaviest()[0].1.text, b"select late");
    }

    #[test]
    fn calls_of_one_statement_are_added_up_and_the_slowest_is_the_example() {
        let mut all = Statements::default();
        for (n, ms) in [(1, 5.0), (2, 9.0), (3, 1.0)] {
            all.call(&call(&format!("SELECT {n}"), ms));
        }
        all.call(&Call { sql: b"SELECT 4", ..Call::default() });
        all.error(&Call { sql: b"SELECT 5", ..Call::default() });
        let [(_, one)] = all.heaviest()[..] else { panic!() };
        assert_eq!((one.calls, one.errors, one.spread.count, one.spread.total), (4, 1, 3, 15.0));
        assert_eq!((&*one.text, &*one.example), (&b"select ?"[..], &b"SELECT 2"[..]));
        assert!(one.quantile(0.0).is_some_and(|ms| (ms - 1.0).abs() < 0.01));
        assert_eq!(one.quantile(1.0), Some(9.0));
        assert!(all.others().is_none());
    }

    #[test]
    fn the_heaviest_of_a_million_are_kept_and_every_call_is_counted() {
        let mut all = Statements::default();
        let mut calls = 0;
        for n in 0..200_000 {
            all.call(&call(&format!("SELECT a{n}"), 1.0));
            calls += 1;
            // This statement becomes heavy only after many others.
            if n > 100_000 && n % 10 == 0 {
                all.call(&call("SELECT late", 3.0));
                calls += 1;
            }
        }
        let heaviest = all.heaviest();
        assert!(heaviest.len() <= WHOLE);
        assert_eq!(&*heaviest[0].1.text, b"select late");
        assert_eq!(heaviest[0].1.calls, 9_999);
        let (others, distinct) = all.others().unwrap();
        assert_eq!(heaviest.iter().map(|(_, one)| one.calls).sum::<u64>() + others.calls, calls);
        assert_eq!(distinct + heaviest.len(), 200_001);
        assert!(heaviest[0].1.quantile(0.5).is_some(), "it was known from its first call on");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(&*cut("ab".as_bytes(), 2), b"ab");
        assert_eq!(std::str::from_utf8(&cut("aéé".as_bytes(), 4)).unwrap(), "aé…");
    }
}
