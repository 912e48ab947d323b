//! Conditions on the rows of a report, as the `[[check]]` tables of its header and the user's limits write them.
//!
//! A condition is comparisons joined by `and`: `state = 'inactive' and kept_bytes > 1GB`. It is true, false or unknown, as in
//! SQL. Beside a column `x`, which is its value now, it may name `was_x`, `change_x`, `rate_x` (for each second) and
//! `per_hour_x`, which compare with an earlier answer.

use serde::Deserialize;

use crate::rows::Column;
use crate::rows::cell::{Cell, Scalar};
use crate::rows::plain::plain;
use crate::units::{parse_bytes, parse_duration};

/// A value that is compared.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL's NULL, and a number that is not finite.
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Value {
    /// Returns a number multiplied by this, and anything else as it is.
    fn times(self, factor: f64) -> Value {
        match self {
            Value::Number(number) => Value::Number(number * factor),
            other => other,
        }
    }
}

/// What is compared of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Moment {
    /// Its value now.
    Now,
    /// Its value in the earlier answer.
    Was,
    /// The difference of both.
    Change,
    /// The difference for each second.
    Rate,
    /// The difference for each hour.
    PerHour,
}

/// The prefixes of the names that compare with an earlier answer.
const MOMENTS: &[(&str, Moment)] = &[
    ("was_", Moment::Was),
    ("change_", Moment::Change),
    ("rate_", Moment::Rate),
    ("per_hour_", Moment::PerHour),
];

/// A name in a condition or in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    column: usize,
    moment: Moment,
}

/// A row, and the row of the same key in an earlier answer.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    pub cells: &'a [Cell<'a>],
    pub earlier: Option<Earlier<'a>>,
}

/// A row of an earlier answer.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    pub cells: &'a [Cell<'a>],
    /// How many seconds before the later answer it was taken.
    pub seconds: f64,
    /// Whether its counters go on in the later answer.
    pub counts: bool,
}

impl Name {
    /// Finds what a name stands for among these columns; `None` if it is unknown.
    pub fn find(name: &str, columns: &[Column]) -> Option<Name> {
        let at = |name: &str| columns.iter().position(|column| column.name == name);
        if let Some(column) = at(name) {
            return Some(Name { column, moment: Moment::Now });
        }
        MOMENTS.iter().find_map(|(prefix, moment)| {
            Some(Name { column: at(name.strip_prefix(prefix)?)?, moment: *moment })
        })
    }

    /// Returns whether it needs an earlier answer.
    pub fn needs_earlier(&self) -> bool {
        self.moment != Moment::Now
    }

    /// Returns the number, if it is a rate or another difference; `None` if it is no number, or there is no earlier row.
    fn difference(&self, row: &Looked<'_>) -> Option<f64> {
        let earlier = row.earlier.filter(|earlier| earlier.counts)?;
        let now = row.cells.get(self.column)?.as_float()?;
        let change = now - earlier.cells.get(self.column)?.as_float()?;
        match self.moment {
            Moment::Rate => (earlier.seconds > 0.0).then(|| change / earlier.seconds),
            Moment::PerHour => (earlier.seconds > 0.0).then(|| change * 3600.0 / earlier.seconds),
            _ => Some(change),
        }
    }

    /// Returns the cell of the row; `None` if there is no earlier row to take it from.
    pub fn cell<'a>(&self, row: &Looked<'a>) -> Option<Cell<'a>> {
        match self.moment {
            Moment::Now => row.cells.get(self.column).cloned(),
            Moment::Was => row.earlier?.cells.get(self.column).cloned(),
            _ => self.difference(row).map(Cell::Float),
        }
    }

    fn value(&self, row: &Looked<'_>) -> Option<Value> {
        self.cell(row).as_ref().map(value_of)
    }
}

