//! The values of a row: the closed list of their types, and the cell that a value is decoded to.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;

use tokio_postgres::types::Type;

/// A value, typed. Text that is not UTF-8 (from an SQL_ASCII database) shows each bad byte as `\xE9`.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// SQL's NULL.
    Null,
    /// A boolean.
    Bool(bool),
    /// Any integer type, and oid.
    Int(i64),
    /// float4 and float8; a float4 holds the shortest decimal that reads back as itself.
    Float(f64),
    /// numeric, verbatim; `NaN` and the infinities too.
    Numeric(String),
    /// Any text type.
    Text(Cow<'a, str>),
    /// Microseconds since 2000-01-01 00:00 (UTC where `zoned`); `i64::MAX` and `MIN` are the infinities.
    Timestamp {
        /// The microseconds.
        micros: i64,
        /// timestamptz rather than timestamp.
        zoned: bool,
    },
    /// Days since 2000-01-01; `i32::MAX` and `MIN` are the infinities.
    Date(i32),
    /// Months, days and microseconds, kept apart as the server does.
    Interval {
        months: i32,
        days: i32,
        /// Microseconds.
        micros: i64,
    },
    /// JSON text, verbatim.
    Json(Cow<'a, str>),
    /// A one-dimensional array.
    List(Vec<Cell<'a>>),
}

/// A row's cells; most reports have no more than these many columns.
pub type Cells<'a> = smallvec::SmallVec<[Cell<'a>; 8]>;

/// A row's values as the server sent them.
pub type Raw<'a> = smallvec::SmallVec<[Option<&'a [u8]>; 10]>;

/// The closed list of column types; anything else must be cast in the report's SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    /// `text`, `name`, `varchar`, `bpchar`, `"char"`
    Text,
    Timestamptz,
    Timestamp,
    Date,
    Interval,
    Json,
    Jsonb,
}

/// The type of a column: a scalar, or an array of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnType {
    /// The scalar type, or that of the elements.
    pub scalar: Scalar,
    /// Whether it is an array.
    pub list: bool,
}

/// The type names that a header may use, each with the server's types that it stands for.
const NAMES: &[(&str, Scalar, Type, Type)] = &[
    ("bool", Scalar::Bool, Type::BOOL, Type::BOOL_ARRAY),
    ("int2", Scalar::Int2, Type::INT2, Type::INT2_ARRAY),
    ("int4", Scalar::Int4, Type::INT4, Type::INT4_ARRAY),
    ("int8", Scalar::Int8, Type::INT8, Type::INT8_ARRAY),
    ("oid", Scalar::Oid, Type::OID, Type::OID_ARRAY),
    ("float4", Scalar::Float4, Type::FLOAT4, Type::FLOAT4_ARRAY),
    ("float8", Scalar::Float8, Type::FLOAT8, Type::FLOAT8_ARRAY),
    ("numeric", Scalar::Numeric, Type::NUMERIC, Type::NUMERIC_ARRAY),
    ("text", Scalar::Text, Type::TEXT, Type::TEXT_ARRAY),
    ("name", Scalar::Text, Type::NAME, Type::NAME_ARRAY),
    ("varchar", Scalar::Text, Type::VARCHAR, Type::VARCHAR_ARRAY),
    ("bpchar", Scalar::Text, Type::BPCHAR, Type::BPCHAR_ARRAY),
    ("char", Scalar::Text, Type::CHAR, Type::CHAR_ARRAY),
    ("timestamptz", Scalar::Timestamptz, Type::TIMESTAMPTZ, Type::TIMESTAMPTZ_ARRAY),
    ("timestamp", Scalar::Timestamp, Type::TIMESTAMP, Type::TIMESTAMP_ARRAY),
    ("date", Scalar::Date, Type::DATE, Type::DATE_ARRAY),
    ("interval", Scalar::Interval, Type::INTERVAL, Type::INTERVAL_ARRAY),
    ("json", Scalar::Json, Type::JSON, Type::JSON_ARRAY),
    ("jsonb", Scalar::Jsonb, Type::JSONB, Type::JSONB_ARRAY),
];

