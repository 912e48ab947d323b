//! Compares the report `grants` with the server's has_…_privilege functions, for every pair of 40 roles and about 200
//! objects with random owners, memberships and grants.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use pgkit::sandbox::Binaries;

use crate::reports::*;
use crate::support::*;

/// The number of roles. The last one is a superuser.
const ROLES: usize = 40;

/// A kind of object.
struct Kind {
    /// Its name in the report.
    name: &'static str,
    /// Its name in GRANT.
    in_grant: &'static str,
    /// The server's function that judges it: has_…_privilege.
    judge: &'static str,
    privileges: &'static [&'static str],
}

const TABLE: &[&str] =
    &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"];
const USAGE: &[&str] = &["USAGE"];
/// The privileges that may be granted on single columns.
const OF_COLUMNS: &[&str] = &["INSERT", "REFERENCES", "SELECT", "UPDATE"];

const fn kind(
    name: &'static str,
    in_grant: &'static str,
    judge: &'static str,
    privileges: &'static [&'static str],
) -> Kind {
    Kind { name, in_grant, judge, privileges }
}

const KINDS: &[Kind] = &[
    kind("schema", "SCHEMA", "schema", &["USAGE", "CREATE"]),
    kind("table", "TABLE", "table", TABLE),
    kind("partitioned table", "TABLE", "table", TABLE),
    kind("view", "TABLE", "table", TABLE),
    kind("materialized view", "TABLE", "table", TABLE),
    kind("foreign table", "TABLE", "table", TABLE),
    kind("sequence", "SEQUENCE", "sequence", &["USAGE", "SELECT", "UPDATE"]),
    kind("function", "FUNCTION", "function", &["EXECUTE"]),
    kind("aggregate", "FUNCTION", "function", &["EXECUTE"]),
    kind("procedure", "PROCEDURE", "function", &["EXECUTE"]),
    kind("domain", "DOMAIN", "type", USAGE),
    kind("type", "TYPE", "type", USAGE),
    kind("foreign data wrapper", "FOREIGN DATA WRAPPER", "foreign_data_wrapper", USAGE),
    kind("foreign server", "FOREIGN SERVER", "server", USAGE),
    kind("language", "LANGUAGE", "language", USAGE),
    kind("database", "DATABASE", "database", &["CONNECT", "CREATE", "TEMPORARY"]),
    kind("tablespace", "TABLESPACE", "tablespace", &["CREATE"]),
    kind("parameter", "PARAMETER", "parameter", &["SET", "ALTER SYSTEM"]),
    kind("large object", "LARGE OBJECT", "largeobject", &["SELECT", "UPDATE"]),
];

struct Object {
    kind: &'static Kind,
    /// Its name in the report.
    title: String,
    /// Its name for the server's function.
    key: String,
    owner: Option<String>,
    /// Whether a privilege was revoked from its owner. The server lets an owner grant it nevertheless; the report says of
    /// each grant whether that grant may be passed on.
    is_stripped: bool,
}

/// Which role has which privilege (role, kind, object, privilege), and whether it may grant it.
type Pairs = BTreeMap<[String; 4], bool>;

/// A database full of grants. It has a server of its own, since roles belong to the cluster.
struct Ground {
    random: fastrand::Rng,
    major: u32,
    objects: Vec<Object>,
    script: String,
}

impl Ground {
    fn new(major: u32) -> Ground {
        let random = fastrand::Rng::with_seed(u64::from(major));
        let mut ground = Ground { random, major, objects: Vec::new(), script: String::new() };
        ground.roles();
        ground.objects();
        ground.grants();
        ground
    }

    fn role(&mut self) -> String {
        format!("r{}", self.random.usize(..ROLES))
    }

