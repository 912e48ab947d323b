//! A large and mixed catalog, the same every time: for tests and benchmarks.
//!
//! What is special stands in `catalog.sql`; what there is much of is made here. Everything comes in batches of a few
//! hundred relations, each a transaction, so that the default number of locks suffices.

use std::fmt::Write as _;

/// The special objects, in batches.
const SPECIAL: &str = include_str!("catalog.sql");
/// Creates the roles to which the objects are granted.
pub const ROLES: &str = include_str!("roles.sql");

/// Names that break programs, as identifiers (no quoting needed but that of `"`). None holds NUL.
pub const NASTY: &[&str] = &[
    " ",
    "  leading and trailing  ",
    "with space",
    "UPPER",
    "MixedCase",
    "quo\"te",
    "\"",
    "\"\"",
    "apo'strophe",
    "''",
    "back`tick",
    "dot.ted",
    ".",
    "a.b.c.d",
    "tab\tbed",
    "line\nfeed",
    "\n",
    "carriage\rreturn",
    "crlf\r\nend",
    "back\\slash",
    "back\\nslash",
    "\\",
    "\\N",
    "\\.",
    "esc\u{1b}[31mred\u{1b}[0m",
    "\u{1b}]0;title\u{7}",
    "bell\u{7}",
    "backspace\u{8}\u{8}",
    "vertical\u{b}feed\u{c}",
    "del\u{7f}ete",
    "c1\u{9b}31m",
    "nel\u{85}line",
    "rtl\u{202e}txt.exe",
    "isolate\u{2066}x\u{2069}",
    "separator\u{2028}line",
    "zero\u{200b}width",
    "\u{feff}bom",
    "family\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "flag\u{1f1e9}\u{1f1ea}",
    "elephant 🐘",
    "表格",
    "テーブル",
    "combining e\u{301}",
    "éÀÖß",
    "İstanbul",
    "sixty_three_bytes_of_ascii_sixty_three_bytes_of_ascii_sixty_thr",
    "ééééééééééééééééééééééééééééééé",
    "%s",
    "%n%n%1$s",
    ":var",
    ":'var'",
    "$1",
    "$$",
    "$tag$",
    "--",
    "/* comment",
    "*",
    "?",
    "a|b",
    "(paren",
    "[a-z]",
    "{brace}",
    "^start$",
    "semi;colon",
    "x'; DROP TABLE students; --",
    "x\"; DROP TABLE students; --",
    "<script>alert(1)</script>",
    "&amp;",
    "comma,name",
    "=1+1",
    "@name",
    "-",
    "-rf",
    "--sql",
    "2024",
    "_",
    "__0__",
    "007",
    "NULL",
    "null",
    "true",
    "select",
    "table",
    "user",
];

const SCHEMAS: &[&str] = &["app", "stats", "raw", "archive", "Ops Team"];
const WORDS: &[&str] = &[
    "account",
    "address",
    "alarm",
    "batch",
    "build",
    "bug",
    "cart",
    "crash",
    "customer",
    "device",
    "email",
    "event",
    "feed",
    "graph",
    "host",
    "invoice",
    "job",
    "ledger",
    "message",
    "missing_symbols",
    "note",
    "order",
    "payment",
    "plugin",
    "product",
    "quota",
    "raw_crashes",
    "report",
    "signature",
    "stock",
    "tag",
    "ticket",
    "upload",
    "user",
    "vendor",
    "version",
    "visit",
    "widget",
];