fn value_of(cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Bool(yes) => Value::Bool(*yes),
        cell => match cell.as_float() {
            Some(number) if number.is_finite() => Value::Number(number),
            Some(_) => Value::Null,
            None => Value::Text(plain(cell).into_owned()),
        },
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparator {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// The comparison signs. A sign that begins with another one stands before it.
const COMPARATORS: &[(&str, Comparator)] = &[
    ("=", Comparator::Equal),
    ("<>", Comparator::Unequal),
    ("<=", Comparator::AtMost),
    (">=", Comparator::AtLeast),
    ("<", Comparator::Less),
    (">", Comparator::More),
];

/// The right side of a comparison.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Literal(Value),
    /// A column, and what it is multiplied by.
    Column(Name, f64),
}

impl Operand {
    fn value(&self, row: &Looked<'_>) -> Option<Value> {
        match self {
            Operand::Literal(value) => Some(value.clone()),
            Operand::Column(name, factor) => name.value(row).map(|value| value.times(*factor)),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Compare(Comparator, Operand),
    IsNull(bool),
    /// Whether the value is one of these.
    In(Vec<Value>),
    /// Whether the bool has this value.
    Is(bool),
}

#[derive(Debug, Clone, PartialEq)]
struct Comparison {
    name: Name,
    /// What the column is multiplied by.
    factor: f64,
    test: Test,
}

impl Comparison {
    fn holds(&self, row: &Looked<'_>) -> Option<bool> {
        // What needs an earlier row is false without one.
        let Some(left) = self.name.value(row) else { return Some(false) };
        let left = left.times(self.factor);
        match &self.test {
            Test::IsNull(wanted) => Some((left == Value::Null) == *wanted),
            _ if left == Value::Null => None,
            Test::Is(wanted) => Some(left == Value::Bool(*wanted)),
            Test::In(values) => Some(values.contains(&left)),
            Test::Compare(comparator, operand) => {
                let Some(right) = operand.value(row) else { return Some(false) };
                let ordering = match (&left, &right) {
                    (_, Value::Null) => return None,
                    (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
                    (Value::Text(a), Value::Text(b)) => a.cmp(b),
                    (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
                    // The types were checked when the condition was read.
                    _ => return None,
                };
                Some(match comparator {
                    Comparator::Equal => ordering.is_eq(),
                    Comparator::Unequal => ordering.is_ne(),
                    Comparator::Less => ordering.is_lt(),
                    Comparator::AtMost => ordering.is_le(),
                    Comparator::More => ordering.is_gt(),
                    Comparator::AtLeast => ordering.is_ge(),
                })
            }
        }
    }

    fn needs_earlier(&self) -> bool {
        let operand = match &self.test {
            Test::Compare(_, Operand::Column(name, _)) => name.needs_earlier(),
            _ => false,
        };
        operand || self.name.needs_earlier()
    }
}

/// How a header writes conditions of which one must hold: one text, or a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Texts {
    One(String),
    Many(Vec<String>),
}

impl Texts {
    /// Returns the texts.
    pub fn list(&self) -> &[String] {
        match self {
            Texts::One(text) => std::slice::from_ref(text),
            Texts::Many(texts) => texts,
        }
    }
}

/// Conditions of which one must hold. Without any, none holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Conditions(Vec<Vec<Comparison>>);

impl Conditions {
    /// Parses conditions on rows with these columns. The error says what is wrong.
    pub fn parse(texts: &[String], columns: &[Column]) -> Result<Conditions, String> {
        let parse = |text: &String| Parser { rest: text, columns }.condition();
        let parse = |text: &String| parse(text).map_err(|why| format!("invalid condition {text:?}: {why}"));
        Ok(Conditions(texts.iter().map(parse).collect::<Result<_, _>>()?))
    }

    /// Returns whether there is any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether one of them holds; `None` if that is unknown.
    pub fn hold(&self, row: &Looked<'_>) -> Option<bool> {
        let mut is_known = true;
        for condition in &self.0 {
            match all(condition, row) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_known = false,
            }
        }
        is_known.then_some(false)
    }

    /// Returns whether none of them can hold without an earlier answer.
    pub fn need_earlier(&self) -> bool {
        let needs = |condition: &Vec<Comparison>| condition.iter().any(Comparison::needs_earlier);
        self.0.iter().all(needs)
    }

    /// Returns whether any of them compares with an earlier answer.
    pub fn use_earlier(&self) -> bool {
        self.0.iter().flatten().any(Comparison::needs_earlier)
    }

    /// Returns what this column is compared with: first where the whole condition holds, then anywhere.
    pub fn limit(&self, column: usize, row: &Looked<'_>) -> Option<Value> {
        let limit = |condition: &Vec<Comparison>| {
            let of_column = |comparison: &&Comparison| comparison.name.column == column;
            let mut limits =
                condition.iter().filter(of_column).filter_map(|comparison| match &comparison.test {
                    Test::Compare(_, operand) => operand.value(row),
                    _ => None,
                });
            limits.next()
        };
        let holding = self.0.iter().filter(|condition| all(condition, row) == Some(true));
        holding.chain(&self.0).find_map(limit)
    }

    /// Returns the same conditions with another number wherever this column is compared with one; `None` if it nowhere is.
    pub fn with_limit(&self, column: usize, number: f64) -> Option<Conditions> {
        let mut changed = self.clone();
        let mut found = false;
        for comparison in changed.0.iter_mut().flatten().filter(|one| one.name.column == column) {
            if let Test::Compare(_, operand @ (Operand::Literal(Value::Number(_)) | Operand::Column(..))) =
                &mut comparison.test
            {
                *operand = Operand::Literal(Value::Number(number));
                comparison.factor = 1.0;
                found = true;
            }
        }
        found.then_some(changed)
    }
}

/// Returns whether all comparisons hold; false if one is false, whatever is unknown.
fn all(condition: &[Comparison], row: &Looked<'_>) -> Option<bool> {
    let mut is_known = true;
    for comparison in condition {
        match comparison.holds(row) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => is_known = false,
        }
    }
    is_known.then_some(true)
}

/// Parses a number with the unit of a column: `10GB` for `x_bytes`, `5min` for `x_s`. The error says what is wrong.
pub fn parse_number(text: &str, column: &str) -> Result<f64, String> {
    if let Ok(number) = text.parse::<f64>() {
        return if number.is_finite() { Ok(number) } else { Err(format!("invalid number {text:?}")) };
    }
    let length = || -> Result<f64, String> {
        let days = |unit: char, days: f64| {
            let number = text.strip_suffix(unit)?.trim().parse::<f64>().ok()?;
            Some(number * days * 86_400.0)
        };
        match days('d', 1.0).or_else(|| days('w', 7.0)) {
            Some(seconds) => Ok(seconds),
            None => parse_duration(text).map(|length| length.as_secs_f64()),
        }
    };
    match column {
        _ if column.ends_with("_bytes") => parse_bytes(text).map(|bytes| bytes as f64),
        _ if column.ends_with("_ms") => length().map(|seconds| seconds * 1e3),
        _ if column.ends_with("_s") => length(),
        _ if column.ends_with("_pct") => {
            let number = text.strip_suffix('%').and_then(|number| number.trim().parse().ok());
            number.ok_or_else(|| format!("invalid percentage {text:?}"))
        }
        _ => Err(format!("invalid number {text:?}: column {column:?} has no unit")),
    }
}

/// What is left to parse of a condition.
struct Parser<'a> {
    rest: &'a str,
    columns: &'a [Column],
}

/// What a column's values are compared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Number,
    Text,
}

