//! Compares the reports `bloat` and `index-bloat` with the extension pgstattuple, and with the sizes after VACUUM FULL,
//! on tables of random shapes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pgkit::sandbox::Binaries;

use crate::reports::*;
use crate::support::*;

/// Types, each with an expression for its value in row g and with whether it gets an index.
const TYPES: &[(&str, &str, bool)] = &[
    ("int2", "(g % 30000)::int2", true),
    ("int4", "g", true),
    ("int8", "g::int8", true),
    ("bool", "g % 2 = 0", true),
    ("float8", "g::float8", true),
    ("date", "date '2020-01-01' + g % 1000", true),
    ("timestamptz", "timestamptz '2024-01-01' + g * interval '1 s'", true),
    ("uuid", "md5(g::text)::uuid", true),
    ("point", "point(g, g)", false),
    ("\"char\"", "'a'::\"char\"", true),
    ("text", "md5(g::text)", true),
    ("text", "left(md5(g::text), (random() * 20)::int)", true),
    ("text", "repeat(md5(g::text), 1 + (random() * 12)::int)", true),
    ("text", "'name ' || g", true),
    ("text", "repeat('ab', 200)", true),
    ("numeric", "(random() * 1000000)::numeric(12, 2)", true),
    ("numeric", "g::numeric", true),
    ("char(10)", "'x' || g % 100", true),
    ("varchar(20)", "(ARRAY['new', 'paid', 'shipped', 'returned'])[1 + g % 4]", true),
    ("jsonb", "jsonb_build_object('id', g, 's', md5(g::text))", true),
    ("bytea", "decode(md5(g::text), 'hex')", true),
    ("inet", "('10.0.0.' || g % 250)::inet", true),
    ("int[]", "ARRAY[g, g + 1]", true),
    ("interval", "g * interval '1 s'", true),
    ("name", "('n' || g)::name", false),
];

/// The number of tables.
const TABLES: usize = 60;

/// Returns a script that creates the tables, with dropped columns, NULLs, free space and various fillfactors.
fn tables(random: &mut fastrand::Rng) -> String {
    let mut script = String::from("SELECT setseed(0.5);\n");
    let pick = |random: &mut fastrand::Rng, all: &[f64]| all[random.usize(..all.len())];
    for i in 0..TABLES {
        let width = [1, 2, 3, 4, 6, 8, 10, 15, 25][random.usize(..9)];
        let nulls = pick(random, &[0.0, 0.0, 0.0, 0.1, 0.5, 0.95]);
        let (mut columns, mut values, mut indexes) = (Vec::new(), Vec::new(), String::new());
        let is_narrowed = width > 2 && random.u8(..5) == 0;
        for c in 0..width {
            let (name, value, is_sortable) = TYPES[random.usize(..TYPES.len())];
            let nulls = if random.bool() { nulls } else { 0.0 };
            let not_null = if nulls == 0.0 && random.bool() { " NOT NULL" } else { "" };
            columns.push(format!("c{c} {name}{not_null}"));
            let is_dropped = is_narrowed && c == 1;
            if !is_dropped {
                let value = if nulls == 0.0 {
                    value.to_owned()
                } else {
                    format!("CASE WHEN random() > {nulls} THEN {value} END")
                };
                values.push(value);
            }
            if is_sortable && !is_dropped && (c == 0 || c == 2) {
                let _ = writeln!(indexes, "CREATE INDEX i{i}_{c} ON t{i} (c{c});");
            }
        }
        let fillfactor = pick(random, &[100.0, 100.0, 100.0, 90.0, 70.0, 50.0]);
        let rows = pick(random, &[500.0, 1000.0, 3000.0]);
        let (columns, values) = (columns.join(", "), values.join(", "));
        let _ = writeln!(script, "CREATE TABLE t{i} ({columns}) WITH (fillfactor = {fillfactor});");
        if is_narrowed {
            let _ = writeln!(script, "ALTER TABLE t{i} DROP COLUMN c1;");
        }
        script.push_str(&indexes);
        let _ = writeln!(script, "INSERT INTO t{i} SELECT {values} FROM generate_series(1, {rows}) g;");
        let gone = pick(random, &[0.0, 0.0, 0.1, 0.3, 0.5, 0.8, 0.95]);
        if gone > 0.0 {
            let _ = writeln!(script, "DELETE FROM t{i} WHERE random() < {gone};");
        }
        if random.u8(..10) < 3 {
            let _ = writeln!(script, "UPDATE t{i} SET c0 = c0 WHERE random() < 0.3;");
        }
    }
    script
}

