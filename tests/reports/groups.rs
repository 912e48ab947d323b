//! sizes of families.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::*;
use crate::support::*;

type Key = (String, String);

/// What a family weighs, worked out from its members one by one.
#[derive(Default, Debug, Clone, PartialEq, Eq)]
struct Family {
    members: i64,
    sizes: [Option<i64>; 4],
    roots: BTreeSet<String>,
}

/// Each child with its first parent.
fn parents(db: &Db) -> HashMap<Key, Key> {
    let sql = "SELECT cn.nspname, c.relname, pn.nspname, p.relname FROM pg_inherits i \
        JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace \
        JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace \
        WHERE i.inhseqno = 1 AND c.relkind IN ('r', 'p', 'f')";
    let text = |cell: &Option<String>| cell.clone().unwrap();
    db.sql(sql).iter().map(|r| ((text(&r[0]), text(&r[1])), (text(&r[2]), text(&r[3])))).collect()
}

/// What stands before a suffix, of the few forms that the catalog's names have.
fn stem(dated: &regex::Regex, root: &Key) -> Option<String> {
    let other = || root.1.strip_suffix("_default").or(root.1.strip_suffix("_old")).map(str::to_owned);
    dated.captures(&root.1).map(|found| found[1].to_owned()).or_else(other)
}

fn families(
    rows: &[Row],
    parents: &HashMap<Key, Key>,
    by_tree: bool,
    by_name: bool,
) -> BTreeMap<Key, Family> {
    let mut families: BTreeMap<Key, Family> = BTreeMap::new();
    let root_of = |row: &Row| {
        let mut root: Key = (row[0].clone(), row[1].clone());
        while by_tree && parents.contains_key(&root) {
            root = parents[&root].clone();
        }
        root
    };
    let dated = regex::Regex::new("^(.+?)[-_. ]+(?:[py]?[0-9]+(?:[-_. ]?[mqwdth]?[0-9]+)*)$").unwrap();
    let mut proofs: HashMap<Key, usize> = HashMap::new();
    for root in rows.iter().map(root_of).collect::<BTreeSet<Key>>() {
        if let Some(stem) = stem(&dated, &root) {
            *proofs.entry((root.0, stem)).or_default() += usize::from(dated.is_match(&root.1));
        }
    }
    for row in rows {
        let root = root_of(row);
        let stem = stem(&dated, &root).filter(|stem| proofs[&(root.0.clone(), stem.clone())] > 1);
        let trimmed =
            stem.as_deref().unwrap_or(&root.1).trim_end_matches(|c: char| c == '_' || c.is_ascii_digit());
        let name = if by_name && !trimmed.is_empty() { trimmed.to_owned() } else { root.1.clone() };
        let family = families.entry((root.0.clone(), name)).or_default();
        family.roots.insert(root.1);
        family.members += i64::from(row[2] != "partitioned table");
        for (at, sum) in family.sizes.iter_mut().enumerate() {
            if let Ok(size) = row[5 + at].parse::<i64>() {
                *sum = Some(sum.unwrap_or(0) + size);
            }
        }
    }
    // One root alone keeps its name.
    families
        .into_iter()
        .map(|((schema, name), family)| {
            let own = family.roots.iter().next().cloned().filter(|_| family.roots.len() == 1);
            ((schema, own.unwrap_or(name)), family)
        })
        .collect()
}

/// The report's rows in the same shape.
fn of(rows: &[Row]) -> BTreeMap<Key, (i64, [Option<i64>; 4])> {
    let mut out = BTreeMap::new();
    for row in rows {
        let size = |at: usize| row[at].parse::<i64>().ok();
        let before = out.insert(
            (row[0].clone(), row[1].clone()),
            (row[3].parse().unwrap(), [size(5), size(6), size(7), size(8)]),
        );
        assert!(before.is_none(), "twice: {row:?}");
    }
    out
}