/// SQL's other names for these types.
const ALIASES: &[(&str, &str)] = &[
    ("boolean", "bool"),
    ("smallint", "int2"),
    ("int", "int4"),
    ("integer", "int4"),
    ("bigint", "int8"),
    ("real", "float4"),
    ("decimal", "numeric"),
];

/// The largest number of digits after the decimal point of a numeric.
pub(super) const MAX_NUMERIC_SCALE: u16 = 16_383;

impl Scalar {
    /// Returns the name of the server's type, or of one of them: `text` for all kinds of text.
    pub fn name(self) -> &'static str {
        // The first of the names is the usual one.
        NAMES.iter().find(|(_, scalar, ..)| *scalar == self).map_or("", |(name, ..)| name)
    }
}

impl ColumnType {
    /// Text, which is the type of the columns that pgkit adds.
    pub const TEXT: ColumnType = ColumnType { scalar: Scalar::Text, list: false };

    /// Returns the type, and the server's own type, for a name in a header (`int8`, `text[]`).
    pub fn by_name(name: &str) -> Option<(ColumnType, Type)> {
        let (base, list) = name.strip_suffix("[]").map_or((name, false), |base| (base, true));
        let base = ALIASES.iter().find(|(alias, _)| *alias == base).map_or(base, |(_, name)| name);
        NAMES.iter().find(|(n, ..)| *n == base).map(|(_, scalar, one, many)| {
            (ColumnType { scalar: *scalar, list }, if list { many.clone() } else { one.clone() })
        })
    }

    /// Returns the column type for one of the server's types; `None` if pgkit cannot read it.
    pub fn of(server_type: &Type) -> Option<ColumnType> {
        NAMES.iter().find_map(|(_, scalar, one, many)| match () {
            () if server_type == one => Some(ColumnType { scalar: *scalar, list: false }),
            () if server_type == many => Some(ColumnType { scalar: *scalar, list: true }),
            () => None,
        })
    }

    /// Returns the names that [`ColumnType::by_name`] takes, for messages.
    pub fn names() -> String {
        NAMES.iter().map(|(n, ..)| *n).collect::<Vec<_>>().join(", ")
    }

    /// Returns whether its values are whole numbers.
    pub fn is_whole_number(self) -> bool {
        !self.list && matches!(self.scalar, Scalar::Int2 | Scalar::Int4 | Scalar::Int8 | Scalar::Oid)
    }

    /// Reads the server's binary form of one value; the error says what is wrong with it.
    pub fn decode<'a>(self, raw: Option<&'a [u8]>) -> Result<Cell<'a>, String> {
        let Some(raw) = raw else { return Ok(Cell::Null) };
        if self.list { decode_list(self.scalar, raw) } else { decode(self.scalar, raw) }
    }
}

fn array<const N: usize>(raw: &[u8]) -> Result<[u8; N], String> {
    raw.try_into().map_err(|_| format!("{} bytes where {N} are due", raw.len()))
}