/// Errors in percentage points, sorted.
struct Errors(Vec<(f64, String)>);

impl Errors {
    fn new(errors: impl Iterator<Item = (f64, String)>) -> Errors {
        let mut all: Vec<(f64, String)> = errors.map(|(error, what)| (error.abs(), what)).collect();
        all.sort_by(|a, b| a.0.total_cmp(&b.0));
        Errors(all)
    }

    /// Returns what is wrong if the median, the 90th percentile or the worst error exceeds its bound. Panics if there are
    /// fewer errors than `least`.
    fn beyond(&self, what: &str, least: usize, bounds: [f64; 3]) -> Option<String> {
        let count = self.0.len();
        assert!(count >= least, "{what}: only {count}");
        let found = [&self.0[count / 2], &self.0[count * 9 / 10], &self.0[count - 1]];
        let is_near = found.iter().zip(bounds).all(|((error, _), bound)| *error <= bound);
        (!is_near)
            .then(|| format!("{what}: {count}, median, nine tenths and worst: {found:?}, at most {bounds:?}"))
    }
}

/// Returns the numbers in each row, by the name in its first column.
fn numbers(rows: &[Row]) -> BTreeMap<String, Vec<f64>> {
    let number = |cell: &String| cell.parse().unwrap_or(f64::NAN);
    rows.iter().map(|row| (row[0].clone(), row[1..].iter().map(number).collect())).collect()
}

/// Returns the same for the rows of a query.
fn asked(db: &Db, sql: &str) -> BTreeMap<String, Vec<f64>> {
    let rows = db.sql(sql).into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect());
    numbers(&rows.collect::<Vec<Row>>())
}

const BY_PGSTATTUPLE: &str = "\
    SELECT c.relname, s.table_len, s.tuple_count, s.dead_tuple_count, s.dead_tuple_len, s.free_space \
    FROM pg_class c, pgstattuple(c.oid::regclass) s \
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND s.table_len > 0";

/// Returns the percentage of a table that is free, from pgstattuple's figures. Line pointers are used space, page headers are
/// neither used nor free, and what fillfactor reserves is not free.
fn free_pct(figures: &[f64], fillfactor: f64) -> f64 {
    let [total, _, _, dead, free] = figures else { panic!("{figures:?}") };
    let used = total - free - dead - total / 8192.0 * 24.0;
    let fillable = (8192.0 * fillfactor / 100.0 - 24.0) / 8192.0;
    (100.0 * (1.0 - used / fillable / total)).max(0.0)
}

const BY_PGSTATINDEX: &str = "\
    SELECT c.relname, s.index_size, s.leaf_pages, s.internal_pages, s.avg_leaf_density \
    FROM pg_class c, pgstatindex(c.oid::regclass) s \
    WHERE c.relkind = 'i' AND c.relnamespace = 'public'::regnamespace AND s.leaf_pages > 0";

/// Returns the percentage of an index that is free, from pgstatindex's figures: what a new index, filled to 90 %, would not
/// need.
fn free_pct_of_index(figures: &[f64]) -> f64 {
    let [total, leaves, inner, density] = figures else { panic!("{figures:?}") };
    let full = leaves * density / 90.0;
    let pages = 1.0 + full + inner * (full / leaves).min(1.0);
    (100.0 * (1.0 - pages * 8192.0 / total)).max(0.0)
}

