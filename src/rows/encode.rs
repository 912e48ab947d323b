//! Values in the server's binary form, made from their plain text: the inverse of [`Cell::decode`](super::cell) and
//! [`plain`](super::plain).

use super::cell::{ColumnType, MAX_NUMERIC_SCALE, Scalar, civil};

/// The days from 0000-03-01 to 2000-01-01, where the server begins to count.
const EPOCH: i64 = 730_425;
const DAY: i64 = 86_400_000_000;

/// Returns a value of a scalar type, as [`plain`](super::plain::plain) writes it, in the server's binary form. The error
/// says what is wrong with the text.
pub fn encode(scalar: Scalar, text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("invalid value for type {}: {text:?}", scalar.name());
    let bytes = match scalar {
        Scalar::Bool => match text {
            "true" => Some(vec![1]),
            "false" => Some(vec![0]),
            _ => None,
        },
        Scalar::Int2 => text.parse::<i16>().ok().map(|n| n.to_be_bytes().to_vec()),
        Scalar::Int4 => text.parse::<i32>().ok().map(|n| n.to_be_bytes().to_vec()),
        Scalar::Int8 => text.parse::<i64>().ok().map(|n| n.to_be_bytes().to_vec()),
        Scalar::Oid => text.parse::<u32>().ok().map(|n| n.to_be_bytes().to_vec()),
        Scalar::Float4 => {
            is_float(text).then(|| text.parse::<f32>().ok()).flatten().map(|x| x.to_be_bytes().to_vec())
        }
        Scalar::Float8 => {
            is_float(text).then(|| text.parse::<f64>().ok()).flatten().map(|x| x.to_be_bytes().to_vec())
        }
        Scalar::Numeric => numeric(text),
        Scalar::Text | Scalar::Json => Some(text.as_bytes().to_vec()),
        // The first byte is the version of the format.
        Scalar::Jsonb => Some([&[1], text.as_bytes()].concat()),
        Scalar::Timestamptz => timestamp(text, true).map(|micros| micros.to_be_bytes().to_vec()),
        Scalar::Timestamp => timestamp(text, false).map(|micros| micros.to_be_bytes().to_vec()),
        Scalar::Date => date(text).map(|days| days.to_be_bytes().to_vec()),
        Scalar::Interval => interval(text).map(|(months, days, micros)| {
            [&micros.to_be_bytes()[..], &days.to_be_bytes(), &months.to_be_bytes()].concat()
        }),
    };
    bytes.ok_or_else(wrong)
}

/// Returns an array of these elements in the server's binary form.
pub fn array(elements: &[Option<Vec<u8>>]) -> Result<Vec<u8>, String> {
    let count = i32::try_from(elements.len()).map_err(|_| "too many elements".to_owned())?;
    let has_null = i32::from(elements.iter().any(Option::is_none));
    let mut out = Vec::new();
    let mut push = |n: i32| out.extend_from_slice(&n.to_be_bytes());
    push(i32::from(count > 0));
    push(has_null);
    // Nothing reads the type of the elements: it is the column's.
    push(0);
    if count > 0 {
        push(count);
        push(1);
    }
    for element in elements {
        match element {
            None => out.extend_from_slice(&(-1_i32).to_be_bytes()),
            Some(bytes) => {
                let length = i32::try_from(bytes.len()).map_err(|_| "an element is too long".to_owned())?;
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(bytes);
            }
        }
    }
    Ok(out)
}

/// Returns whether a text is a float as the server writes it. Rust would also read `inf`, `nan` and `+1`.
fn is_float(text: &str) -> bool {
    let first = text.strip_prefix('-').unwrap_or(text).as_bytes().first();
    matches!(text, "NaN" | "Infinity" | "-Infinity") || first.is_some_and(u8::is_ascii_digit)
}