fn families_by_tree_by_name_and_by_both_add_up_to_the_byte(bin: &Binaries) {
    let db = filled::filled(bin);
    let parents = parents(&db);
    let each = answer(&db, &["sizes"]);
    for (flags, by_tree, by_name) in [
        (&["--by", "tree"][..], true, false),
        (&["--by", "name"], false, true),
        (&["--by", "both"], true, true),
        (&["--group-partitions"], true, true),
    ] {
        for role in ["postgres", "catalog_nobody"] {
            let grouped = answer_of(pgkit(&db).env("PGUSER", role).arg("sizes").args(flags));
            let expected = families(&each, &parents, by_tree, by_name);
            let expected: BTreeMap<Key, _> =
                expected.into_iter().map(|(k, f)| (k, (f.members, f.sizes))).collect();
            let ours = of(&grouped);
            for (key, family) in &expected {
                assert_eq!(ours.get(key), Some(family), "{key:?} {flags:?} on {}", bin.major);
            }
            assert_eq!(ours.len(), expected.len(), "{flags:?} on {}", bin.major);
            let sum =
                |rows: &[Row], at: usize| rows.iter().filter_map(|r| r[at].parse::<i64>().ok()).sum::<i64>();
            for at in 5..9 {
                assert_eq!(sum(&grouped, at), sum(&each, at), "column {at} {flags:?}");
            }
        }
    }
}
on_every_server!(families_by_tree_by_name_and_by_both_add_up_to_the_byte);

fn dated_tables_give_the_totals_of_the_posts_query(bin: &Binaries) {
    let db = filled::filled(bin);
    // The post's grouping, with an OID where it had a name.
    let sql = "SELECT n.nspname, trim(trailing '_0123456789' from c.relname) AS family, sum(pg_catalog.pg_relation_size(c.oid))::text, count(*)::text \
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
            WHERE c.relkind = 'r' AND n.nspname IN ('app', 'stats', 'raw', 'Ops Team') AND c.relname ~ '_2024[0-9]{4}$' \
            GROUP BY 1, 2 HAVING count(*) > 1";
    let posts = db.sql(sql);
    assert!(posts.len() > 20, "{}", posts.len());
    let ours = answer(&db, &["sizes", "--by", "name"]);
    for row in posts {
        let row: Vec<String> = row.into_iter().map(Option::unwrap).collect();
        let own =
            ours.iter().find(|r| r[0] == row[0] && r[1] == row[1]).unwrap_or_else(|| panic!("no {row:?}"));
        assert_eq!((&own[5], &own[3]), (&row[2], &row[3]), "{row:?}");
    }
}
on_every_server!(dated_tables_give_the_totals_of_the_posts_query);

fn names_that_end_in_digits_and_are_no_family_keep_their_names(bin: &Binaries) {
    let db = filled::filled(bin);
    let rows = answer(&db, &["sizes", "--group-partitions"]);
    let in_public: Vec<(&str, &str)> =
        rows.iter().filter(|r| r[0] == "public").map(|r| (r[1].as_str(), r[3].as_str())).collect();
    for name in ["oauth2", "s3", "2024", "_", "20240101", "app_oauth2"] {
        assert!(in_public.contains(&(name, "1")), "{name}: {in_public:?}");
    }
    // Two that differ in digits only are one.
    assert!(in_public.contains(&("ipv", "2")), "{in_public:?}");
}
on_every_server!(names_that_end_in_digits_and_are_no_family_keep_their_names);

fn a_suffix_of_a_date_or_a_number_makes_a_family_where_two_names_have_it(bin: &Binaries) {
    let db = database(server(bin).info(), "suffixes");
    // The members of a family, and its name.
    let families: &[(&str, &[&str])] = &[
        ("a", &["a", "a_y2024m01", "a_y2024m02", "a_default"]),
        ("b", &["b_2024q1", "b_2024q2", "b_2024Q3", "b_old"]),
        ("c", &["c_2024w05", "c_p2024w06", "c_p2024_01_01", "c_20240101t1200"]),
        ("d", &["d-2020-01-01", "d-2020-02-01", "d-2021-01-01"]),
        ("e", &["e_jan2024", "e_february_2024", "e-2024-mar", "e_sept_2024_30"]),
        ("f", &["f_0_of_4", "f_1_of_4"]),
        ("g", &["g.1", "g.2", "g 3"]),
        ("h", &["h_p0", "h_p1"]),
        ("ipv", &["ipv4", "ipv6", "ipv4_2024q1", "ipv4_2024q2"]),
        ("log x", &["log x 2024-01", "log x 2024-02"]),
        // Each by itself.
        ("k_2024q1", &["k_2024q1"]),
        ("l_old", &["l_old"]),
        ("l_default", &["l_default"]),
        ("m_may", &["m_may"]),
        ("m_mar", &["m_mar"]),
        ("n_dec", &["n_dec"]),
        ("n_oct", &["n_oct"]),
        ("o_mayor1", &["o_mayor1"]),
        ("o_market2", &["o_market2"]),
        ("t_v1x", &["t_v1x"]),
        ("t_v2x", &["t_v2x"]),
        ("-1", &["-1"]),
        ("_2024q1", &["_2024q1"]),
    ];
    for name in families.iter().flat_map(|(_, names)| *names) {
        db.sql(&format!("CREATE TABLE \"{name}\" (id int)"));
    }
    // In another schema nobody proves anything for this one.
    db.sql("CREATE SCHEMA other; CREATE TABLE other.k_2024q2 (id int)");
    // As a superuser, by estimates and as a role without rights: three texts, which must group in the same way.
    db.sql("DROP ROLE IF EXISTS groups_plain; CREATE ROLE groups_plain LOGIN");
    for more in [&[][..], &["--estimate"], &["-U", "groups_plain"]] {
        let rows = answer(&db, &[&["sizes", "public.*", "--group-partitions"], more].concat());
        let found: BTreeSet<(&str, usize)> =
            rows.iter().map(|row| (row[1].as_str(), row[3].parse().unwrap())).collect();
        let expected: BTreeSet<(&str, usize)> =
            families.iter().map(|(name, members)| (*name, members.len())).collect();
        assert_eq!(found, expected, "on {}", bin.major);
    }
    // A family that includes a partitioned table is shown as one, even if its other members are plain tables.
    db.sql("CREATE TABLE ev (id int) PARTITION BY LIST (id); CREATE TABLE ev_2019 (id int)");
    assert_eq!(answer(&db, &["sizes", "ev", "--group-partitions"])[0][2], "partitioned table");
}
on_every_server!(a_suffix_of_a_date_or_a_number_makes_a_family_where_two_names_have_it);