impl<'a> Parser<'a> {
    fn condition(&mut self) -> Result<Vec<Comparison>, String> {
        let mut all = vec![self.comparison()?];
        loop {
            self.skip();
            if self.rest.is_empty() {
                return Ok(all);
            }
            if !self.word("and") {
                return Err(format!("expected \"and\" before {:?}", self.rest));
            }
            all.push(self.comparison()?);
        }
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes this word, if it comes next.
    fn word(&mut self, word: &str) -> bool {
        self.skip();
        let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        match self.rest.strip_prefix(word) {
            Some(rest) if is_end(rest) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes a sign, if it comes next.
    fn sign(&mut self, sign: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a word of letters, digits, underscores and points.
    fn token(&mut self) -> &'a str {
        self.skip();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '%');
        let length = self.rest.find(|c: char| !is_part(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(length);
        self.rest = rest;
        token
    }

    fn kind(&self, name: &Name) -> Kind {
        let column = &self.columns[name.column];
        match column.kind.scalar {
            _ if column.kind.list => Kind::Text,
            Scalar::Bool => Kind::Bool,
            Scalar::Int2
            | Scalar::Int4
            | Scalar::Int8
            | Scalar::Oid
            | Scalar::Float4
            | Scalar::Float8
            | Scalar::Numeric => Kind::Number,
            _ => Kind::Text,
        }
    }

    fn name(&mut self) -> Result<Name, String> {
        let token = self.token();
        if token.is_empty() {
            return Err(match self.rest {
                "" => "expected a column at the end".to_owned(),
                rest => format!("expected a column before {rest:?}"),
            });
        }
        let name = Name::find(token, self.columns).ok_or_else(|| format!("unknown column {token:?}"))?;
        if name.moment > Moment::Was && self.kind(&name) != Kind::Number {
            return Err(format!("{token}: only a number has a change"));
        }
        Ok(name)
    }

    fn comparison(&mut self) -> Result<Comparison, String> {
        let is_negated = self.word("not");
        let name = self.name()?;
        let kind = self.kind(&name);
        let column = &self.columns[name.column].name;
        if is_negated {
            return match kind {
                Kind::Bool => Ok(Comparison { name, factor: 1.0, test: Test::Is(false) }),
                _ => Err(format!("not {column}: it is no bool")),
            };
        }
        let factor = if kind == Kind::Number { self.factor()? } else { 1.0 };
        if self.word("is") {
            let is_not = self.word("not");
            if !self.word("null") {
                return Err(format!("expected \"null\" before {:?}", self.rest));
            }
            return Ok(Comparison { name, factor, test: Test::IsNull(!is_not) });
        }
        if self.word("in") {
            if !self.sign("(") {
                return Err("expected \"(\" after \"in\"".to_owned());
            }
            let mut values = Vec::new();
            loop {
                values.push(self.literal(kind, column)?);
                if self.sign(")") {
                    return Ok(Comparison { name, factor, test: Test::In(values) });
                }
                if !self.sign(",") {
                    return Err(format!("expected \",\" or \")\" before {:?}", self.rest));
                }
            }
        }
        // The longer ones come first in the table.
        let found = COMPARATORS.iter().find(|(sign, _)| self.sign(sign));
        match (found, kind) {
            (None, Kind::Bool) => Ok(Comparison { name, factor, test: Test::Is(true) }),
            (None, _) => Err(format!("expected a comparison after {column:?}")),
            (Some((_, comparator)), kind) => {
                let operand = self.operand(kind, column)?;
                Ok(Comparison { name, factor, test: Test::Compare(*comparator, operand) })
            }
        }
    }

    fn operand(&mut self, kind: Kind, column: &str) -> Result<Operand, String> {
        self.skip();
        let is_literal = self.rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '\''))
            || ["true", "false"].iter().any(|word| {
                let mut ahead = Parser { rest: self.rest, columns: self.columns };
                ahead.word(word)
            });
        if is_literal {
            return self.literal(kind, column).map(Operand::Literal);
        }
        let name = self.name()?;
        if self.kind(&name) != kind {
            return Err(format!(
                "{column:?} and {:?} are of different types",
                self.columns[name.column].name
            ));
        }
        Ok(Operand::Column(name, self.factor()?))
    }

    /// Takes `* 2` after a column, if it comes next.
    fn factor(&mut self) -> Result<f64, String> {
        if !self.sign("*") {
            return Ok(1.0);
        }
        self.token().parse().map_err(|_| "expected a number after \"*\"".to_owned())
    }

    fn literal(&mut self, kind: Kind, column: &str) -> Result<Value, String> {
        if self.sign("'") {
            let (text, rest) = self.rest.split_once('\'').ok_or("missing closing quote")?;
            self.rest = rest;
            return match kind {
                Kind::Text => Ok(Value::Text(text.to_owned())),
                _ => Err(format!("column {column:?} is no text")),
            };
        }
        let sign = if self.sign("-") { "-" } else { "" };
        let token = format!("{sign}{}", self.token());
        match (kind, token.as_str()) {
            (Kind::Bool, "true") => Ok(Value::Bool(true)),
            (Kind::Bool, "false") => Ok(Value::Bool(false)),
            (Kind::Bool, _) => Err(format!("column {column:?} is a bool, not {token:?}")),
            (Kind::Text, _) => Err(format!("column {column:?} is a text: put {token:?} in single quotes")),
            (Kind::Number, _) => parse_number(&token, column).map(Value::Number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows;

    fn table() -> Vec<Column> {
        rows::columns(&[
            "name text",
            "size_bytes int8",
            "age_s float8",
            "used_pct float8",
            "on bool",
            "warn_bytes int8",
        ])
    }

    fn holds(text: &str, cells: &[Cell<'_>], earlier: Option<Earlier<'_>>) -> Option<bool> {
        Conditions::parse(&[text.to_owned()], &table()).unwrap().hold(&Looked { cells, earlier })
    }

    fn row(name: &'static str, size: i64, age: f64) -> [Cell<'static>; 6] {
        [
            Cell::Text(name.into()),
            Cell::Int(size),
            Cell::Float(age),
            Cell::Null,
            Cell::Bool(true),
            Cell::Int(4096),
        ]
    }

    #[test]
    fn a_condition_is_true_false_or_unknown() {
        let cells = row("a", 10 << 30, 3600.0);
        for (text, expected) in [
            ("size_bytes >= 10GB", Some(true)),
            ("size_bytes > 10GB", Some(false)),
            ("size_bytes > 1GB and age_s >= 1h", Some(true)),
            ("age_s = 60min", Some(true)),
            ("age_s < 0.5d", Some(true)),
            ("age_s < 1w", Some(true)),
            ("name = 'a' and on", Some(true)),
            ("name <> 'a'", Some(false)),
            ("name in ('b', 'a')", Some(true)),
            ("name in ('b')", Some(false)),
            ("not on", Some(false)),
            ("on = false", Some(false)),
            ("used_pct > 50", None),
            ("used_pct in (50)", None),
            ("used_pct is null", Some(true)),
            ("used_pct is not null", Some(false)),
            ("used_pct > 50 and name = 'b'", Some(false)),
            ("used_pct > 50 and name = 'a'", None),
            ("size_bytes > warn_bytes", Some(true)),
            ("size_bytes > warn_bytes * 2621440", Some(false)),
            ("size_bytes >= warn_bytes * 2621440", Some(true)),
            ("size_bytes > used_pct", None),
            ("size_bytes * 2 > 15GB", Some(true)),
            ("warn_bytes * 0.5 = 2048", Some(true)),
        ] {
            assert_eq!(holds(text, &cells, None), expected, "{text}");
        }
    }

    #[test]
    fn what_needs_an_earlier_row_is_false_without_one() {
        let (cells, before) = (row("a", 7200, 5.0), row("b", 3600, 5.0));
        let earlier = Earlier { cells: &before, seconds: 3600.0, counts: true };
        for (text, with, without) in [
            ("change_size_bytes = 3600", true, false),
            ("rate_size_bytes = 1", true, false),
            ("per_hour_size_bytes >= 3600", true, false),
            ("was_name = 'b'", true, false),
            ("was_name <> name", true, false),
            ("was_name is null", false, false),
        ] {
            assert_eq!(holds(text, &cells, Some(earlier)), Some(with), "{text}");
            assert_eq!(holds(text, &cells, None), Some(without), "{text}");
        }
        let reset = Earlier { counts: false, ..earlier };
        assert_eq!(holds("change_size_bytes > 0", &cells, Some(reset)), Some(false));
        let parse = |texts: &[&str]| {
            Conditions::parse(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), &table())
                .unwrap()
        };
        assert!(parse(&["rate_age_s > 1"]).need_earlier());
        assert!(!parse(&["rate_age_s > 1", "age_s > 1"]).need_earlier());
        assert!(parse(&["rate_age_s > 1", "age_s > 1"]).use_earlier());
    }

    #[test]
    fn a_limit_is_what_the_column_is_compared_with_and_can_be_replaced() {
        let cells = row("a", 10 << 30, 3600.0);
        let looked = Looked { cells: &cells, earlier: None };
        let texts = ["size_bytes > 20GB".to_owned(), "name = 'a' and size_bytes > 1GB".to_owned()];
        let conditions = Conditions::parse(&texts, &table()).unwrap();
        assert_eq!(conditions.limit(1, &looked), Some(Value::Number(f64::from(1 << 30))));
        assert_eq!(conditions.limit(2, &looked), None);
        let other = conditions.with_limit(1, 2e10).unwrap();
        assert_eq!((conditions.hold(&looked), other.hold(&looked)), (Some(true), Some(false)));
        assert_eq!(conditions.with_limit(2, 1.0), None);
    }

    #[test]
    fn a_condition_that_is_wrong_is_refused_with_the_reason() {
        for (text, why) in [
            ("szies_bytes > 1", "unknown column \"szies_bytes\""),
            ("size_bytes", "expected a comparison after \"size_bytes\""),
            ("size_bytes > ", "expected a column at the end"),
            ("size_bytes > 10XB", "invalid size \"10XB\""),
            ("age_s > 10GB", "invalid duration \"10GB\""),
            ("name > 5", "column \"name\" is a text"),
            ("name = 'a", "missing closing quote"),
            ("size_bytes = 'a'", "column \"size_bytes\" is no text"),
            ("on = 1", "is a bool"),
            ("not name", "it is no bool"),
            ("size_bytes > name", "are of different types"),
            ("size_bytes > 1 or on", "expected \"and\" before \"or on\""),
            ("rate_name > 1", "only a number has a change"),
            ("name in 'a'", "expected \"(\""),
            ("name is 5", "expected \"null\""),
        ] {
            let fault = Conditions::parse(&[text.to_owned()], &table()).unwrap_err();
            assert!(fault.contains(why), "{fault}");
        }
    }
}