fn estimates_and_measures_of_free_space_are_near_what_is_free(bin: &Binaries) {
    let db = database(server(bin).info(), "bloat_oracle");
    let session = db.session();
    // Otherwise VACUUM, right after a commit, cannot tell that its rows are visible to all.
    session.sql("SET synchronous_commit = on");
    session.sql("CREATE EXTENSION pgstattuple");
    session.sql(&tables(&mut fastrand::Rng::with_seed(7)));
    let vacuum = || {
        for i in 0..TABLES {
            session.sql(&format!("VACUUM ANALYZE t{i}"));
        }
    };
    vacuum();
    let major = bin.major;

    let mut wrong = Vec::new();

    // Tables.
    let columns = "name,free_pct,fillfactor,total_bytes,dead_rows";
    let estimated = numbers(&answer(&db, &["bloat", "public.t*", "--columns", columns]));
    let measured = numbers(&answer(&db, &["bloat", "public.t*", "--exact", "--columns", columns]));
    let theirs = asked(&db, BY_PGSTATTUPLE);
    let errors = |ours: &BTreeMap<String, Vec<f64>>| {
        Errors::new(theirs.iter().map(|(name, figures)| {
            let (ours, fillfactor) = (ours[name][0], ours[name][1]);
            let free = free_pct(figures, fillfactor);
            (ours - free, format!("{name}: {ours} and {free:.1}"))
        }))
    };
    wrong.extend(errors(&estimated).beyond(&format!("bloat on {major}"), 55, [2.5, 9.0, 14.0]));
    wrong.extend(errors(&measured).beyond(&format!("bloat --exact on {major}"), 55, [0.5, 1.0, 2.0]));

    // Now with dead rows that are not yet vacuumed. --exact counts them as free.
    session.sql(
        "DO $$ DECLARE t record; BEGIN FOR t IN SELECT oid::regclass AS name FROM pg_class WHERE relname ~ '^t[0-9]*[369]$' LOOP \
         EXECUTE 'DELETE FROM ' || t.name || ' WHERE random() < 0.4'; END LOOP; END $$",
    );
    let measured = numbers(&answer(&db, &["bloat", "public.t*", "--exact", "--columns", columns]));
    let theirs = asked(&db, BY_PGSTATTUPLE);
    let mut dead = 0.0;
    for (name, figures) in &theirs {
        let ours = &measured[name];
        // The number of live rows is not compared: pgstattuple_approx skips all-visible pages, so it only estimates it.
        if (ours[2], ours[3]) != (figures[0], figures[2]) {
            wrong.push(format!("{name} on {major}: size and dead rows: {ours:?}, {figures:?}"));
        }
        dead += figures[2];
    }
    assert!(dead > 1000.0, "{dead}");

    // Indexes, some with entries of rows that were deleted later.
    vacuum();
    let columns = "name,free_pct,total_bytes,free_bytes,note";
    let rows = answer(&db, &["index-bloat", "public.i*", "--columns", columns]);
    let (bounds, plain): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| row[4].starts_with("at least"));
    let measured = numbers(&answer(&db, &["index-bloat", "public.i*", "--exact", "--columns", columns]));
    let theirs = asked(&db, BY_PGSTATINDEX);
    let errors = |ours: &BTreeMap<String, Vec<f64>>, least_error: f64| {
        let errors = theirs.iter().filter_map(|(name, figures)| {
            let ours = ours.get(name)?[0];
            let free = free_pct_of_index(figures);
            (!ours.is_nan())
                .then(|| ((ours - free).max(least_error), format!("{name}: {ours} and {free:.1}")))
        });
        Errors::new(errors)
    };
    wrong.extend(errors(&numbers(&plain), -100.0).beyond(
        &format!("index-bloat on {major}"),
        50,
        [9.0, 20.0, 30.0],
    ));
    if major >= 13 {
        // These are lower bounds: more may be free, but not less.
        wrong.extend(errors(&numbers(&bounds), 0.0).beyond(
            &format!("index-bloat, at least, on {major}"),
            20,
            [1.0, 5.0, 10.0],
        ));
    }
    // Exact, apart from rounding to a tenth.
    wrong.extend(errors(&measured, -100.0).beyond(
        &format!("index-bloat --exact on {major}"),
        80,
        [0.06, 0.06, 0.06],
    ));

    // After VACUUM FULL, the space that the reports called free is gone.
    let sizes = "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace";
    let tables =
        numbers(&answer(&db, &["bloat", "public.t*", "--exact", "--columns", "name,total_bytes,free_bytes"]));
    // These tables only: VACUUM FULL without a name would rewrite the catalogs too.
    for name in estimated.keys() {
        session.sql(&format!("VACUUM FULL {name}"));
    }
    let after = asked(&db, sizes);
    let errors = |ours: &BTreeMap<String, Vec<f64>>, total: usize| {
        Errors::new(ours.iter().map(|(name, figures)| {
            let (before, free, after) = (figures[total], figures[total + 1], after[name][0]);
            let error = before - free - after;
            // The last pages may be full or nearly empty, so up to two pages are no error.
            let points = if error.abs() <= 2.0 * 8192.0 { 0.0 } else { 100.0 * error / before };
            (points, format!("{name}: {before}, free {free}, then {after}"))
        }))
    };
    wrong.extend(errors(&tables, 0).beyond(&format!("VACUUM FULL on {major}"), 55, [1.0, 5.0, 10.0]));
    wrong.extend(errors(&measured, 1).beyond(&format!("REINDEX on {major}"), 80, [1.0, 5.0, 10.0]));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
on_every_server!(estimates_and_measures_of_free_space_are_near_what_is_free);
