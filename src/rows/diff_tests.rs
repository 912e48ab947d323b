use super::*;
use crate::rows::Row;

/// Every type of a column that a report may have, but for arrays, and one array.
const COLUMNS: &[&str] = &[
    "id int4",
    "part text",
    "a int8",
    "b float8",
    "c numeric",
    "d text",
    "e timestamptz",
    "f bool",
    "g interval",
    "h text[]",
    "i oid",
];

fn columns() -> Vec<Column> {
    crate::rows::columns(COLUMNS)
}

fn differ(columns: &[Column]) -> Differ {
    Differ::new("r", columns, &["id".to_owned(), "part".to_owned()], columns).unwrap()
}

type Values = Vec<Option<Vec<u8>>>;

fn raw(row: &Values) -> Raw<'_> {
    row.iter().map(Option::as_deref).collect()
}

/// Returns what differs between two answers.
fn differences(columns: &[Column], earlier: &[Values], later: &[Values]) -> Vec<Values> {
    let mut differ = differ(columns);
    for row in earlier {
        differ.earlier(None, &raw(row)).unwrap();
    }
    let mut found: Vec<Values> = Vec::new();
    let mut out = |_: Option<&str>, row: &[Option<&[u8]>]| {
        found.push(row.iter().map(|value| value.map(<[u8]>::to_vec)).collect());
        Ok(Flow::More)
    };
    for row in later {
        differ.later(None, &raw(row), &mut out).unwrap();
    }
    differ.gone(&|_| true, &mut out).unwrap();
    assert_eq!(differ.differences, found.len() as u64);
    found
}

/// Applies the differences to the earlier answer: what results must be the later one.
fn applied(columns: &[Column], earlier: &[Values], found: &[Values]) -> Vec<Values> {
    let shape = differ(columns).columns();
    let place = |name: &str| shape.iter().position(|column| column.name == name).unwrap();
    let later_of =
        |row: &Values| -> Values { columns.iter().map(|column| row[place(&column.name)].clone()).collect() };
    let key = |row: &Values| (row[0].clone(), row[1].clone());
    let mut result: Vec<Values> = earlier.to_vec();
    for row in found {
        let later = later_of(row);
        match row[0].as_deref().unwrap() {
            b"new" => result.push(later),
            b"gone" => result.retain(|one| key(one) != key(&later)),
            b"changed" => {
                let place = result.iter().position(|one| key(one) == key(&later)).unwrap();
                result[place] = later;
            }
            other => panic!("{other:?}"),
        }
    }
    result.sort();
    result
}

fn random_row(random: &mut fastrand::Rng, columns: &[Column], key: (i32, Option<&str>)) -> Values {
    let texts: [&[&str]; 9] = [
        &["0", "1", "-7", "9223372036854775807", "-9223372036854775808"],
        &["0", "1.5", "NaN", "Infinity", "-Infinity", "-0", "0.1", "1e300"],
        &["0", "1.50", "1.5", "NaN", "-3.333", "99999999999999999999999999999999999999999", "0.000"],
        &["", "a", "a\tb"],
        &["infinity", "2026-01-01T00:00:00Z", "-infinity"],
        &["true", "false"],
        &["00:00:00", "1 day", "24:00:00", "1 mon"],
        &["x", ""],
        &["0", "4294967295"],
    ];
    let mut row: Values =
        vec![Some(key.0.to_be_bytes().to_vec()), key.1.map(|text| text.as_bytes().to_vec())];
    for (column, choices) in columns[2..].iter().zip(texts) {
        let mut one = || encode::encode(column.kind.scalar, choices[random.usize(..choices.len())]).unwrap();
        let value = if column.kind.list { encode::array(&[Some(one()), None]).unwrap() } else { one() };
        row.push(if random.u8(..4) == 0 { None } else { Some(value) });
    }
    row
}