/// An identifier in double quotes.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string literal.
pub fn literal(text: &str) -> String {
    format!(" E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// Fills an empty database with the special objects and about this many relations more. `run` runs a script of
/// several statements in one go; `major` is the server's version.
pub fn fill(run: &mut dyn FnMut(&str), major: u32, tables: usize) {
    run(ROLES);
    for batch in batches(SPECIAL, major) {
        run(&batch);
    }
    run(&nasty(major));
    let mut made = 0;
    let mut round = 0;
    while made < tables {
        let (script, count) = round_of(round, major, tables - made);
        run(&script);
        made += count;
        round += 1;
    }
    run("VACUUM ANALYZE things.everything");
    run("ANALYZE things.toasted");
}

/// Returns the batches of a script that a server of this version takes, each for a transaction of its own. A line
/// `-- batch` begins one, with `since N` or `until N` where not all versions take it.
pub fn batches(script: &str, major: u32) -> Vec<String> {
    let mut batches = Vec::new();
    for batch in script.split("-- batch").skip(1) {
        let (line, sql) = batch.split_once('\n').unwrap_or((batch, ""));
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
        let fits = match words.first() {
            Some(&"since") => major >= number(1),
            Some(&"until") => major <= number(1),
            _ => true,
        };
        if fits {
            batches.push(sql.to_owned());
        }
    }
    batches
}

/// Every nasty name as a table, and in turn as something else.
fn nasty(major: u32) -> String {
    let mut sql = String::from("CREATE SCHEMA nasty;\n");
    for (i, name) in NASTY.iter().enumerate() {
        let quoted = ident(name);
        let _ = writeln!(sql, "CREATE TABLE nasty.{quoted} ({quoted} int, note text);");
        let _ = match i % 8 {
            0 => writeln!(
                sql,
                "CREATE SCHEMA {}; CREATE TABLE {}.t (a int);",
                ident(&format!("s{name}")),
                ident(&format!("s{name}"))
            ),
            1 => writeln!(sql, "COMMENT ON TABLE nasty.{quoted} IS {};", literal(name)),
            2 => writeln!(
                sql,
                "CREATE FUNCTION nasty.{quoted}({quoted} int, text DEFAULT {}) RETURNS text LANGUAGE sql AS {};",
                literal(name),
                literal(&format!("SELECT {}", literal(name)))
            ),
            3 => writeln!(
                sql,
                "CREATE VIEW public.{} AS SELECT {}::text AS {quoted};",
                ident(&format!("v{name}")),
                literal(name)
            ),
            4 => writeln!(
                sql,
                "CREATE TYPE nasty.{} AS ENUM ({}, 'plain');",
                ident(&format!("e{name}")),
                literal(name)
            ),
            5 => writeln!(
                sql,
                "CREATE INDEX {} ON nasty.{quoted} ({quoted}) WHERE note <> {};",
                ident(&format!("i{name}")),
                literal(name)
            ),
            6 => writeln!(sql, "CREATE SEQUENCE nasty.{};", ident(&format!("q{name}"))),
            _ => writeln!(
                sql,
                "ALTER TABLE nasty.{quoted} ADD CONSTRAINT {quoted} CHECK (note <> {});",
                literal(name)
            ),
        };
    }
    if major >= 11 {
        sql.push_str("CREATE PROCEDURE nasty.\"call\nme\"(\"a b\" int) LANGUAGE sql AS 'SELECT 1';\n");
    }
    sql
}

/// Some hundred relations of all sorts; how many they are. Every round has names of its own.
fn round_of(round: usize, major: u32, most: usize) -> (String, usize) {
    let mut sql = String::new();
    let mut made = 0;
    if round == 0 {
        for schema in SCHEMAS {
            let _ = writeln!(sql, "CREATE SCHEMA {};", ident(schema));
        }
    }
    let word = WORDS[round % WORDS.len()];
    let turn = match round / WORDS.len() {
        0 => String::new(),
        n => format!("_v{n}x"),
    };
    // A family of tables, one a day, as the post has them.
    for (at, schema) in SCHEMAS.iter().enumerate() {
        let days = [31, 28, 14, 5, 1][(at + round) % 5].min(most);
        let columns = match (at + round) % 4 {
            0 => "id int, at timestamptz, n float8",
            1 => "id int PRIMARY KEY, at timestamptz",
            2 => "id int, body text",
            _ => "id bigint PRIMARY KEY, kind int2, body jsonb",
        };
        for day in 0..days {
            let name = format!("{}.{word}{turn}_2024{:02}{:02}", ident(schema), 1 + round % 12, day + 1);
            let _ = writeln!(sql, "CREATE TABLE {name} ({columns});");
            if day % 7 == round % 7 {
                let rows = 1 + (day * 37 + round * 11) % 300;
                let _ = writeln!(sql, "INSERT INTO {name} (id) SELECT generate_series(1, {rows});");
            }
        }
        made += days;
    }
    // The same plain name in every schema, and what hangs on it.
    for (at, schema) in SCHEMAS.iter().enumerate() {
        let (schema, name) = (ident(schema), ident(&format!("{word}{turn}s")));
        let _ = writeln!(
            sql,
            "CREATE TABLE {schema}.{name} (id serial PRIMARY KEY, name text NOT NULL DEFAULT 'none', parent int, made timestamptz DEFAULT now());"
        );
        made += 2;
        match (at + round) % 5 {
            0 => {
                let _ = writeln!(
                    sql,
                    "CREATE VIEW {schema}.{} AS SELECT id, name FROM {schema}.{name} WHERE parent IS NULL;",
                    ident(&format!("{word}{turn}_roots"))
                );
                made += 1;
            }
            1 => {
                let _ = writeln!(
                    sql,
                    "CREATE INDEX ON {schema}.{name} (lower(name)); CREATE INDEX ON {schema}.{name} (parent) WHERE parent > 0;"
                );
            }
            2 => {
                let _ = writeln!(
                    sql,
                    "CREATE MATERIALIZED VIEW {schema}.{} AS SELECT count(*) AS n FROM {schema}.{name};",
                    ident(&format!("{word}{turn}_count"))
                );
                made += 1;
            }
            3 => {
                let _ = writeln!(
                    sql,
                    "INSERT INTO {schema}.{name} (name) SELECT repeat(md5(g::text), 5 + {} % 200) FROM generate_series(1, 40) g;",
                    round * 7
                );
            }
            _ => {
                let _ = writeln!(sql, "COMMENT ON TABLE {schema}.{name} IS 'what a {word} is to us';");
            }
        }
    }
    // A partition tree of two levels, its leaves in another schema.
    let root = format!("app.{word}{turn}_log");
    let _ = writeln!(
        sql,
        "CREATE TABLE {root} (day date NOT NULL, region text NOT NULL, n int) PARTITION BY RANGE (day);"
    );
    made += 1;
    for quarter in 1..=4 {
        let (from, to) = (quarter * 3 - 2, quarter * 3 + 1);
        let until = if to > 12 { "2025-01-01".to_owned() } else { format!("2024-{to:02}-01") };
        let _ = writeln!(
            sql,
            "CREATE TABLE {root}_q{quarter} PARTITION OF {root} FOR VALUES FROM ('2024-{from:02}-01') TO ('{until}') PARTITION BY LIST (region);"
        );
        for region in ["eu", "us", "asia"] {
            let _ = writeln!(
                sql,
                "CREATE TABLE archive.{word}{turn}_log_q{quarter}_{region} PARTITION OF {root}_q{quarter} FOR VALUES IN ('{region}');"
            );
        }
        made += 4;
    }
    let _ = writeln!(
        sql,
        "INSERT INTO {root} SELECT date '2024-01-01' + g, (ARRAY['eu', 'us', 'asia'])[1 + g % 3], g FROM generate_series(0, 300) g;"
    );
    if major >= 11 && round.is_multiple_of(2) {
        let root = format!("stats.{word}{turn}_hashed");
        let _ = writeln!(sql, "CREATE TABLE {root} (id int PRIMARY KEY, body text) PARTITION BY HASH (id);");
        for part in 0..8 {
            let _ = writeln!(
                sql,
                "CREATE TABLE {root}_{part} PARTITION OF {root} FOR VALUES WITH (MODULUS 8, REMAINDER {part});"
            );
        }
        let _ = writeln!(sql, "INSERT INTO {root} SELECT g, repeat('x', g) FROM generate_series(1, 200) g;");
        made += 9;
    }
    // Functions, five of a name.
    for (n, arguments) in
        ["", "a int", "a text, b int DEFAULT 1", "VARIADIC a int[]", "a date, OUT b int, OUT c text"]
            .iter()
            .enumerate()
    {
        let body = match n {
            4 => "SELECT 4, 'c'::text".to_owned(),
            n => format!("SELECT {n}"),
        };
        let returns = if n == 4 { "" } else { "RETURNS int" };
        let _ = writeln!(
            sql,
            "CREATE FUNCTION app.{word}{turn}_get({arguments}) {returns} LANGUAGE sql STABLE AS $${body}$$;"
        );
    }
    (sql, made)
}