/// Parses a number of `count` digits, or of at least `count` digits if `more`.
fn digits(text: &str, count: usize, more: bool) -> Option<i64> {
    let fits = if more { text.len() >= count } else { text.len() == count };
    (fits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Returns the days since 2000-01-01 of a date such as `2026-01-31`; in the years before 1 if `bc`.
fn days(text: &str, bc: bool) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let year = digits(year, 4, true).filter(|year| *year >= 1)?;
    let (month, day) = (digits(month, 2, false)?, digits(day, 2, false)?);
    if parts.next().is_some() || year > 6_000_000 || !(1..=12).contains(&month) {
        return None;
    }
    let year = if bc { 1 - year } else { year };
    // The inverse of `civil`.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = shifted_year.rem_euclid(400);
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    let days = shifted_year.div_euclid(400) * 146_097 + of_era - EPOCH;
    // Refuses the 30th of February.
    (civil(days) == (year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)).then_some(days)
}

/// Returns the microseconds of a time such as `04:05:06.5`. The hours of a time of day have two digits; those of a
/// length of time may have more.
fn time(text: &str, is_length: bool) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, f)| (whole, Some(f)));
    let mut parts = whole.split(':');
    let hours = digits(parts.next()?, 2, is_length)?;
    let minutes = digits(parts.next()?, 2, false).filter(|n| *n < 60)?;
    let seconds = digits(parts.next()?, 2, false).filter(|n| *n < 60)?;
    let micros = match fraction {
        None => 0,
        Some(f) if f.len() <= 6 => digits(f, 1, true)? * 10_i64.pow(6 - u32::try_from(f.len()).ok()?),
        Some(_) => return None,
    };
    if parts.next().is_some() || (!is_length && hours > 23) {
        return None;
    }
    let seconds = hours.checked_mul(3600)?.checked_add(minutes * 60 + seconds)?;
    seconds.checked_mul(1_000_000)?.checked_add(micros)
}

/// Returns the microseconds since 2000-01-01 of a timestamp in the form of RFC 3339, in UTC if it has a time zone.
fn timestamp(text: &str, zoned: bool) -> Option<i64> {
    match text {
        "infinity" => return Some(i64::MAX),
        "-infinity" => return Some(i64::MIN),
        _ => {}
    }
    let (text, bc) = text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    let text = if zoned { text.strip_suffix('Z')? } else { text };
    let (date, of_day) = text.split_once('T')?;
    let days = i128::from(days(date, bc)?) * i128::from(DAY);
    let micros = i64::try_from(days + i128::from(time(of_day, false)?)).ok()?;
    // The server uses the largest and the smallest number for infinity and -infinity.
    (micros != i64::MAX && micros != i64::MIN).then_some(micros)
}

/// Returns the days since 2000-01-01 of a date.
fn date(text: &str) -> Option<i32> {
    match text {
        "infinity" => return Some(i32::MAX),
        "-infinity" => return Some(i32::MIN),
        _ => {}
    }
    let (text, bc) = text.strip_suffix(" BC").map_or((text, false), |text| (text, true));
    i32::try_from(days(text, bc)?).ok().filter(|days| *days != i32::MAX && *days != i32::MIN)
}

/// Returns the months, days and microseconds of an interval in the server's default style.
fn interval(text: &str) -> Option<(i32, i32, i64)> {
    let (mut months, mut days) = (0_i32, 0_i32);
    let mut words = text.split(' ').peekable();
    words.peek()?;
    while let Some(word) = words.next() {
        if word.contains(':') {
            let (length, sign) = word.strip_prefix('-').map_or((word, 1), |word| (word, -1));
            let micros = time(length, true)? * sign;
            return words.next().is_none().then_some((months, days, micros));
        }
        let number: i32 = word.parse().ok()?;
        match words.next()? {
            "year" | "years" => months = months.checked_add(number.checked_mul(12)?)?,
            "mon" | "mons" => months = months.checked_add(number)?,
            "day" | "days" => days = number,
            _ => return None,
        }
    }
    Some((months, days, 0))
}