#[test]
fn the_difference_applied_to_the_earlier_answer_is_the_later_one() {
    let columns = columns();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..2000 {
        let mut answer = || -> Vec<Values> {
            let mut rows: Vec<Values> = Vec::new();
            for id in 0..4 {
                for part in [None, Some(""), Some("a")] {
                    if random.bool() {
                        rows.push(random_row(&mut random, &columns, (id, part)));
                    }
                }
            }
            rows.sort();
            rows
        };
        let (earlier, later) = (answer(), answer());
        let found = differences(&columns, &earlier, &later);
        let text = |rows: &[Values]| -> Vec<Vec<String>> {
            let cell = |(column, raw): (&Column, &Option<Vec<u8>>)| {
                let cell = column.kind.decode(raw.as_deref()).unwrap();
                if cell == Cell::Null { "NULL".to_owned() } else { plain(&cell).into_owned() }
            };
            rows.iter().map(|row| columns.iter().zip(row).map(cell).collect()).collect()
        };
        let result = applied(&columns, &earlier, &found);
        // Numbers that are equal may be written in two ways: 1.5 and 1.50, 0 and -0.
        let normal = |rows: &[Values]| -> Vec<Vec<String>> {
            let plainly = |text: String| match text.as_str() {
                "1.50" => "1.5".to_owned(),
                "-0" | "0.000" => "0".to_owned(),
                _ => text,
            };
            text(rows).into_iter().map(|row| row.into_iter().map(plainly).collect()).collect()
        };
        assert_eq!(normal(&result), normal(&later));
        assert_eq!(differences(&columns, &later, &later), Vec::<Values>::new());
    }
}

/// Returns the cells of the only difference, by column, as text.
fn changes(list: &[&str], key: &str, counters: &[&str], was: Row, now: Row) -> Vec<(String, String)> {
    let mut columns = crate::rows::columns(list);
    for column in &mut columns {
        column.is_counter = counters.contains(&column.name.as_str());
    }
    let mut differ = Differ::new("r", &columns, &[key.to_owned()], &columns).unwrap();
    differ.seconds = Some(10.0);
    differ.earlier(None, &was.raw()).unwrap();
    let mut found = Vec::new();
    let shape = differ.columns();
    let mut out = |_: Option<&str>, row: &[Option<&[u8]>]| {
        let text = |(column, raw): (&Column, &Option<&[u8]>)| {
            (column.name.clone(), plain(&column.kind.decode(*raw).unwrap()).into_owned())
        };
        found.extend(shape.iter().zip(row).map(text));
        Ok(Flow::More)
    };
    differ.later(None, &now.raw(), &mut out).unwrap();
    found
}

fn of<'a>(found: &'a [(String, String)], name: &str) -> &'a str {
    &found.iter().find(|(column, _)| column == name).unwrap_or_else(|| panic!("{name}: {found:?}")).1
}

#[test]
fn a_counter_has_a_rate_unless_it_began_anew() {
    let list = ["name", "calls int8", "size_bytes int8", "since timestamptz"];
    let since = Some("2026-01-01T00:00:00Z".parse().unwrap());
    let row = |calls, size| Row::new().text(Some("a")).int8(Some(calls)).int8(Some(size)).timestamptz(since);
    let grown = changes(&list, "name", &["calls"], row(100, 10), row(150, 7));
    assert_eq!(
        ["status", "calls", "was_calls", "change_calls", "rate_calls", "change_size_bytes"]
            .map(|name| of(&grown, name)),
        ["changed", "150", "100", "50", "5", "-3"]
    );
    assert!(!grown.iter().any(|(name, _)| name == "rate_size_bytes"));
    let fallen = changes(&list, "name", &["calls"], row(100, 10), row(99, 11));
    assert_eq!(
        ["change_calls", "rate_calls", "change_size_bytes"].map(|name| of(&fallen, name)),
        ["", "", "1"]
    );
    let later = Some("2026-01-02T00:00:00Z".parse().unwrap());
    let reset = Row::new().text(Some("a")).int8(Some(500)).int8(Some(10)).timestamptz(later);
    let reset = changes(&list, "name", &["calls"], row(100, 10), reset);
    assert_eq!(
        ["calls", "was_calls", "change_calls", "rate_calls"].map(|name| of(&reset, name)),
        ["500", "100", "", ""]
    );
}