fn a_tree_stands_under_its_root_whatever_schemas_its_leaves_are_in(bin: &Binaries) {
    let db = filled::filled(bin);
    let rows = answer(&db, &["sizes", "--by", "tree"]);
    let find = |schema: &str, name: &str| rows.iter().find(|r| r[0] == schema && r[1] == name);
    let measures = find("things", "measures").unwrap();
    assert_eq!(measures[2], "partitioned table");
    // Three leaves, one more without a second level, a foreign one, and from 11 on the default.
    assert_eq!(measures[3], if bin.major >= 11 { "6" } else { "5" }, "{measures:?}");
    assert!(find("other", "measures_2023_eu").is_none() && find("things", "measures_2023").is_none());
    assert_eq!(find("things", "childless").unwrap()[3], "0");
    // A child of two parents is counted with the first of them, with its own child.
    assert_eq!(find("things", "parent_a").unwrap()[3], "4");
    assert_eq!(find("things", "parent_b").unwrap()[3], "1");
    let total = |name: &str| find("things", name).unwrap()[5].parse::<i64>().unwrap();
    assert!(total("parent_a") > 100_000 && total("parent_b") == 0);
}
on_every_server!(a_tree_stands_under_its_root_whatever_schemas_its_leaves_are_in);

#[test]
fn a_regular_expression_names_the_family_by_its_first_group() {
    let db = database(server(bin()).info(), "regex");
    db.sql("CREATE TABLE a_eu_1 (x int); CREATE TABLE a_us_1 (x int); CREATE TABLE b_eu_1 (x int); CREATE TABLE other (x int)");
    let names = |args: &[&str]| -> Vec<(String, String)> {
        sorted(answer(&db, args)).into_iter().map(|r| (r[1].clone(), r[3].clone())).collect()
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        names(&["sizes", "--group-regex", "_(eu|us)_"]),
        [pair("eu", "2"), pair("other", "1"), pair("us", "1")]
    );
    assert_eq!(
        names(&["sizes", "--group-regex", "^([ab])_"]),
        [pair("a", "2"), pair("b", "1"), pair("other", "1")]
    );
    let bad = run(pgkit(&db).args(["sizes", "--group-regex", "("]));
    assert_eq!(bad.code, Some(65), "{}", bad.snapshot());
    assert!(bad.stderr.contains("invalid regular expression"), "{}", bad.stderr);
}

#[test]
fn a_pattern_picks_families_by_the_names_of_family_root_and_member() {
    let db = filled::filled(bin());
    let names = |args: &[&str]| -> Vec<String> {
        let rows = sorted(answer(&db, args));
        rows.into_iter().map(|r| format!("{}.{} {}", r[0], r[1], r[3])).collect()
    };
    let members = if bin().major >= 11 { 6 } else { 5 };
    assert_eq!(
        names(&["sizes", "--group-partitions", "things.measures"]),
        [format!("things.measures {members}")]
    );
    assert_eq!(names(&["sizes", "--group-partitions", "things.parent_a"]), ["things.parent_a 4"]);
    assert_eq!(names(&["sizes", "--group-partitions", "app.account"]).len(), 1);
}