    fn role_or_public(&mut self) -> String {
        if self.random.u8(..5) == 0 { "PUBLIC".to_owned() } else { self.role() }
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.random.usize(..all.len())]
    }

    fn run(&mut self, statement: &str) {
        let _ = writeln!(self.script, "{statement};");
    }

    fn roles(&mut self) {
        for i in 0..ROLES {
            let inherit = if i % 7 == 3 { "NOINHERIT" } else { "" };
            let superuser = if i == ROLES - 1 { "SUPERUSER" } else { "" };
            self.run(&format!("CREATE ROLE r{i} LOGIN {inherit} {superuser}"));
        }
        for _ in 0..50 {
            // A role is a member only of roles with lower numbers, so that there are no circles; nobody is a member of the
            // superuser.
            let member = self.random.usize(1..ROLES - 1);
            let role = self.random.usize(..member);
            let options: &[&str] = if self.major >= 16 {
                &["", "WITH INHERIT FALSE", "WITH INHERIT TRUE, SET FALSE", "WITH ADMIN TRUE"]
            } else {
                &["", "WITH ADMIN OPTION"]
            };
            let option = self.one_of(options);
            self.run(&format!("GRANT r{role} TO r{member} {option}"));
        }
        for (since, role, member) in
            [(14, "pg_read_all_data", 1), (14, "pg_write_all_data", 2), (17, "pg_maintain", 4)]
        {
            if self.major >= since {
                self.run(&format!("GRANT {role} TO r{member}"));
            }
        }
    }

    /// Creates an object, unless there is nothing to create, and sometimes gives it to another owner.
    fn make(&mut self, kind: &str, title: &str, key: &str, create: &str, alter: &str) {
        let kind = KINDS.iter().find(|known| known.name == kind).unwrap();
        let mut owner = None;
        if !create.is_empty() {
            self.run(create);
            if self.random.f32() < 0.6 {
                let role = self.role();
                self.run(&format!("ALTER {alter} OWNER TO {role}"));
                owner = Some(role);
            }
        }
        self.objects.push(Object {
            kind,
            title: title.to_owned(),
            key: key.to_owned(),
            owner,
            is_stripped: false,
        });
    }

    fn objects(&mut self) {
        for i in 0..20 {
            // Every third name must be quoted.
            let name = if i % 3 == 0 { format!("Schema {i}") } else { format!("s{i}") };
            let title = if i % 3 == 0 { format!("\"{name}\"") } else { name.clone() };
            self.make("schema", &title, &name, &format!("CREATE SCHEMA {title}"), &format!("SCHEMA {title}"));
        }
        self.make("schema", "public", "public", "", "");
        let schemas: Vec<String> = self.objects.iter().map(|object| object.title.clone()).collect();
        let of_tables = [
            ("table", "TABLE", "TABLE # (a int, b text)", 60),
            ("partitioned table", "TABLE", "TABLE # (a int, b text) PARTITION BY LIST (a)", 6),
            ("view", "VIEW", "VIEW # AS SELECT 1 AS a, ''::text AS b", 12),
            (
                "materialized view",
                "MATERIALIZED VIEW",
                "MATERIALIZED VIEW # AS SELECT 1 AS a, ''::text AS b",
                6,
            ),
            ("sequence", "SEQUENCE", "SEQUENCE #", 22),
            ("domain", "DOMAIN", "DOMAIN # AS int", 10),
            ("type", "TYPE", "TYPE # AS ENUM ('a')", 8),
            ("type", "TYPE", "TYPE # AS (a int)", 5),
        ];
        for (number, (kind, word, create, count)) in of_tables.into_iter().enumerate() {
            for i in 0..count {
                let title = format!("{}.\"{kind} {number}.{i}\"", schemas[i % 20]);
                let create = format!("CREATE {}", create.replace('#', &title));
                self.make(kind, &title, &title, &create, &format!("{word} {title}"));
            }
        }
        for i in 0..30 {
            let name = format!("{}.f{i}", schemas[i % 20]);
            let create = format!("CREATE FUNCTION {name}(a integer) RETURNS int LANGUAGE sql AS 'SELECT 1'");
            let (title, key) = (format!("{name}(a integer)"), format!("{name}(integer)"));
            self.make("function", &title, &key, &create, &format!("FUNCTION {key}"));
        }
        for (i, schema) in schemas.iter().take(4).enumerate() {
            let title = format!("{schema}.total{i}(integer)");
            let create = format!("CREATE AGGREGATE {title} (SFUNC = int4pl, STYPE = integer)");
            self.make("aggregate", &title, &title, &create, &format!("AGGREGATE {title}"));
        }
        if self.major >= 11 {
            for (i, schema) in schemas.iter().take(4).enumerate() {
                let title = format!("{schema}.proceed{i}()");
                let create = format!("CREATE PROCEDURE {title} LANGUAGE sql AS 'SELECT 1'");
                self.make("procedure", &title, &title, &create, &format!("PROCEDURE {title}"));
            }
        }
        for (i, schema) in schemas.iter().take(6).enumerate() {
            let (wrapper, server) = (format!("w{i}"), format!("v{i}"));
            // The owner of a wrapper must be a superuser.
            self.make("foreign data wrapper", &wrapper, &wrapper, "", "");
            self.run(&format!("CREATE FOREIGN DATA WRAPPER {wrapper}"));
            let create = format!("CREATE SERVER {server} FOREIGN DATA WRAPPER {wrapper}");
            self.make("foreign server", &server, &server, &create, &format!("SERVER {server}"));
            let title = format!("{schema}.far{i}");
            let create = format!("CREATE FOREIGN TABLE {title} (a int, b text) SERVER {server}");
            self.make("foreign table", &title, &title, &create, &format!("FOREIGN TABLE {title}"));
        }
        for (kind, name) in [
            ("language", "c"),
            ("language", "internal"),
            ("language", "sql"),
            ("language", "plpgsql"),
            ("database", "oracle"),
            ("database", "postgres"),
            ("database", "template0"),
            ("database", "template1"),
            ("tablespace", "pg_default"),
            ("tablespace", "pg_global"),
        ] {
            self.make(kind, name, name, "", "");
        }
        self.run("ALTER DATABASE oracle OWNER TO r5");
        self.objects.iter_mut().find(|object| object.key == "oracle").unwrap().owner = Some("r5".to_owned());
        if self.major >= 15 {
            self.make("parameter", "work_mem", "work_mem", "", "");
        }
        if self.major >= 18 {
            // The server has has_largeobject_privilege only from 18 on.
            for i in 0..4 {
                let oid = (70_000 + i).to_string();
                let create = format!("SELECT pg_catalog.lo_create({oid})");
                self.make("large object", &oid, &oid, &create, &format!("LARGE OBJECT {oid}"));
            }
        }
    }

    fn grants(&mut self) {
        for i in 0..self.objects.len() {
            let kind = self.objects[i].kind;
            let granted = kind.privileges.iter().filter(|one| **one != "MAINTAIN" || self.major >= 17);
            let granted: Vec<&str> = granted.copied().chain(["ALL"]).collect();
            let object = &self.objects[i];
            let named = if kind.judge == "schema" { &object.title } else { &object.key }.clone();
            let word = kind.in_grant;
            // Untrusted languages cannot be granted.
            if named == "c" || named == "internal" {
                continue;
            }
            for _ in 0..self.random.usize(..4) {
                let (privilege, grantee) = (self.one_of(&granted), self.role_or_public());
                if grantee != "PUBLIC" && self.random.u8(..3) == 0 {
                    self.run(&format!("GRANT {privilege} ON {word} {named} TO {grantee} WITH GRANT OPTION"));
                    // The new grantee grants something on, if it may use the schema.
                    let (next, privilege) = (self.role_or_public(), self.one_of(&granted));
                    self.run(&format!(
                        "DO $$ BEGIN SET LOCAL ROLE {grantee}; GRANT {privilege} ON {word} {named} TO {next}; \
                         EXCEPTION WHEN insufficient_privilege OR invalid_grant_operation THEN NULL; END $$; RESET ROLE"
                    ));
                } else {
                    self.run(&format!("GRANT {privilege} ON {word} {named} TO {grantee}"));
                }
            }
            if kind.privileges == TABLE {
                for _ in 0..self.random.usize(..3) {
                    let privilege = self.one_of(OF_COLUMNS);
                    let (column, grantee) = (self.one_of(&["a", "b"]), self.role_or_public());
                    self.run(&format!("GRANT {privilege} ({column}) ON {named} TO {grantee}"));
                }
            }
            if self.random.f32() < 0.3 {
                let (privilege, grantee) = (self.one_of(&granted), self.role_or_public());
                self.run(&format!("REVOKE {privilege} ON {word} {named} FROM {grantee} CASCADE"));
                self.objects[i].is_stripped = self.objects[i].owner == Some(grantee);
            }
        }
    }

    /// Returns a query for the server's own judgment of every pair.
    fn judged(&self) -> String {
        let mut values = String::new();
        for object in &self.objects {
            let kind = object.kind;
            for privilege in kind.privileges.iter().filter(|one| **one != "MAINTAIN" || self.major >= 17) {
                let comma = if values.is_empty() { "" } else { ", " };
                let (judge, name) = (kind.judge, kind.name);
                let _ = write!(
                    values,
                    "{comma}('{judge}', '{name}', '{}', '{}', '{privilege}')",
                    object.title, object.key
                );
            }
        }
        let judges: BTreeSet<&str> = self.objects.iter().map(|object| object.kind.judge).collect();
        // Large objects are named by OID.
        let call = |judge: &str, what: &str| {
            let key = if judge == "largeobject" { "o.key::oid" } else { "o.key" };
            format!("WHEN '{judge}' THEN has_{judge}_privilege(r.oid, {key}, {what}) ")
        };
        let by = |what: &str| judges.iter().map(|judge| call(judge, what)).collect::<String>();
        // A privilege on a table covers all of its columns; one on a column does not cover the table.
        format!(
            "SELECT r.rolname, o.kind, o.title, o.privilege, (CASE o.judge {} END)::text \
             FROM (VALUES {values}) AS o (judge, kind, title, key, privilege), pg_roles r \
             WHERE r.rolname ~ '^r[0-9]+$' AND CASE o.judge {} END \
             UNION ALL \
             SELECT r.rolname, 'column', o.title || '.' || c, p, \
                    has_column_privilege(r.oid, o.key, c, p || ' WITH GRANT OPTION')::text \
             FROM (VALUES {values}) AS o (judge, kind, title, key, privilege), pg_roles r, \
                  unnest(ARRAY['a', 'b']) AS c, unnest(string_to_array('{}', ',')) AS p \
             WHERE r.rolname ~ '^r[0-9]+$' AND o.judge = 'table' AND o.privilege = 'SELECT' \
               AND has_column_privilege(r.oid, o.key, c, p)",
            by("o.privilege || ' WITH GRANT OPTION'"),
            by("o.privilege"),
            OF_COLUMNS.join(","),
        )
    }

    /// Returns the pairs that rows of the report stand for. PUBLIC stands for every role, and a table for its columns too.
    fn pairs(&self, rows: &[Row]) -> Pairs {
        let mut all = Pairs::new();
        let known: BTreeSet<(&str, &str)> =
            self.objects.iter().map(|object| (object.kind.name, object.title.as_str())).collect();
        let everybody: Vec<String> = (0..ROLES).map(|i| format!("r{i}")).collect();
        for row in rows {
            let [object, kind, grantee, privileges, _, _, grantable, _] = row.as_slice() else {
                panic!("{row:?}")
            };
            let is_known = known.contains(&(kind.as_str(), object.as_str())) || kind == "column";
            assert!(is_known, "an object that nobody made: {row:?}");
            let is_table = KINDS.iter().any(|known| known.name == kind && known.privileges == TABLE);
            let grantees = match grantee.as_str() {
                "PUBLIC" => everybody.as_slice(),
                "postgres" => &[],
                _ => std::slice::from_ref(grantee),
            };
            for privilege in privileges.split(", ") {
                let mut meant = vec![(kind.clone(), object.clone())];
                if is_table && OF_COLUMNS.contains(&privilege) {
                    meant
                        .extend(["a", "b"].map(|column| ("column".to_owned(), format!("{object}.{column}"))));
                }
                for (role, (kind, object)) in
                    grantees.iter().flat_map(|role| meant.iter().map(move |m| (role, m)))
                {
                    let pair = [role, kind, object, privilege].map(str::to_owned);
                    *all.entry(pair).or_default() |= grantable == "true";
                }
            }
        }
        self.without_stripped(all)
    }

    fn without_stripped(&self, mut pairs: Pairs) -> Pairs {
        let stripped: BTreeSet<&str> = self
            .objects
            .iter()
            .filter(|object| object.is_stripped)
            .map(|object| object.title.as_str())
            .collect();
        for ([_, kind, object, _], grantable) in &mut pairs {
            let whole = if kind == "column" { &object[..object.len() - 2] } else { object };
            *grantable &= !stripped.contains(whole);
        }
        pairs
    }
}