#[test]
fn two_rows_with_one_key_are_refused() {
    let columns = columns();
    let mut random = fastrand::Rng::with_seed(1);
    let row = random_row(&mut random, &columns, (1, None));
    let mut differ = differ(&columns);
    differ.earlier(None, &raw(&row)).unwrap();
    // Another database has rows of its own.
    differ.earlier(Some("x"), &raw(&row)).unwrap();
    let error = differ.earlier(None, &raw(&row)).unwrap_err();
    assert!(error.message.contains("the earlier answer has two rows with the key 1"), "{error}");
    differ.later(None, &raw(&row), &mut |_, _| Ok(Flow::More)).unwrap();
    let error = differ.later(None, &raw(&row), &mut |_, _| Ok(Flow::More)).unwrap_err();
    assert!(error.message.contains("the answer has two rows with the key 1"), "{error}");
    assert!(Differ::new("r", &columns, &[], &columns).is_err());
}

#[test]
fn decimals_are_subtracted_exactly() {
    for (a, b, change) in [
        ("1.50", "0.25", Some("1.25")),
        ("0.1", "0.30", Some("-0.20")),
        ("-1", "-1.000", Some("0.000")),
        ("99999999999999999999999999.9", "0.1", Some("99999999999999999999999999.8")),
        ("NaN", "1", None),
        ("9999999999999999999999999999999999999999", "1", None),
    ] {
        assert_eq!(decimal_difference(a, b).as_deref(), change, "{a} - {b}");
    }
}

/// Returns the change of a number between two values, `None` for a row that is not there.
fn change_of(was: Option<Option<f64>>, now: Option<Option<f64>>, is_counter: bool) -> String {
    let mut columns = crate::rows::columns(&["name", "state", "x float8"]);
    columns[2].is_counter = is_counter;
    let mut differ =
        Differ::new("r", &columns, &["name".to_owned()], &columns).unwrap().with_doubt(Some("state"));
    let row = |x: Option<f64>, state: &str| Row::new().text(Some("a")).text(Some(state)).float8(x);
    let mut found = String::new();
    let shape = differ.columns();
    let mut out = |_: Option<&str>, row: &[Option<&[u8]>]| {
        let place = shape.iter().position(|column| column.name == "change_x").unwrap();
        found = plain(&shape[place].kind.decode(row[place]).unwrap()).into_owned();
        Ok(Flow::More)
    };
    if let Some(x) = was {
        differ.earlier(None, &row(x, "").raw()).unwrap();
    }
    if let Some(x) = now {
        differ.later(None, &row(x, if x == Some(4.0) { "estimate" } else { "" }).raw(), &mut out).unwrap();
    }
    differ.gone(&|_| true, &mut out).unwrap();
    found
}

#[test]
fn a_change_is_only_shown_where_both_numbers_are_known() {
    let x = |x: f64| Some(Some(x));
    for (was, now, is_counter, change) in [
        (x(99.5), x(99.6), false, "0.1"),
        (x(1.0), Some(None), false, ""),
        (Some(None), x(1.0), false, ""),
        (None, x(5.0), false, "5"),
        (x(5.0), None, false, "-5"),
        (None, x(5.0), true, ""),
        (x(5.0), None, true, ""),
        (x(1.0), x(3.0), true, "2"),
        // Measured then, and estimated now.
        (x(1.0), x(4.0), false, ""),
        (x(1e300), x(-1e300), false, "-2e300"),
        (x(1e-20), x(3e-20), false, "2e-20"),
    ] {
        assert_eq!(change_of(was, now, is_counter), change, "{was:?} {now:?}");
    }
}

#[test]
fn the_sum_over_other_members_is_not_compared() {
    let row = |members, scans| Row::new().text(Some("a")).int8(Some(members)).int8(Some(scans));
    let list = ["name", "members int8", "scans int8"];
    let fewer = changes(&list, "name", &["scans"], row(2, 20), row(1, 60));
    assert_eq!(["change_members", "change_scans", "rate_scans"].map(|name| of(&fewer, name)), ["-1", "", ""]);
}
