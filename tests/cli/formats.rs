//! Every format, on names and values that break programs.

use super::*;
use crate::support::*;

fn nasty(name: &str) -> Db {
    let db = database(server(bin()).info(), name);
    for name in [
        "plain",
        "with space",
        "tab\tbed",
        "line\nfeed",
        "carriage\rreturn",
        "back\\slash",
        "\\N",
        "esc\u{1b}[31mred",
        "bell\u{7}",
        "del\u{7f}",
        "c1\u{9b}31m",
        "rtl\u{202e}exe",
        "quo\"te",
        "it's",
        "comma,semi;",
        "pipe|`code`",
        "<b>&amp;",
        "表格 🐘",
        "-dash",
        "",
    ] {
        if !name.is_empty() {
            db.sql(&format!("CREATE TABLE {} (x int)", catalog::ident(name)));
        }
    }
    db
}

fn of(name: &str, format: &[&str]) -> String {
    let db = nasty(name);
    shown(pgkit(&db).args(["relations", "--columns", "name,kind"]).args(format), Some(&db))
}

#[test]
fn tsv_escapes_as_copy_does() {
    insta::assert_snapshot!(of("tsv", &["--format", "tsv", "--header"]), @r####"
exit: 0
--- stdout ---
name⇥kind
-dash⇥table
<b>&amp;⇥table
\\N⇥table
back\\slash⇥table
bell\x07⇥table
c1\xc2\x9b31m⇥table
carriage\rreturn⇥table
comma,semi;⇥table
del\x7f⇥table
esc\x1b[31mred⇥table
it's⇥table
line\nfeed⇥table
pipe|`code`⇥table
plain⇥table
quo"te⇥table
rtl\u{202e}exe⇥table
tab\tbed⇥table
with space⇥table
表格 🐘⇥table
--- stderr ---
"####);
}

#[test]
fn csv_quotes_as_rfc_4180_says() {
    insta::assert_snapshot!(of("csv", &["--csv"]), @r####"
exit: 0
--- stdout ---
name,kind
-dash,table
<b>&amp;,table
\N,table
back\slash,table
bell\u{7},table
c1\u{9b}31m,table
"carriage\u{d}return",table
"comma,semi;",table
del\u{7f},table
esc\u{1b}[31mred,table
it's,table
"line
feed",table
pipe|`code`,table
plain,table
"quo""te",table
rtl\u{202e}exe,table
tab⇥bed,table
with space,table
表格 🐘,table
--- stderr ---
"####);
}

#[test]
fn json_is_one_array_of_objects() {
    insta::assert_snapshot!(of("json", &["--json"]), @r####"
exit: 0
--- stdout ---
[
{"name":"-dash","kind":"table"},
{"name":"<b>&amp;","kind":"table"},
{"name":"\\N","kind":"table"},
{"name":"back\\slash","kind":"table"},
{"name":"bell\u0007","kind":"table"},
{"name":"c1\u009b31m","kind":"table"},
{"name":"carriage\rreturn","kind":"table"},
{"name":"comma,semi;","kind":"table"},
{"name":"del\u007f","kind":"table"},
{"name":"esc\u001b[31mred","kind":"table"},
{"name":"it's","kind":"table"},
{"name":"line\nfeed","kind":"table"},
{"name":"pipe|`code`","kind":"table"},
{"name":"plain","kind":"table"},
{"name":"quo\"te","kind":"table"},
{"name":"rtl\u202eexe","kind":"table"},
{"name":"tab\tbed","kind":"table"},
{"name":"with space","kind":"table"},
{"name":"表格 🐘","kind":"table"}
]
--- stderr ---
"####);
}

#[test]
fn jsonl_is_one_object_a_line() {
    insta::assert_snapshot!(of("jsonl", &["--format", "jsonl"]), @r####"
exit: 0
--- stdout ---
{"name":"-dash","kind":"table"}
{"name":"<b>&amp;","kind":"table"}
{"name":"\\N","kind":"table"}
{"name":"back\\slash","kind":"table"}
{"name":"bell\u0007","kind":"table"}
{"name":"c1\u009b31m","kind":"table"}
{"name":"carriage\rreturn","kind":"table"}
{"name":"comma,semi;","kind":"table"}
{"name":"del\u007f","kind":"table"}
{"name":"esc\u001b[31mred","kind":"table"}
{"name":"it's","kind":"table"}
{"name":"line\nfeed","kind":"table"}
{"name":"pipe|`code`","kind":"table"}
{"name":"plain","kind":"table"}
{"name":"quo\"te","kind":"table"}
{"name":"rtl\u202eexe","kind":"table"}
{"name":"tab\tbed","kind":"table"}
{"name":"with space","kind":"table"}
{"name":"表格 🐘","kind":"table"}
--- stderr ---
"####);
}

#[test]
fn markdown_is_a_table_that_renders() {
    insta::assert_snapshot!(of("markdown", &["--format", "markdown"]), @r####"
exit: 0
--- stdout ---
| name | kind |
| --- | --- |
| -dash | table |
| &lt;b>&amp;amp; | table |
| \\N | table |
| back\\slash | table |
| bell\\x07 | table |
| c1\\x9b31m | table |
| carriage\\rreturn | table |
| comma,semi; | table |
| del\\x7f | table |
| esc\\x1b\[31mred | table |
| it's | table |
| line\\nfeed | table |
| pipe\|\`code\` | table |
| plain | table |
| quo"te | table |
| rtl\\u{202e}exe | table |
| tab\\tbed | table |
| with space | table |
| 表格 🐘 | table |
--- stderr ---
"####);
}

#[test]
fn a_table_shows_what_a_terminal_would_act_on() {
    insta::assert_snapshot!(of("table", &["--format", "table"]), @r####"
exit: 0
--- stdout ---
name              kind
───────────────────────
-dash             table
<b>&amp;          table
\N                table
back\slash        table
bell\x07          table
c1\x9b31m         table
carriage\rreturn  table
comma,semi;       table
del\x7f           table
esc\x1b[31mred    table
it's              table
line\nfeed        table
pipe|`code`       table
plain             table
quo"te            table
rtl\u{202e}exe    table
tab\tbed          table
with space        table
表格 🐘           table
--- stderr ---
"####);
}

#[test]
fn vertical_is_one_value_a_line() {
    insta::assert_snapshot!(of("vertical", &["--format", "vertical", "--limit", "4"]), @r####"
exit: 0
--- stdout ---
-[ 1 ]-
name | -dash
kind | table
-[ 2 ]-
name | <b>&amp;
kind | table
-[ 3 ]-
name | \N
kind | table
-[ 4 ]-
name | back\slash
kind | table
--- stderr ---
"####);
}

#[test]
fn tsv_reads_back_through_copy_as_it_was() {
    let db = filled::filled(bin());
    let output = run(pgkit(&db).args(["relations"]));
    let target = database(server(bin()).info(), "copied");
    target.sql("CREATE TABLE copied (schema text, name text, kind text, owner text)");
    let mut psql = psql(&target);
    psql.args(["-c", "\\copy copied FROM pstdin"]).stdin(std::process::Stdio::piped());
    let mut child = psql.spawn().unwrap();
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), output.stdout.as_bytes()).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let sql = "SELECT name FROM copied WHERE schema = 'nasty' AND kind = 'table' ORDER BY name COLLATE \"C\"";
    let mut names: Vec<&str> = catalog::NASTY.to_vec();
    names.sort_unstable();
    let copied: Vec<String> = target.sql(sql).into_iter().map(|mut row| row.remove(0).unwrap()).collect();
    assert_eq!(copied, names);
}

#[test]
fn json_and_jsonl_and_csv_read_back_as_they_were() {
    let db = filled::filled(bin());
    let args = ["relations", "nasty.*", "--kind", "table", "--columns", "name"];
    let mut names: Vec<String> = catalog::NASTY.iter().map(|n| (*n).to_owned()).collect();
    names.sort_unstable();
    let name = |row: &serde_json::Value| row["name"].as_str().unwrap().to_owned();
    let json = run(pgkit(&db).args(args).arg("--json"));
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(rows.iter().map(name).collect::<Vec<_>>(), names);
    let jsonl = run(pgkit(&db).args(args).args(["--format", "jsonl"]));
    let rows: Vec<String> = jsonl.lines().iter().map(|l| name(&serde_json::from_str(l).unwrap())).collect();
    assert_eq!(rows, names);
    let output = run(pgkit(&db).args(args).arg("--csv"));
    let mut reader = csv::Reader::from_reader(output.stdout.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), ["name"]);
    let rows: Vec<String> = reader.records().map(|r| r.unwrap()[0].to_owned()).collect();
    assert_eq!(rows, names);
}

const VALUES: (&str, &str, &str) = (
    "values",
    r#""i2 int2", "i4 int4", "i8 int8", "o oid", "f4 float4", "f8 float8", "n numeric", "b bool", "t text", "tz timestamptz", "ts timestamp", "d date", "iv interval", "j json", "jb jsonb", "ai int4[]", "at text[]", "size_bytes int8", "took_ms float8", "age_s float8", "share_pct numeric""#,
    r#"SELECT v.* FROM (VALUES
  ('-32768'::int2, '2147483647'::int4, '-9223372036854775808'::int8, '4294967295'::oid, '0.1'::float4, '1e300'::float8, '12345678901234567890.12345678901234567890'::numeric, true, 'a text'::text,
   '2024-02-29 12:34:56.789+00'::timestamptz, '2024-02-29 12:34:56'::timestamp, '2024-02-29'::date, '1 year 2 mons -3 days 04:05:06.7'::interval, '{"a": [1, "x"]}'::json, '{"b":null}'::jsonb,
   '{1,NULL,3}'::int4[], '{a,"b c","d\"e",NULL,"NULL",""}'::text[], 12582912::int8, 1.5::float8, 90::float8, 12.34::numeric),
  (0::int2, 0, 0, 0, 'NaN', 'Infinity', 'NaN', false, '', 'infinity', '-infinity', 'infinity', '0', '"s"', '[]', '{}', '{}', 0, 0, 0.0001, 'NaN'),
  (0::int2, 0, 0, 0, '-Infinity', '-0', '0.000', false, E'a\tb\nc', '0044-03-15 12:00:00+00 BC', '9999-12-31 23:59:59.999999', '0001-01-01 BC', '-1 mon', 'null', '1.50', '{-1}', '{\\}', 1023, 61000, 7200, 100),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
) AS v (i2, i4, i8, o, f4, f8, n, b, t, tz, ts, d, iv, j, jb, ai, "at", size_bytes, took_ms, age_s, share_pct)"#,
);

fn values_as(format: &str) -> String {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = Own::new(&[VALUES]);
    shown(own.run(&db, &["values", "--format", format]).env("TZ", "America/New_York"), Some(&db))
}

#[test]
fn values_of_every_type_in_tsv() {
    insta::assert_snapshot!(values_as("tsv"), @r####"
exit: 0
--- stdout ---
-32768⇥2147483647⇥-9223372036854775808⇥4294967295⇥0.1⇥1e300⇥12345678901234567890.12345678901234567890⇥true⇥a text⇥2024-02-29T12:34:56.789Z⇥2024-02-29T12:34:56⇥2024-02-29⇥1 year 2 mons -3 days 04:05:06.7⇥{"a": [1, "x"]}⇥{"b": null}⇥{1,NULL,3}⇥{a,"b c","d\\"e",NULL,"NULL",""}⇥12582912⇥1.5⇥90⇥12.34
0⇥0⇥0⇥0⇥NaN⇥Infinity⇥NaN⇥false⇥⇥infinity⇥-infinity⇥infinity⇥00:00:00⇥"s"⇥[]⇥{}⇥{}⇥0⇥0⇥0.0001⇥NaN
0⇥0⇥0⇥0⇥-Infinity⇥-0⇥0.000⇥false⇥a\tb\nc⇥0044-03-15T12:00:00Z BC⇥9999-12-31T23:59:59.999999⇥0001-01-01 BC⇥-1 mons⇥null⇥1.50⇥{-1}⇥{"\\\\"}⇥1023⇥61000⇥7200⇥100
⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥⇥
--- stderr ---
"####);
}

#[test]
fn values_of_every_type_in_csv() {
    insta::assert_snapshot!(values_as("csv"), @r####"
exit: 0
--- stdout ---
i2,i4,i8,o,f4,f8,n,b,t,tz,ts,d,iv,j,jb,ai,at,size_bytes,took_ms,age_s,share_pct
-32768,2147483647,-9223372036854775808,4294967295,0.1,1e300,12345678901234567890.12345678901234567890,true,a text,2024-02-29T12:34:56.789Z,2024-02-29T12:34:56,2024-02-29,1 year 2 mons -3 days 04:05:06.7,"{""a"": [1, ""x""]}","{""b"": null}","{1,NULL,3}","{a,""b c"",""d\""e"",NULL,""NULL"",""""}",12582912,1.5,90,12.34
0,0,0,0,NaN,Infinity,NaN,false,,infinity,-infinity,infinity,00:00:00,"""s""",[],{},{},0,0,0.0001,NaN
0,0,0,0,-Infinity,-0,0.000,false,"a⇥b
c",0044-03-15T12:00:00Z BC,9999-12-31T23:59:59.999999,0001-01-01 BC,-1 mons,null,1.50,{-1},"{""\\""}",1023,61000,7200,100
,,,,,,,,,,,,,,,,,,,,
--- stderr ---
"####);
}

#[test]
fn values_of_every_type_in_jsonl() {
    insta::assert_snapshot!(values_as("jsonl"), @r####"
exit: 0
--- stdout ---
{"i2":-32768,"i4":2147483647,"i8":-9223372036854775808,"o":4294967295,"f4":0.1,"f8":1e300,"n":12345678901234567890.12345678901234567890,"b":true,"t":"a text","tz":"2024-02-29T12:34:56.789Z","ts":"2024-02-29T12:34:56","d":"2024-02-29","iv":"1 year 2 mons -3 days 04:05:06.7","j":{"a": [1, "x"]},"jb":{"b": null},"ai":[1,null,3],"at":["a","b c","d\"e",null,"NULL",""],"size_bytes":12582912,"took_ms":1.5,"age_s":90,"share_pct":12.34}
{"i2":0,"i4":0,"i8":0,"o":0,"f4":"NaN","f8":"Infinity","n":"NaN","b":false,"t":"","tz":"infinity","ts":"-infinity","d":"infinity","iv":"00:00:00","j":"s","jb":[],"ai":[],"at":[],"size_bytes":0,"took_ms":0,"age_s":0.0001,"share_pct":"NaN"}
{"i2":0,"i4":0,"i8":0,"o":0,"f4":"-Infinity","f8":-0,"n":0.000,"b":false,"t":"a\tb\nc","tz":"0044-03-15T12:00:00Z BC","ts":"9999-12-31T23:59:59.999999","d":"0001-01-01 BC","iv":"-1 mons","j":null,"jb":1.50,"ai":[-1],"at":["\\"],"size_bytes":1023,"took_ms":61000,"age_s":7200,"share_pct":100}
{"i2":null,"i4":null,"i8":null,"o":null,"f4":null,"f8":null,"n":null,"b":null,"t":null,"tz":null,"ts":null,"d":null,"iv":null,"j":null,"jb":null,"ai":null,"at":null,"size_bytes":null,"took_ms":null,"age_s":null,"share_pct":null}
--- stderr ---
"####);
}

#[test]
fn values_of_every_type_in_json_are_an_array() {
    let db = Db::existing(server(bin()).info(), "postgres");
    let own = Own::new(&[VALUES]);
    let json = run(own.run(&db, &["values", "--json"]).env("TZ", "America/New_York"));
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json.stdout).unwrap();
    let lines = run(own.run(&db, &["values", "--format", "jsonl"]).env("TZ", "America/New_York"));
    let lines: Vec<serde_json::Value> =
        lines.lines().iter().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(rows, lines);
    assert!(json.stdout.contains("12345678901234567890.12345678901234567890"), "a numeric keeps its digits");
}

#[test]
fn values_of_every_type_in_vertical_with_units_and_local_time() {
    insta::assert_snapshot!(values_as("vertical"), @r####"
exit: 0
--- stdout ---
-[ 1 ]--
i2    | -32768
i4    | 2147483647
i8    | -9223372036854775808
o     | 4294967295
f4    | 0.1
f8    | 1e300
n     | 12345678901234567890.12345678901234567890
b     | true
t     | a text
tz    | 2024-02-29 07:34:56-05:00
ts    | 2024-02-29 12:34:56
d     | 2024-02-29
iv    | 1 year 2 mons -3 days 04:05:06.7
j     | {"a": [1, "x"]}
jb    | {"b": null}
ai    | {1,NULL,3}
at    | {a,"b c","d\"e",NULL,"NULL",""}
size  | 12 MB
took  | 1.500 ms
age   | 1m 30s
share | 12.3 %
-[ 2 ]--
i2    | 0
i4    | 0
i8    | 0
o     | 0
f4    | NaN
f8    | Infinity
n     | NaN
b     | false
t     |
tz    | infinity
ts    | -infinity
d     | infinity
iv    | 00:00:00
j     | "s"
jb    | []
ai    | {}
at    | {}
size  | 0 B
took  | 0 s
age   | 100 µs
share | NaN %
-[ 3 ]--
i2    | 0
i4    | 0
i8    | 0
o     | 0
f4    | -Infinity
f8    | -0
n     | 0.000
b     | false
t     | a\tb\nc
tz    | 0044-03-15T12:00:00Z BC
ts    | 9999-12-31T23:59:59.999999
d     | 0001-01-01 BC
iv    | -1 mons
j     | null
jb    | 1.50
ai    | {-1}
at    | {"\\"}
size  | 1023 B
took  | 1m 01s
age   | 2h 00m
share | 100.0 %
-[ 4 ]--
i2    |
i4    |
i8    |
o     |
f4    |
f8    |
n     |
b     |
t     |
tz    |
ts    |
d     |
iv    |
j     |
jb    |
ai    |
at    |
size  |
took  |
age   |
share |
--- stderr ---
"####);
}

#[test]
fn values_of_every_type_in_markdown() {
    insta::assert_snapshot!(values_as("markdown"), @r####"
exit: 0
--- stdout ---
| i2 | i4 | i8 | o | f4 | f8 | n | b | t | tz | ts | d | iv | j | jb | ai | at | size | took | age | share |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | ---: | ---: | ---: | ---: |
| -32768 | 2147483647 | -9223372036854775808 | 4294967295 | 0.1 | 1e300 | 12345678901234567890.12345678901234567890 | true | a text | 2024-02-29 07:34:56-05:00 | 2024-02-29 12:34:56 | 2024-02-29 | 1 year 2 mons -3 days 04:05:06.7 | {"a": \[1, "x"\]} | {"b": null} | {1,NULL,3} | {a,"b c","d\\"e",NULL,"NULL",""} | 12 MB | 1.500 ms | 1m 30s | 12.3 % |
| 0 | 0 | 0 | 0 | NaN | Infinity | NaN | false |  | infinity | -infinity | infinity | 00:00:00 | "s" | \[\] | {} | {} | 0 B | 0 s | 100 µs | NaN % |
| 0 | 0 | 0 | 0 | -Infinity | -0 | 0.000 | false | a\\tb\\nc | 0044-03-15T12:00:00Z BC | 9999-12-31T23:59:59.999999 | 0001-01-01 BC | -1 mons | null | 1.50 | {-1} | {"\\\\"} | 1023 B | 1m 01s | 2h 00m | 100.0 % |
|  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |
--- stderr ---
"####);
}

#[test]
fn an_empty_answer_has_a_head_where_the_format_has_one() {
    let db = database(server(bin()).info(), "empty");
    let mut all = String::new();
    for format in formats() {
        all.push_str(&format!("# {format}\n"));
        all.push_str(&shown(pgkit(&db).args(["relations", "--format", &format]), Some(&db)));
    }
    insta::assert_snapshot!(all, @r####"
# table
exit: 0
--- stdout ---
schema  name  kind  owner
─────────────────────────
--- stderr ---
# tsv
exit: 0
--- stdout ---
--- stderr ---
# csv
exit: 0
--- stdout ---
schema,name,kind,owner
--- stderr ---
# json
exit: 0
--- stdout ---
[]
--- stderr ---
# jsonl
exit: 0
--- stdout ---
--- stderr ---
# markdown
exit: 0
--- stdout ---
| schema | name | kind | owner |
| --- | --- | --- | --- |
--- stderr ---
# vertical
exit: 0
--- stdout ---
--- stderr ---
"####);
}

#[test]
fn heads_come_and_go_as_asked() {
    let db = database(server(bin()).info(), "heads");
    db.sql("CREATE TABLE one (x int)");
    let first = |args: &[&str]| run(pgkit(&db).arg("relations").args(args)).lines()[0].trim_end().to_owned();
    assert_eq!(first(&[]), "public\tone\ttable\tpostgres");
    assert_eq!(first(&["--header"]), "schema\tname\tkind\towner");
    assert_eq!(first(&["--csv"]), "schema,name,kind,owner");
    assert_eq!(first(&["--csv", "--no-header"]), "public,one,table,postgres");
    assert_eq!(first(&["--format", "table", "--no-header"]), "public  one   table  postgres");
}

fn bytes_that_are_no_utf8_are_shown_and_never_a_failure(bin: &Binaries) {
    let postgres = Db::existing(server(bin).info(), "postgres");
    let name = format!("t{}_ascii", std::process::id());
    postgres.sql(&format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
    ));
    let db = Db { info: postgres.info.clone(), name };
    // A client of UTF-8 cannot send such a name, so the server makes it.
    db.sql(
            "DO $$ BEGIN
                EXECUTE 'CREATE TABLE ' || quote_ident('caf' || chr(233)) || ' (x int)';
                EXECUTE 'CREATE FUNCTION f() RETURNS text LANGUAGE sql AS ' || quote_literal('SELECT ''na' || chr(239) || 've''');
                EXECUTE 'COMMENT ON TABLE ' || quote_ident('caf' || chr(233)) || ' IS ' || quote_literal('r' || chr(233) || 'sum' || chr(233));
             END $$",
        );
    let lines = |args: &[&str]| -> Vec<String> {
        run(pgkit(&db).args(args)).lines().iter().map(|l| (*l).to_owned()).collect()
    };
    assert_eq!(lines(&["relations"]), ["public\tcaf\\\\xE9\ttable\tpostgres"], "on {}", bin.major);
    assert_eq!(lines(&["relations", "--csv", "--no-header"])[0].trim_end(), "public,caf\\xE9,table,postgres");
    assert_eq!(
        lines(&["relations", "--format", "jsonl", "--columns", "name"]),
        ["{\"name\":\"caf\\\\xE9\"}"]
    );
    assert_eq!(lines(&["find", "caf", "--columns", "found_in,name"]), ["relation\tcaf\\\\xE9"]);
    assert_eq!(lines(&["find", "sum", "--columns", "detail"]), ["r\\\\xE9sum\\\\xE9"]);
    assert_eq!(lines(&["find", "ve", "--columns", "name"]), ["f()"]);
    assert_eq!(lines(&["sizes", "--columns", "name,main"]), ["caf\\\\xE9\t0"]);
    let own = Own::new(&[(
        "bytes",
        "\"t text\", \"j json\"",
        "SELECT 'x' || pg_catalog.chr(233) AS t, '{}'::json AS j",
    )]);
    assert_eq!(run(&mut own.run(&db, &["bytes"])).lines(), ["x\\\\xE9\t{}"]);
}
on_every_server!(bytes_that_are_no_utf8_are_shown_and_never_a_failure);