/// Fails with the first differences.
fn assert_pairs(what: &str, ours: &Pairs, theirs: &Pairs) {
    let only = |a: &Pairs, b: &Pairs| -> Vec<String> {
        a.iter()
            .filter(|(pair, grantable)| b.get(*pair) != Some(*grantable))
            .take(10)
            .map(|one| format!("{one:?}"))
            .collect()
    };
    assert!(
        ours == theirs,
        "{what}: only ours:\n{}\nonly theirs:\n{}",
        only(ours, theirs).join("\n"),
        only(theirs, ours).join("\n")
    );
}

fn what_grants_says_is_what_the_server_says(bin: &Binaries) {
    let ground = Ground::new(bin.major);
    let server = own_server(&options(bin));
    Db::existing(server.info(), "postgres").sql("CREATE DATABASE oracle");
    let db = Db::existing(server.info(), "oracle");
    db.sql(&ground.script);
    let text = |cell: &Option<String>| cell.clone().unwrap();
    let judged = db.sql(&ground.judged());
    let theirs = judged.iter().map(|row| ([0, 1, 2, 3].map(|i| text(&row[i])), text(&row[4]) == "true"));
    let theirs = ground.without_stripped(theirs.collect());
    let grantable = theirs.values().filter(|grantable| **grantable).count();
    assert!(
        ground.objects.len() >= 200 && theirs.len() > 8000 && grantable > 1000,
        "{} {grantable}",
        theirs.len()
    );

    // --role for half of the roles, since each answer takes a while. Other versions ask for the other half.
    let is_asked = |role: usize| role % 2 == bin.major as usize % 2;
    let mut by_role = Pairs::new();
    for role in (0..ROLES).filter(|role| is_asked(*role)) {
        let rows = answer(&db, &["grants", "--role", &format!("r{role}")]);
        by_role.extend(ground.pairs(&rows));
    }
    let of_asked = theirs.iter().filter(|([role, ..], _)| is_asked(role[1..].parse().unwrap()));
    let of_asked = of_asked.map(|(pair, grantable)| (pair.clone(), *grantable)).collect();
    assert_pairs(&format!("--role on {}", bin.major), &by_role, &of_asked);
    // --on for all of them.
    let rows = answer(&db, &["grants", "--on", "*"]);
    assert_pairs(&format!("--on on {}", bin.major), &ground.pairs(&rows), &theirs);
    assert!(
        rows.iter().any(|row| row[5] != row[7] && !row[5].is_empty()),
        "nobody granted what another one owns"
    );
}
on_every_server!(what_grants_says_is_what_the_server_says);