fn decode(scalar: Scalar, raw: &[u8]) -> Result<Cell<'_>, String> {
    Ok(match scalar {
        Scalar::Bool => Cell::Bool(array::<1>(raw)?[0] != 0),
        Scalar::Int2 => Cell::Int(i16::from_be_bytes(array(raw)?).into()),
        Scalar::Int4 => Cell::Int(i32::from_be_bytes(array(raw)?).into()),
        Scalar::Int8 => Cell::Int(i64::from_be_bytes(array(raw)?)),
        Scalar::Oid => Cell::Int(u32::from_be_bytes(array(raw)?).into()),
        Scalar::Float4 => {
            let single = f32::from_be_bytes(array(raw)?);
            Cell::Float(single.to_string().parse().unwrap_or(f64::from(single)))
        }
        Scalar::Float8 => Cell::Float(f64::from_be_bytes(array(raw)?)),
        Scalar::Numeric => Cell::Numeric(numeric(raw)?),
        Scalar::Text => Cell::Text(text(raw)),
        Scalar::Timestamptz => Cell::Timestamp { micros: i64::from_be_bytes(array(raw)?), zoned: true },
        Scalar::Timestamp => Cell::Timestamp { micros: i64::from_be_bytes(array(raw)?), zoned: false },
        Scalar::Date => Cell::Date(i32::from_be_bytes(array(raw)?)),
        Scalar::Interval => {
            let raw = array::<16>(raw)?;
            let (micros, rest) = raw.split_at(8);
            let (days, months) = rest.split_at(4);
            Cell::Interval {
                months: i32::from_be_bytes(array(months)?),
                days: i32::from_be_bytes(array(days)?),
                micros: i64::from_be_bytes(array(micros)?),
            }
        }
        Scalar::Json => Cell::Json(text(raw)),
        Scalar::Jsonb => match raw {
            [1, rest @ ..] => Cell::Json(text(rest)),
            _ => return Err("an unknown version of jsonb".to_owned()),
        },
    })
}

/// Returns UTF-8 text as it is; any byte that is not UTF-8 is shown as `\xE9`.
pub fn text(raw: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(raw) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut out = String::with_capacity(raw.len() + 16);
            for chunk in raw.utf8_chunks() {
                out.push_str(chunk.valid());
                for byte in chunk.invalid() {
                    let _ = write!(out, "\\x{byte:02X}");
                }
            }
            Cow::Owned(out)
        }
    }
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, rest) = self.0.split_at_checked(n).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(head)
    }
    fn i32(&mut self) -> Result<i32, String> {
        Ok(i32::from_be_bytes(array(self.take(4)?)?))
    }
    fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from_be_bytes(array(self.take(2)?)?))
    }
}

/// Decodes the server's array format: dimensions, flags, element type, then each dimension's length and lower
/// bound.
fn decode_list(scalar: Scalar, raw: &[u8]) -> Result<Cell<'_>, String> {
    let mut bytes = Bytes(raw);
    let dimensions = bytes.i32()?;
    bytes.take(8)?;
    match dimensions {
        0 => return Ok(Cell::List(Vec::new())),
        1 => {}
        n => return Err(format!("an array of {n} dimensions; flatten it in the report's SQL")),
    }
    let count = bytes.i32()?;
    bytes.take(4)?;
    let mut cells = Vec::new();
    for _ in 0..count {
        cells.push(match usize::try_from(bytes.i32()?) {
            Ok(len) => decode(scalar, bytes.take(len)?)?,
            Err(_) => Cell::Null,
        });
    }
    Ok(Cell::List(cells))
}

/// Decodes the server's numeric format: base-10,000 digits with a weight, a sign and a display scale.
fn numeric(raw: &[u8]) -> Result<String, String> {
    let mut bytes = Bytes(raw);
    let digits = bytes.u16()?;
    let weight = i32::from(bytes.u16()?.cast_signed());
    let sign = bytes.u16()?;
    let scale = usize::from(bytes.u16()?);
    match sign {
        0xC000 => return Ok("NaN".to_owned()),
        0xD000 => return Ok("Infinity".to_owned()),
        0xF000 => return Ok("-Infinity".to_owned()),
        _ => {}
    }
    let groups = (0..digits).map(|_| bytes.u16()).collect::<Result<Vec<_>, _>>()?;
    let group = |i: i32| usize::try_from(i).ok().and_then(|i| groups.get(i)).copied().unwrap_or(0);
    let mut out = String::new();
    if sign == 0x4000 {
        out.push('-');
    }
    if weight < 0 {
        out.push('0');
    } else {
        let _ = write!(out, "{}", group(0));
        for i in 1..=weight {
            let _ = write!(out, "{:04}", group(i));
        }
    }
    if scale > 0 {
        out.push('.');
        let mut fraction = String::new();
        let mut i = weight + 1;
        while fraction.len() < scale {
            let _ = write!(fraction, "{:04}", if i < 0 { 0 } else { group(i) });
            i += 1;
        }
        out.push_str(&fraction[..scale]);
    }
    Ok(out)
}

