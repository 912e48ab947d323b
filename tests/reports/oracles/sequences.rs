//! Compares the report `sequences` with 128-bit arithmetic, on random sequences.

use std::fmt::Write as _;

use pgkit::sandbox::Binaries;

use crate::reports::*;
use crate::support::*;

/// An integer type: its name, its lowest and its highest value.
type Range = (&'static str, i128, i128);

const RANGES: [Range; 3] = [
    ("smallint", i16::MIN as i128, i16::MAX as i128),
    ("integer", i32::MIN as i128, i32::MAX as i128),
    ("bigint", i64::MIN as i128, i64::MAX as i128),
];

/// A sequence with its last value, and the columns that it fills.
struct Sequence {
    range: Range,
    min: i128,
    max: i128,
    start: i128,
    increment: i128,
    cycles: bool,
    last: Option<i128>,
    /// The type of the column that owns it, and that of a column with a foreign key to that column.
    column: Option<Range>,
    reference: Option<Range>,
}

/// Returns a random number from `low` to `high`, both included.
fn between(random: &mut fastrand::Rng, low: i128, high: i128) -> i128 {
    low + random.i128(0..=high - low)
}

impl Sequence {
    fn new(random: &mut fastrand::Rng) -> Sequence {
        let range = RANGES[random.usize(..3)];
        let (_, low, high) = range;
        let rises = random.u8(..3) > 0;
        // The default range, or a part of the type.
        let (min, max) = match random.u8(..3) {
            0 if rises => (1, high),
            0 => (low, -1),
            1 => {
                let one = between(random, low, high - 1);
                (one, between(random, one + 1, high))
            }
            _ => {
                let one = between(random, low, high - 1000);
                (one, one + between(random, 1, 1000))
            }
        };
        let most = (max - min).min(5000);
        let step = between(random, 1, most);
        let start = between(random, min, max);
        let last = (random.u8(..5) > 0).then(|| between(random, min, max));
        let some_range = |random: &mut fastrand::Rng| RANGES[random.usize(..3)];
        let column = (random.u8(..3) > 0).then(|| some_range(random));
        let reference = column.filter(|_| random.bool()).map(|_| some_range(random));
        let increment = if rises { step } else { -step };
        Sequence { range, min, max, start, increment, cycles: random.bool(), last, column, reference }
    }

    /// Returns the statements that create it, with this number in its name.
    fn script(&self, number: usize) -> String {
        let mut sql = format!(
            "CREATE SEQUENCE s{number} AS {} INCREMENT {} MINVALUE {} MAXVALUE {} START {} {};",
            self.range.0,
            self.increment,
            self.min,
            self.max,
            self.start,
            if self.cycles { "CYCLE" } else { "" }
        );
        if let Some((column, ..)) = self.column {
            let _ = write!(
                sql,
                "CREATE TABLE t{number} (id {column} UNIQUE); ALTER SEQUENCE s{number} OWNED BY t{number}.id;"
            );
        }
        if let Some((reference, ..)) = self.reference {
            let _ = write!(sql, "CREATE TABLE u{number} (id {reference} REFERENCES t{number} (id));");
        }
        if let Some(last) = self.last {
            let _ = write!(sql, "SELECT setval('s{number}', {last});");
        }
        sql
    }

    /// Returns the last value that it and all of its columns can hold.
    fn limit(&self) -> i128 {
        let columns = self.column.iter().chain(&self.reference);
        if self.increment > 0 {
            columns.fold(self.max, |limit, (_, _, high)| limit.min(*high))
        } else {
            columns.fold(self.min, |limit, (_, low, _)| limit.max(*low))
        }
    }

    /// Returns the report's row for it. Before 18 the server does not tell the next value of a sequence that has not been
    /// called.
    fn row(&self, number: usize, major: u32) -> Row {
        let is_known = self.last.is_some() || major >= 18;
        let limit = self.limit();
        let reached = self.last.unwrap_or(self.start - self.increment);
        let (used, whole) = if self.increment > 0 {
            (reached - self.min + 1, limit - self.min + 1)
        } else {
            (self.max - reached + 1, self.max - limit + 1)
        };
        let whole = whole.max(1);
        // In tenths of a percent, rounded. A sequence that has not been called stands before its first value.
        let tenths = (used.max(0) * 2000 + whole) / (whole * 2);
        let used_pct: f64 = format!("{}.{}", tenths / 10, tenths % 10).parse().unwrap();
        let left = ((limit - reached) / self.increment).clamp(0, i128::from(i64::MAX));
        let last = self.last.map(|last| last.to_string()).unwrap_or_default();
        vec![
            format!("s{number}"),
            self.range.0.to_owned(),
            last,
            limit.to_string(),
            if is_known { used_pct.to_string() } else { String::new() },
            self.cycles.to_string(),
            if is_known { left.to_string() } else { String::new() },
            self.increment.to_string(),
        ]
    }
}

fn how_far_sequences_have_come_is_what_arithmetic_says(bin: &Binaries) {
    let db = database(server(bin).info(), "sequences_oracle");
    let mut random = fastrand::Rng::with_seed(u64::from(bin.major));
    let sequences: Vec<Sequence> = (0..150).map(|_| Sequence::new(&mut random)).collect();
    let mut script = String::new();
    let mut theirs = Vec::new();
    for (number, sequence) in sequences.iter().enumerate() {
        script.push_str(&sequence.script(number));
        theirs.push(sequence.row(number, bin.major));
    }
    db.sql(&script);
    // They were created as intended.
    let views =
        db.sql("SELECT sequencename, last_value, max_value, min_value, increment_by FROM pg_sequences");
    assert_eq!(views.len(), sequences.len());
    for row in views {
        let number: usize = row[0].as_ref().unwrap()[1..].parse().unwrap();
        let s = &sequences[number];
        let meant = [s.last, Some(s.max), Some(s.min), Some(s.increment)].map(|n| n.map(|n| n.to_string()));
        assert_eq!(row[1..], meant, "s{number}");
    }
    let columns = "name,type,last_value,limit,used_pct,cycles,values_left,increment";
    let mut ours = answer(&db, &["sequences", "--columns", columns]);
    for row in &mut ours {
        // Large percentages may be written with an exponent.
        if !row[4].is_empty() {
            row[4] = row[4].parse::<f64>().unwrap().to_string();
        }
    }
    assert_same(&format!("sequences on {}", bin.major), ours, theirs);
}
on_every_server!(how_far_sequences_have_come_is_what_arithmetic_says);