/// Returns a numeric in the server's binary form: a number of base-10,000 digits, the weight of the first one, sign,
/// scale, digits.
fn numeric(text: &str) -> Option<Vec<u8>> {
    let words = |count: usize, weight: i64, sign: u16, scale: usize, digits: &[u16]| {
        let head = [
            u16::try_from(count).ok()?,
            i16::try_from(weight).ok()?.cast_unsigned(),
            sign,
            u16::try_from(scale).ok().filter(|scale| *scale <= MAX_NUMERIC_SCALE)?,
        ];
        Some(head.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect())
    };
    match text {
        "NaN" => return words(0, 0, 0xC000, 0, &[]),
        "Infinity" => return words(0, 0, 0xD000, 0, &[]),
        "-Infinity" => return words(0, 0, 0xF000, 0, &[]),
        _ => {}
    }
    let (text, sign) = text.strip_prefix('-').map_or((text, 0), |text| (text, 0x4000));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || !are_digits(whole)
        || !are_digits(fraction)
        || (text.contains('.') && fraction.is_empty())
    {
        return None;
    }
    let before = whole.len().div_ceil(4);
    let mut padded = "0".repeat(before * 4 - whole.len());
    padded.push_str(whole);
    padded.push_str(fraction);
    padded.push_str(&"0".repeat(fraction.len().next_multiple_of(4) - fraction.len()));
    let groups: Vec<u16> = padded
        .as_bytes()
        .chunks(4)
        .map(|four| four.iter().fold(0, |n, b| n * 10 + u16::from(b - b'0')))
        .collect();
    let leading = groups.iter().take_while(|group| **group == 0).count();
    if leading == groups.len() {
        return words(0, 0, 0, fraction.len(), &[]);
    }
    let trailing = groups.iter().rev().take_while(|group| **group == 0).count();
    let kept = &groups[leading..groups.len() - trailing];
    let weight = i64::try_from(before).ok()? - 1 - i64::try_from(leading).ok()?;
    words(kept.len(), weight, sign, fraction.len(), kept)
}