/// Compares two decimal numbers written as PostgreSQL writes them; NaN is the largest, as there.
fn compare_numeric(a: &str, b: &str) -> Ordering {
    fn rank(s: &str) -> i8 {
        match s {
            "-Infinity" => -1,
            "Infinity" => 1,
            "NaN" => 2,
            _ => 0,
        }
    }
    if rank(a) != 0 || rank(b) != 0 {
        return rank(a).cmp(&rank(b));
    }
    fn parts(s: &str) -> (bool, &str, &str) {
        let (negative, s) = s.strip_prefix('-').map_or((false, s), |s| (true, s));
        let (whole, fraction) = s.split_once('.').unwrap_or((s, ""));
        (negative, whole.trim_start_matches('0'), fraction.trim_end_matches('0'))
    }
    let ((na, wa, fa), (nb, wb, fb)) = (parts(a), parts(b));
    let zero = |w: &str, f: &str| w.is_empty() && f.is_empty();
    let magnitude = wa.len().cmp(&wb.len()).then_with(|| wa.cmp(wb)).then_with(|| fa.cmp(fb));
    match (na && !zero(wa, fa), nb && !zero(wb, fb)) {
        (false, false) => magnitude,
        (true, true) => magnitude.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

impl Cell<'_> {
    /// Returns a number as a float; `None` for NULL and for everything else.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Cell::Int(n) => Some(*n as f64),
            Cell::Float(x) => Some(*x),
            Cell::Numeric(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Compares two values of one column; NULL comes last, whichever way the rest is sorted.
    pub fn compare(&self, other: &Cell<'_>) -> Ordering {
        match (self, other) {
            (Cell::Bool(a), Cell::Bool(b)) => a.cmp(b),
            (Cell::Int(a), Cell::Int(b)) => a.cmp(b),
            (Cell::Float(a), Cell::Float(b)) => a.total_cmp(b),
            (Cell::Numeric(a), Cell::Numeric(b)) => compare_numeric(a, b),
            (Cell::Text(a), Cell::Text(b)) | (Cell::Json(a), Cell::Json(b)) => a.cmp(b),
            (Cell::Timestamp { micros: a, .. }, Cell::Timestamp { micros: b, .. }) => a.cmp(b),
            (Cell::Date(a), Cell::Date(b)) => a.cmp(b),
            (
                Cell::Interval { months: ma, days: da, micros: ua },
                Cell::Interval { months: mb, days: db, micros: ub },
            ) => interval_micros(*ma, *da, *ua).cmp(&interval_micros(*mb, *db, *ub)),
            (Cell::List(a), Cell::List(b)) => a
                .iter()
                .zip(b)
                .map(|(a, b)| a.compare(b))
                .find(|o| o.is_ne())
                .unwrap_or_else(|| a.len().cmp(&b.len())),
            (Cell::Null, Cell::Null) => Ordering::Equal,
            (Cell::Null, _) => Ordering::Greater,
            (_, Cell::Null) => Ordering::Less,
            // All cells of one column have the same type.
            _ => Ordering::Equal,
        }
    }
}

/// Returns an interval's length for comparing, as the server counts it: a month is 30 days, a day 24 hours.
fn interval_micros(months: i32, days: i32, micros: i64) -> i128 {
    (i128::from(months) * 30 + i128::from(days)) * 86_400_000_000 + i128::from(micros)
}

/// Converts days since 2000-01-01 to a civil date (proleptic Gregorian calendar; the year 1 BC is 0, earlier ones
/// are negative). jiff's calendar ends in the year 9999, the server's in 294276.
pub(super) fn civil(days: i64) -> (i64, u8, u8) {
    // Counted from 0000-03-01, so that a leap day ends its year; 146,097 days are 400 years.
    let day = days + 730_425;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u8::try_from(month).unwrap_or(0), u8::try_from(day).unwrap_or(0))
}

/// Appends a number with at least this many digits. With `write!` instead, times would take a third of the cost of
/// streaming.
fn push_digits(out: &mut Vec<u8>, mut n: u64, least: usize) {
    let mut digits = [b'0'; 20];
    let mut first = digits.len();
    while n > 0 || digits.len() - first < least {
        first -= 1;
        digits[first] = b'0' + (n % 10) as u8;
        n /= 10;
    }
    out.extend_from_slice(&digits[first..]);
}

/// Returns the two digits of a number below a hundred.
fn two(n: u64) -> [u8; 2] {
    [b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8]
}

fn push_date(out: &mut Vec<u8>, days: i64) -> bool {
    let (year, month, day) = civil(days);
    let shown = if year > 0 { year } else { 1 - year };
    push_digits(out, shown.unsigned_abs(), 4);
    let ([a, b], [c, d]) = (two(month.into()), two(day.into()));
    out.extend_from_slice(&[b'-', a, b, b'-', c, d]);
    year <= 0
}

fn push_time(out: &mut Vec<u8>, micros: i64) {
    let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    let ([a, b], [c, d]) = (two(seconds / 60 % 60), two(seconds % 60));
    push_digits(out, seconds / 3600, 2);
    out.extend_from_slice(&[b':', a, b, b':', c, d]);
    push_fraction(out, fraction, 6);
}

/// Appends up to six digits after a decimal point, without trailing zeros, and without the point if no digit is
/// left.
fn push_fraction(out: &mut Vec<u8>, fraction: u64, digits: usize) {
    if fraction == 0 {
        return;
    }
    let mut text = [b'.'; 7];
    let mut rest = fraction;
    for digit in text[1..=digits].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let zeros = text[..=digits].iter().rev().take_while(|digit| **digit == b'0').count();
    out.extend_from_slice(&text[..=digits - zeros]);
}

/// Returns what `write` appends, which must be ASCII.
fn ascii(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(32);
    write(&mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Returns a date in the form of ISO 8601, with the server's `BC` if it needs that.
pub fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".to_owned(),
        i32::MIN => "-infinity".to_owned(),
        days => ascii(|out| {
            if push_date(out, days.into()) {
                out.extend_from_slice(b" BC");
            }
        }),
    }
}

/// Returns a timestamp in the form of RFC 3339: in UTC if it has a time zone, without an offset if it has none.
pub fn timestamp(micros: i64, zoned: bool) -> String {
    ascii(|out| push_timestamp(out, micros, zoned))
}

/// Appends the text that [`timestamp`] returns.
pub fn push_timestamp(out: &mut Vec<u8>, micros: i64, zoned: bool) {
    const DAY: i64 = 86_400_000_000;
    match micros {
        i64::MAX => out.extend_from_slice(b"infinity"),
        i64::MIN => out.extend_from_slice(b"-infinity"),
        micros => {
            let bc = push_date(out, micros.div_euclid(DAY));
            out.push(b'T');
            push_time(out, micros.rem_euclid(DAY));
            if zoned {
                out.push(b'Z');
            }
            if bc {
                out.extend_from_slice(b" BC");
            }
        }
    }
}

/// Appends timestamps with a time zone, as [`push_timestamp`] does. It keeps the text of the last second, because
/// most lines of a log fall within the same second as the line before.
#[derive(Debug, Default)]
pub struct Timestamps {
    second: i64,
    text: Vec<u8>,
}

impl Timestamps {
    /// Appends a timestamp, given in microseconds since 2000-01-01 UTC.
    pub fn push(&mut self, out: &mut Vec<u8>, micros: i64) {
        const SECOND: i64 = 1_000_000;
        // Times before 2000, whose text may end in BC, and infinity.
        if !(0..i64::MAX).contains(&micros) {
            return push_timestamp(out, micros, true);
        }
        let (second, fraction) = (micros / SECOND, micros.unsigned_abs() % SECOND.unsigned_abs());
        if self.text.is_empty() || self.second != second {
            self.text.clear();
            push_timestamp(&mut self.text, second * SECOND, false);
            self.second = second;
        }
        out.extend_from_slice(&self.text);
        push_fraction(out, fraction, 6);
        out.push(b'Z');
    }
}

/// Returns a timestamp for users: in this time zone, to the second, with its offset. Before the year 1 and beyond
/// jiff's last year it has the form for programs.
pub fn local_timestamp(micros: i64, zoned: bool, zone: &jiff::tz::TimeZone) -> String {
    // 2000-01-01 is 946,684,800 seconds after 1970-01-01.
    let unix = micros
        .checked_add(946_684_800_000_000)
        .and_then(|m| jiff::Timestamp::from_microsecond(m).ok())
        .filter(|t| t.to_zoned(zone.clone()).year() > 0);
    match unix {
        Some(t) if zoned => t.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string(),
        Some(t) => t.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        None => timestamp(micros, zoned),
    }
}

/// Returns an interval in the server's default style (`1 year 2 mons -3 days 04:05:06`).
pub fn interval(months: i32, days: i32, micros: i64) -> String {
    let mut out = String::new();
    let mut push = |n: i32, one: &str, many: &str| {
        if n != 0 {
            let space = if out.is_empty() { "" } else { " " };
            let _ = write!(out, "{space}{n} {}", if n == 1 { one } else { many });
        }
    };
    push(months / 12, "year", "years");
    push(months % 12, "mon", "mons");
    push(days, "day", "days");
    if micros != 0 || out.is_empty() {
        if !out.is_empty() {
            out.push(' ');
        }
        if micros < 0 {
            out.push('-');
        }
        let micros = i64::try_from(micros.unsigned_abs()).unwrap_or(i64::MAX);
        out.push_str(&ascii(|out| push_time(out, micros)));
    }
    out
}

/// Returns a float as PostgreSQL prints it: the shortest form that reads back as the same value.
pub fn float(value: f64) -> String {
    ascii(|out| push_float(out, value))
}

/// Appends a whole number.
pub fn push_int(out: &mut Vec<u8>, n: i64) {
    if n < 0 {
        out.push(b'-');
    }
    push_digits(out, n.unsigned_abs(), 1);
}

/// Appends the text that [`float`] returns.
pub fn push_float(out: &mut Vec<u8>, value: f64) {
    use std::io::Write as _;
    // Milliseconds and seconds as the server rounds them. No two decimals of at most 15 digits are the same float,
    // so a decimal that reads back as the value is the shortest.
    let thousandths = value * 1e3;
    if (0.0..1e15).contains(&value)
        && thousandths < 1e15
        && thousandths.fract() == 0.0
        && thousandths / 1e3 == value
        && value.is_sign_positive()
    {
        let whole = thousandths as u64;
        push_digits(out, whole / 1000, 1);
        push_fraction(out, whole % 1000, 3);
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"Infinity" } else { b"-Infinity" });
    } else {
        // Writing to memory does not fail.
        let _ = write!(out, "{value:?}");
        if out.ends_with(b".0") {
            out.truncate(out.len() - 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_is_the_shortest_that_reads_back_however_it_is_made() {
        let mut random = fastrand::Rng::with_seed(3);
        for round in 0..20_000 {
            let value = match round % 4 {
                0 => f64::from(random.u32(..)) / 1e3,
                1 => random.u64(..1 << 60) as f64 / 1e3,
                2 => f64::from_bits(random.u64(..)),
                _ => (f64::from(random.u32(..100_000)) / 1e3).next_up(),
            };
            let expected = format!("{value:?}");
            if value.is_finite() {
                assert_eq!(float(value), expected.strip_suffix(".0").unwrap_or(&expected), "{round}");
            }
        }
        for (value, text) in
            [(0.0, "0"), (-0.0, "-0"), (0.5, "0.5"), (26.757, "26.757"), (1e15, "1000000000000000")]
        {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn dates_and_timestamps_read_as_the_server_prints_them() {
        assert_eq!(date(0), "2000-01-01");
        assert_eq!(date(-1), "1999-12-31");
        assert_eq!(date(8825), "2024-02-29");
        assert_eq!(date(-2_451_545 + 1), "4714-11-25 BC"); // one day after julian day 0
        assert_eq!(date(i32::MAX), "infinity");
        assert_eq!(timestamp(1_500_000, true), "2000-01-01T00:00:01.5Z");
        assert_eq!(timestamp(-1, false), "1999-12-31T23:59:59.999999");
        assert_eq!(timestamp(i64::MIN, true), "-infinity");
        assert_eq!(timestamp(9_223_371_331_199_999_999, false), "294276-12-31T23:59:59.999999");
        let zone = jiff::tz::TimeZone::get("America/Los_Angeles").unwrap();
        assert_eq!(local_timestamp(0, true, &zone), "1999-12-31 16:00:00-08:00");
        assert_eq!(local_timestamp(-64_464_465_600_000_000, true, &zone), "0044-03-15T12:00:00Z BC");
    }

    #[test]
    fn intervals_and_floats_read_as_the_server_prints_them() {
        assert_eq!(interval(0, 0, 0), "00:00:00");
        assert_eq!(interval(14, -3, 14_706_000_000), "1 year 2 mons -3 days 04:05:06");
        assert_eq!(interval(0, 1, -1), "1 day -00:00:00.000001");
        assert_eq!(float(2.0), "2");
        assert_eq!(float(1e300), "1e300");
        assert_eq!(float(f64::NEG_INFINITY), "-Infinity");
        assert_eq!(
            ColumnType::by_name("float4").unwrap().0.decode(Some(&0.1f32.to_be_bytes())),
            Ok(Cell::Float(0.1))
        );
    }

    #[test]
    fn numerics_keep_every_digit() {
        let raw = |digits: &[u16], weight: i16, sign: u16, scale: u16| {
            let mut out = Vec::new();
            for n in [u16::try_from(digits.len()).unwrap(), weight.cast_unsigned(), sign, scale]
                .iter()
                .chain(digits)
            {
                out.extend(n.to_be_bytes());
            }
            out
        };
        for (raw, text) in [
            (raw(&[1, 2345, 6000], 1, 0, 2), "12345.60"),
            (raw(&[], 0, 0, 0), "0"),
            (raw(&[], 0, 0, 3), "0.000"),
            (raw(&[5], -2, 0x4000, 8), "-0.00000005"),
            (raw(&[1], 3, 0, 0), "1000000000000"),
            (raw(&[], 0, 0xC000, 0), "NaN"),
        ] {
            assert_eq!(numeric(&raw).unwrap(), text);
        }
        let mut sorted = vec!["NaN", "10", "9.5", "-3", "-20.1", "0.0", "-Infinity", "9.50001"];
        sorted.sort_by(|a, b| compare_numeric(a, b));
        assert_eq!(sorted, ["-Infinity", "-20.1", "-3", "0.0", "9.5", "9.50001", "10", "NaN"]);
    }

    #[test]
    fn bytes_that_are_no_utf8_are_shown_and_nulls_sort_last() {
        assert_eq!(text(b"caf\xe9 \xc3\xa9"), "caf\\xE9 é");
        assert_eq!(Cell::Null.compare(&Cell::Int(1)), Ordering::Greater);
        assert!(ColumnType::by_name("int8").unwrap().0.decode(Some(&[0, 1])).is_err());
        assert_eq!(ColumnType::by_name("mood"), None);
    }
}
