//! The rows that come out of a snapshot are those that went into it.

use super::*;

fn every_report_comes_back_in_every_format(bin: &Binaries) {
    let place = Place::empty(bin);
    filled::fill(&place.db, bin.major, 60);
    place.take("all.snap", &["-q"]);
    let header = |output: &Output| output.stdout.lines().next().unwrap_or_default().to_owned();
    let mut compared = 0;
    for report in server_reports() {
        let name = report.name.as_str();
        let is_there = unpacked(&place.path("all.snap")).contains(&format!("\n{{\"report\":{name:?}"));
        let is_left_out =
            report.params.iter().any(|param| param.required) || ["buffers", "statements"].contains(&name);
        assert_eq!(is_there, !is_left_out, "{name}");
        if is_left_out {
            continue;
        }
        // The formats do not depend on the server's version.
        let all = formats();
        let few = ["csv".to_owned(), "jsonl".to_owned()];
        for format in if bin.major == 15 { &all[..] } else { &few[..] } {
            let flags = ["--format", format, "--limit", "500"];
            let from = place.offline(&[&[name, "--from", "all.snap"], &flags[..]].concat());
            if from.code == Some(64) && ["tree", "sections"].contains(&format.as_str()) {
                continue;
            }
            assert_eq!(from.code, Some(0), "{name} {format}: {}", from.snapshot());
            let live = place.pgkit(&[&[name], &flags[..]].concat());
            if MOVING.contains(&name) {
                if format == "csv" {
                    assert_eq!(header(&from), header(&live), "{name}");
                }
            } else {
                assert_eq!(from.stdout, live.stdout, "{name} {format} on {}", bin.major);
                compared += 1;
            }
        }
    }
    assert!(compared >= 25, "only {compared} answers were compared");
    let flags = [
        "--all-databases",
        "--grep",
        "a",
        "--sort",
        "name:desc",
        "--columns",
        "name,database",
        "--limit",
        "7",
    ];
    let (live, from) = (
        place.pgkit(&[&["relations"], &flags[..]].concat()),
        place.offline(&[&["relations", "--from", "all.snap"], &flags[..]].concat()),
    );
    assert_eq!((live.code, &live.stdout), (Some(0), &from.stdout), "{}", from.snapshot());
    assert_eq!(from.code, Some(0), "{}", from.snapshot());
}
on_every_server!(every_report_comes_back_in_every_format);