impl ColumnType {
    /// Returns the type's name, as [`ColumnType::by_name`] takes it. Several of the server's types may share it.
    pub fn name(self) -> String {
        format!("{}{}", self.scalar.name(), if self.list { "[]" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::cell::Cell;
    use crate::rows::plain::plain;

    const ALL: [Scalar; 15] = [
        Scalar::Bool,
        Scalar::Int2,
        Scalar::Int4,
        Scalar::Int8,
        Scalar::Oid,
        Scalar::Float4,
        Scalar::Float8,
        Scalar::Numeric,
        Scalar::Text,
        Scalar::Timestamptz,
        Scalar::Timestamp,
        Scalar::Date,
        Scalar::Interval,
        Scalar::Json,
        Scalar::Jsonb,
    ];

    /// A random value in the server's binary form.
    fn random(scalar: Scalar, random: &mut fastrand::Rng) -> Vec<u8> {
        let mut bytes = |count: usize| (0..count).map(|_| random.u8(..)).collect::<Vec<u8>>();
        match scalar {
            Scalar::Bool => vec![bytes(1)[0] % 2],
            Scalar::Int2 => bytes(2),
            Scalar::Int4 | Scalar::Oid | Scalar::Float4 => bytes(4),
            Scalar::Int8 | Scalar::Float8 => bytes(8),
            Scalar::Text => vec![b'a'; usize::from(bytes(1)[0])],
            Scalar::Json => b"{\"a\" : 1}".to_vec(),
            Scalar::Jsonb => b"\x01[1, null]".to_vec(),
            Scalar::Timestamptz | Scalar::Timestamp => match random.u8(..) % 8 {
                0 => i64::MAX.to_be_bytes().to_vec(),
                1 => i64::MIN.to_be_bytes().to_vec(),
                // From 4714 BC to 294276, as the server has them.
                _ => random.i64(-211_813_488_000_000_000..9_223_371_331_200_000_000).to_be_bytes().to_vec(),
            },
            Scalar::Date => match random.u8(..) % 8 {
                0 => i32::MAX.to_be_bytes().to_vec(),
                1 => i32::MIN.to_be_bytes().to_vec(),
                _ => random.i32(-2_451_545..2_145_031_948).to_be_bytes().to_vec(),
            },
            Scalar::Interval => {
                let (micros, days, months) = (random.i64(..) / 1000, random.i32(..), random.i32(..));
                let zero = random.u8(..) % 8;
                let part = |bit: u8, n: i64| if zero & bit == 0 { n } else { 0 };
                let (days, months) = (part(1, days.into()) as i32, part(2, months.into()) as i32);
                [&part(4, micros).to_be_bytes()[..], &days.to_be_bytes(), &months.to_be_bytes()].concat()
            }
            Scalar::Numeric => {
                let text = match random.u8(..) % 12 {
                    0 => "NaN".to_owned(),
                    1 => "Infinity".to_owned(),
                    2 => "-Infinity".to_owned(),
                    n => {
                        let mut digits = |most: usize| -> String {
                            (0..random.usize(..most))
                                .map(|_| char::from(b'0' + random.u8(..10) * (n % 2)))
                                .collect()
                        };
                        let (whole, fraction) = (digits(30), digits(30));
                        let whole = whole.trim_start_matches('0');
                        let whole = if whole.is_empty() { "0" } else { whole };
                        let is_zero = whole == "0" && fraction.trim_matches('0').is_empty();
                        let sign = if n > 8 && !is_zero { "-" } else { "" };
                        if fraction.is_empty() {
                            format!("{sign}{whole}")
                        } else {
                            format!("{sign}{whole}.{fraction}")
                        }
                    }
                };
                numeric(&text).unwrap()
            }
        }
    }

    #[test]
    fn every_value_of_every_type_comes_back_from_its_text() {
        let mut generator = fastrand::Rng::with_seed(18);
        for scalar in ALL {
            let kind = ColumnType { scalar, list: false };
            for _ in 0..4000 {
                let raw = random(scalar, &mut generator);
                let cell = kind.decode(Some(&raw)).unwrap();
                let text = plain(&cell).into_owned();
                let again = encode(scalar, &text).unwrap();
                let same = kind.decode(Some(&again)).unwrap();
                // NaN differs from itself.
                assert!(same == cell || (text == "NaN" && plain(&same) == "NaN"), "{scalar:?} {text}");
                if !matches!(scalar, Scalar::Float4 | Scalar::Float8) {
                    assert_eq!(again, raw, "{scalar:?} {text}");
                }
            }
        }
    }

    #[test]
    fn arrays_come_back_with_their_nulls() {
        let kind = ColumnType { scalar: Scalar::Text, list: true };
        for elements in [vec![], vec![None], vec![Some(b"a".to_vec()), None, Some(Vec::new())]] {
            let raw = array(&elements).unwrap();
            let cells = elements.iter().map(|one| match one {
                None => Cell::Null,
                Some(text) => Cell::Text(String::from_utf8(text.clone()).unwrap().into()),
            });
            assert_eq!(kind.decode(Some(&raw)), Ok(Cell::List(cells.collect())));
        }
    }

    #[test]
    fn what_is_no_value_of_its_type_is_refused() {
        for (scalar, texts) in [
            (Scalar::Bool, &["t", "", "TRUE"][..]),
            (Scalar::Int2, &["32768", "1.0", "", "0x1"]),
            (Scalar::Oid, &["-1", "4294967296"]),
            (Scalar::Float8, &["inf", "nan", "+1", "", "-"]),
            (Scalar::Numeric, &["", "-", ".5", "5.", "1e5", "+1", "1.2.3", "--1"]),
            (
                Scalar::Date,
                &["2026-02-30", "2026-13-01", "2026-1-1", "0000-01-01", "26-01-01", "2026-01-01-01"],
            ),
            (
                Scalar::Timestamptz,
                &[
                    "2026-01-01T00:00:00",
                    "2026-01-01T24:00:00Z",
                    "2026-01-01 00:00:00Z",
                    "2026-01-01T00:00:00.1234567Z",
                ],
            ),
            (Scalar::Timestamp, &["2026-01-01T00:00:00Z", "2026-01-01T00:60:00", "300000-01-01T00:00:00"]),
            (Scalar::Interval, &["", "1", "1 week", "1 day 00:00:00 x", "1 day 1:2:3", "9999999999 days"]),
        ] {
            for text in texts {
                assert!(encode(scalar, text).is_err(), "{scalar:?} {text:?}");
            }
        }
    }
}