/// A report with a column for every type, and for an array of each, with values at the ends of their ranges.
const TYPES: &str = "-- All types.
--
-- key = [\"n\"]
-- columns = [\"n int4\", \"a bool\", \"b int2\", \"c int4\", \"d int8\", \"e oid\", \"f float4\", \"g float8\", \"h numeric\", \"i text\", \"j name\", \"k varchar\", \"l bpchar\", \"m char\", \"o timestamptz\", \"p timestamp\", \"q date\", \"r interval\", \"s json\", \"t jsonb\", \"aa bool[]\", \"dd int8[]\", \"gg float8[]\", \"hh numeric[]\", \"ii text[]\", \"oo timestamptz[]\", \"rr interval[]\", \"ss json[]\"]
SELECT n, a, b, c, d, e, f, g, h, i, i::name AS j, i::varchar AS k, i::bpchar AS l, left(i, 1)::\"char\" AS m, o, p, q, r, s, s::jsonb AS t,
       ARRAY[a, NULL] AS aa, ARRAY[d, 0] AS dd, ARRAY[g, NULL, 1.5] AS gg, ARRAY[h] AS hh, ARRAY[i, NULL, ''] AS ii, ARRAY[o, NULL] AS oo,
       ARRAY[r] AS rr, ARRAY[s, NULL] AS ss
FROM (VALUES
    (1, true, 32767::int2, 2147483647, 9223372036854775807, 4294967295::oid, 3.4e38::float4, 1.7976931348623157e308::float8, 123456789012345678901234567890.000100::numeric,
     E'a\\tb\\nc\\\\d\"e''f', '294276-12-31 23:59:59.999999+00'::timestamptz, 'infinity'::timestamp, '5874897-12-31'::date, '178000000 years -3 days 04:05:06.000001'::interval, '{\"a\" :  [1, \"\\u2028\"]}'::json),
    (2, false, '-32768'::int2, '-2147483648'::int4, '-9223372036854775808'::int8, 0::oid, 'NaN'::float4, '-Infinity'::float8, 'NaN'::numeric,
     U&'\\202E\\0085\\+01F600', '4714-11-24 00:00:00+00 BC'::timestamptz, '-infinity'::timestamp, '4713-01-01 BC'::date, '-1 mons +1 day -00:00:00.5'::interval, 'null'::json),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, true, 0::int2, 0, 0, 1::oid, 0.1::float4, -0.0::float8, -0.00000000000000000001::numeric, '', '-infinity'::timestamptz, '2000-01-01 00:00:00.1'::timestamp, 'infinity'::date, '0'::interval, '\"text\"'::json),
    (5, true, 1::int2, 1, 1, 1::oid, 1e-30::float4, 5e-324::float8, 10000::numeric, 'null', '0001-01-01 00:00:00+00'::timestamptz, '0001-12-31 BC'::timestamp, '-infinity'::date, '1 year'::interval, '12345678901234567890.10'::json)
) v (n, a, b, c, d, e, f, g, h, i, o, p, q, r, s)
ORDER BY n
";

fn every_type_comes_back_in_every_format(bin: &Binaries) {
    let place = Place::new(bin);
    std::fs::write(place.path("types.sql"), TYPES).unwrap();
    let taken = place.own(&["snapshot", "types", "-o", "types.snap"]);
    assert_eq!(taken.code, Some(0), "{}", taken.snapshot());
    for format in formats().iter().filter(|format| !["tree", "sections"].contains(&format.as_str())) {
        let live = place.own(&["run", "types", "--format", format]);
        let from = place.own_offline(&["run", "types", "--format", format, "--from", "types.snap"]);
        assert_eq!((live.code, from.code), (Some(0), Some(0)), "{}\n{}", live.snapshot(), from.snapshot());
        assert_eq!(live.stdout, from.stdout, "{format} on {}", bin.major);
    }
}
on_every_server!(every_type_comes_back_in_every_format);

#[test]
fn bytes_of_no_encoding_come_back_as_they_are_shown() {
    let place = Place::new(bin());
    place.db.sql("CREATE DATABASE bytes ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    let bytes = Db::existing(&place.db.info, "bytes");
    bytes.sql("DO $$ BEGIN EXECUTE convert_from('\\x43524541544520544142 4c4520 22 636166e9 22 202829'::bytea, 'SQL_ASCII'); END $$");
    let live = place.pgkit(&["relations", "-d", "bytes"]);
    assert!(live.stdout.contains("caf\\xE9") || live.stdout.contains("caf\\\\xE9"), "{}", live.snapshot());
    place.take("bytes.snap", &["relations", "-q"]);
    assert_eq!(place.offline(&["relations", "--from", "bytes.snap", "-d", "bytes"]).stdout, live.stdout);
}

#[test]
fn an_observer_judges_the_rows_of_a_snapshot() {
    let place = Place::new(bin());
    let holder = place.db.session();
    holder.sql("BEGIN; LOCK crap_reports");
    let waiting = place.db.session().send("SELECT * FROM crap_reports");
    eventually("it waits", || place.db.value("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1");
    place.take("locks.snap", &["locks"]);
    holder.sql("COMMIT");
    waiting.join().unwrap().unwrap();
    let output = place.offline(&["locks", "--from", "locks.snap", "--fail-after", "0"]);
    assert_eq!(output.code, Some(1), "{}", output.snapshot());
    assert!(output.stdout.contains("LOCK crap_reports"), "{}", output.snapshot());
}
