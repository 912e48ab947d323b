//! find: a text that was planted in every kind of place.

use super::*;
use crate::support::*;

/// The places, each with the term once: what is written there decides what is found.
fn plant(db: &Db, major: u32, term: &str) {
    let quoted = catalog::ident;
    let text = catalog::literal;
    let say = |before: &str, after: &str| text(&format!("{before}{term}{after}"));
    db.sql(&format!(
        "CREATE TABLE {relation} (id int PRIMARY KEY);
         CREATE TABLE plain (id int PRIMARY KEY, other int);
         CREATE TABLE columns ({column} int);
         CREATE TABLE defaults (d text DEFAULT {d});
         CREATE FUNCTION {function}(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE FUNCTION a_body() RETURNS text LANGUAGE sql AS $body${body}$body$;
         CREATE TYPE {enum} AS ENUM ('a');
         CREATE DOMAIN {domain} AS int;
         CREATE TYPE {composite} AS (a int);
         CREATE TYPE labels AS ENUM ('one', {label});
         CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
         CREATE TABLE fires (body text);
         CREATE TRIGGER {trigger} BEFORE INSERT ON fires FOR EACH ROW EXECUTE PROCEDURE fire();
         CREATE TRIGGER defined BEFORE INSERT ON fires FOR EACH ROW WHEN (new.body <> {when}) EXECUTE PROCEDURE fire();
         CREATE TABLE checks (body text, CONSTRAINT by_definition CHECK (body <> {check}), CONSTRAINT {constraint} CHECK (body <> 'b'));
         CREATE TABLE refers (r int, CONSTRAINT refers_to FOREIGN KEY (r) REFERENCES {relation} (id));
         CREATE TABLE indexed (body text, n int);
         CREATE INDEX {index} ON indexed (n);
         CREATE INDEX by_expression ON indexed ((body || {expression}));
         CREATE INDEX by_predicate ON indexed (n) WHERE body = {predicate};
         CREATE TABLE guarded (body text);
         CREATE POLICY {policy} ON guarded USING (true);
         CREATE POLICY using_it ON guarded USING (body = {using});
         CREATE POLICY checking_it ON guarded WITH CHECK (body = {using});
         CREATE TABLE ruled (body text);
         CREATE RULE {rule} AS ON DELETE TO ruled DO INSTEAD NOTHING;
         CREATE RULE defined_rule AS ON UPDATE TO ruled WHERE new.body = {using} DO INSTEAD NOTHING;
         CREATE VIEW a_view AS SELECT {using}::text AS said;
         CREATE MATERIALIZED VIEW a_matview AS SELECT {using}::text AS said;
         CREATE SEQUENCE {sequence};
         CREATE SCHEMA {schema};
         CREATE SCHEMA silent;
         CREATE TABLE commented (a int);
         CREATE FUNCTION commented(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE TYPE commented_type AS ENUM ('x');
         COMMENT ON TABLE commented IS {comment};
         COMMENT ON COLUMN commented.a IS {comment};
         COMMENT ON FUNCTION commented(int) IS {comment};
         COMMENT ON TYPE commented_type IS {comment};
         COMMENT ON SCHEMA silent IS {comment}",
        relation = quoted(&format!("{term} relation")),
        column = quoted(&format!("{term} column")),
        d = say("a ", " by default"),
        function = quoted(&format!("{term} function")),
        body = format_args!("\n-- first\nSELECT 'x'::text -- {term} in a body\n"),
        enum = quoted(&format!("{term} enum")),
        domain = quoted(&format!("{term} domain")),
        composite = quoted(&format!("{term} composite")),
        label = say("the ", ""),
        trigger = quoted(&format!("{term} trigger")),
        when = say("when ", ""),
        check = say("check ", ""),
        constraint = quoted(&format!("{term} constraint")),
        index = quoted(&format!("{term} index")),
        expression = say("", ""),
        predicate = say("only ", ""),
        policy = quoted(&format!("{term} policy")),
        using = say("using ", ""),
        rule = quoted(&format!("{term} rule")),
        sequence = quoted(&format!("{term} sequence")),
        schema = quoted(&format!("{term} schema")),
        comment = say("about ", ""),
    ));
    if major >= 14 {
        db.sql(&format!(
            "CREATE FUNCTION standard() RETURNS text LANGUAGE sql RETURN {}::text",
            say("standard ", "")
        ));
    }
}

/// Where it must be found: found_in and name, with TERM for the term.
const EXPECTED: &[(&str, &str)] = &[
    ("column", "columns.TERM column"),
    ("column default", "defaults.d"),
    ("comment", "commented"),
    ("comment", "commented(integer)"),
    ("comment", "commented.a"),
    ("comment", "commented_type"),
    ("comment", "silent"),
    ("constraint", "checks.TERM constraint"),
    ("constraint definition", "checks.by_definition"),
    ("constraint definition", "refers.refers_to"),
    ("enum label", "labels"),
    ("function", "TERM function(integer)"),
    ("function body", "a_body()"),
    ("index", "TERM index"),
    ("index", "TERM relation_pkey"),
    ("index definition", "by_expression"),
    ("index definition", "by_predicate"),
    ("policy", "guarded.TERM policy"),
    ("policy definition", "guarded.checking_it"),
    ("policy definition", "guarded.using_it"),
    ("relation", "TERM relation"),
    ("relation", "TERM sequence"),
    ("rule", "ruled.TERM rule"),
    ("rule definition", "ruled.defined_rule"),
    ("schema", "TERM schema"),
    ("trigger", "fires.TERM trigger"),
    ("trigger definition", "fires.defined"),
    ("type", "TERM composite"),
    ("type", "TERM domain"),
    ("type", "TERM enum"),
    ("view definition", "a_matview"),
    ("view definition", "a_view"),
];

fn found(db: &Db, args: &[&str]) -> Vec<(String, String)> {
    let rows = answer(db, args);
    assert_ordered(&rows.iter().filter(|r| !r[1].is_empty()).cloned().collect::<Vec<_>>(), &[1, 2, 0]);
    let mut out: Vec<(String, String)> = rows.into_iter().map(|r| (r[0].clone(), r[2].clone())).collect();
    out.sort();
    out
}

/// The primary key's constraint bears the table's name too.
fn expected(major: u32, term: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        EXPECTED.iter().map(|(place, name)| ((*place).to_owned(), name.replace("TERM", term))).collect();
    all.push(("constraint".to_owned(), format!("{term} relation.{term} relation_pkey")));
    if major >= 14 {
        all.push(("function body".to_owned(), "standard()".to_owned()));
    }
    all.sort();
    all
}

fn a_term_is_found_in_every_kind_of_place_and_each_object_once_a_place(bin: &Binaries) {
    let db = database(server(bin).info(), "planted");
    plant(&db, bin.major, "Zebra");
    for term in ["Zebra", "zebra", "ZEBRA", "zEBr"] {
        assert_eq!(found(&db, &["find", term]), expected(bin.major, "Zebra"), "{term} on {}", bin.major);
    }
    assert_eq!(found(&db, &["find", "zebra "]).len(), 18, "the names and the comments' words");
    assert!(found(&db, &["find", "zebrafish"]).is_empty());
    // Of a text of several lines, the line with the term.
    let rows = answer(&db, &["find", "zebra in a body"]);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        rows[0],
        ["function body", "public", "a_body()", "function", "SELECT 'x'::text -- Zebra in a body"]
    );
}
on_every_server!(a_term_is_found_in_every_kind_of_place_and_each_object_once_a_place);

fn a_term_that_is_not_ascii_is_found_whatever_its_case(bin: &Binaries) {
    let db = database(server(bin).info(), "umlaut");
    plant(&db, bin.major, "Größe");
    for term in ["größe", "GRÖßE", "Größe"] {
        assert_eq!(found(&db, &["find", term]), expected(bin.major, "Größe"), "{term} on {}", bin.major);
    }
    assert!(found(&db, &["find", "grosse"]).is_empty());
}
on_every_server!(a_term_that_is_not_ascii_is_found_whatever_its_case);

/// Databases whose locale is C, in these encodings.
fn plain_locale(db: &Db, encodings: &[&str]) -> Vec<Db> {
    let create = |encoding: &&str| {
        let name = format!("{}_{encoding}", db.name);
        db.sql(&format!("DROP DATABASE IF EXISTS \"{name}\""));
        db.sql(&format!(
            "CREATE DATABASE \"{name}\" ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ));
        Db { info: db.info.clone(), name }
    };
    encodings.iter().map(create).collect()
}

fn case_is_folded_where_the_database_folds_ascii_only(bin: &Binaries) {
    let utf8 = database(server(bin).info(), "folded");
    for db in plain_locale(&utf8, &["UTF8", "LATIN1", "SQL_ASCII"]) {
        db.sql("CREATE TABLE \"Täbÿ\" (a text DEFAULT 'ÖÖ it''s')");
        // LATIN1 has ÿ, and lacks Ÿ.
        for term in ["TÄBÿ", "täb", "öö", "Öö", "it's", "it''s", "bÿ"] {
            let rows = answer(&db, &["find", term]);
            assert!(
                rows.iter().any(|row| row[2].starts_with("Täbÿ")),
                "{term} in {} on {}",
                db.name,
                bin.major
            );
        }
        assert!(answer(&db, &["find", "tab"]).is_empty());
        // In a regular expression only ASCII is folded.
        assert_eq!(answer(&db, &["find", "--regex", "TäB"])[0][2], "Täbÿ", "in {}", db.name);
        assert!(answer(&db, &["find", "--regex", "tÄb"]).is_empty(), "in {}", db.name);
    }
}
on_every_server!(case_is_folded_where_the_database_folds_ascii_only);

fn what_an_encoding_lacks_is_not_there_unless_it_is_part_of_an_expression(bin: &Binaries) {
    let utf8 = database(server(bin).info(), "lacks");
    utf8.sql("CREATE TABLE \"Täb\" (); CREATE TABLE 語 ()");
    let db = plain_locale(&utf8, &["LATIN1"]).remove(0);
    db.sql("CREATE TABLE \"Täb\" ()");
    for (args, rows) in [
        (&["find", "語"][..], 0),
        (&["find", "--regex", "T.b"], 1),
        (&["relations", "語"], 0),
        (&["relations", "語*", "\"Tä\"*"], 1),
        (&["sizes", "語*", "\"Tä\"*"], 1),
        (&["relations", "\"語|\"", "\"Täb\""], 1),
        (&["functions", "語"], 0),
    ] {
        let output = run(pgkit(&db).args(args));
        assert_eq!(output.code, Some(0), "{args:?} on {}: {}", bin.major, output.stderr);
        assert_eq!(output.lines().len(), rows, "{args:?} on {}: {}", bin.major, output.stdout);
    }
    // These would match by another branch, which the server cannot be asked for.
    for args in [
        &["find", "--regex", "語|Täb"][..],
        &["find", "--regex", "[語ä]"],
        &["relations", "(語|\"Täb\")"],
        &["relations", "T[語ä]b", "x"],
        &["sizes", "語|t"],
        &["sizes", "--group-regex", "(語)?"],
    ] {
        let output = run(pgkit(&db).args(args));
        assert_eq!((output.code, output.stdout.as_str()), (Some(65), ""), "{args:?}: {}", output.stderr);
        assert!(output.stderr.contains("cannot represent"), "{args:?}: {}", output.stderr);
    }
    // With --all-databases the others answer.
    let output = run(pgkit(&db).args(["find", "--regex", "語|Täb", "--all-databases"]));
    assert_eq!(output.code, Some(65), "{}", output.stderr);
    let here = output.stdout.lines().filter(|line| line.starts_with(&format!("{}\t", utf8.name))).count();
    assert_eq!(here, 2, "{}", output.stdout);
}
on_every_server!(what_an_encoding_lacks_is_not_there_unless_it_is_part_of_an_expression);

fn what_a_table_is_made_from_and_where_it_lies_is_found(bin: &Binaries) {
    let db = database(server(bin).info(), "made");
    db.sql(
            "CREATE TABLE needle_parent (a int); CREATE TABLE child () INHERITS (needle_parent);
             CREATE TYPE needle_type AS (a int); CREATE TABLE typed OF needle_type;
             CREATE TABLE kept (a int); ALTER TABLE kept ENABLE ROW LEVEL SECURITY;
             DO $$ BEGIN CREATE ROLE needle_role; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             CREATE POLICY p ON kept TO needle_role, public USING (true); DROP POLICY p ON kept; CREATE POLICY p ON kept TO needle_role USING (true)",
        );
    let mut expected = vec![
        ("child", "INHERITS needle_parent"),
        ("kept.p", "TO needle_role USING (true)"),
        ("typed", "OF public.needle_type"),
    ];
    if bin.major >= 15 {
        db.sql("CREATE SCHEMA needle_schema; CREATE PUBLICATION pub FOR TABLES IN SCHEMA needle_schema");
        expected.push(("pub", "TABLES IN SCHEMA needle_schema"));
    }
    if bin.major >= 18 {
        db.sql("CREATE TABLE strict (a int CONSTRAINT a_needle_not_null NOT NULL, b int NOT NULL)");
        expected.push(("strict.a_needle_not_null", ""));
    }
    let mut rows = answer(&db, &["find", "needle"]);
    rows.retain(|row| !row[2].starts_with("needle"));
    rows.sort_by(|a, b| a[2].cmp(&b[2]));
    expected.sort_unstable();
    let found: Vec<(&str, &str)> = rows.iter().map(|row| (row[2].as_str(), row[4].as_str())).collect();
    assert_eq!(found, expected, "on {}", bin.major);
    assert!(answer(&db, &["find", "strict_b_not"]).is_empty());
}
on_every_server!(what_a_table_is_made_from_and_where_it_lies_is_found);

fn a_term_of_metacharacters_is_meant_as_it_is_and_a_regex_as_such(bin: &Binaries) {
    for (n, term) in ["a.b*c", "(x", "[y]", "^z$", "50%_", "a|b", "***:q", "?!+", "{1,2}"].iter().enumerate()
    {
        if n > 2 && bin != &bins()[0] {
            continue;
        }
        let db = database(server(bin).info(), &format!("literal{n}"));
        plant(&db, bin.major, term);
        db.sql("CREATE TABLE axbbc (x int); CREATE TABLE z (a int, b int, x int, y int, q int)");
        assert_eq!(found(&db, &["find", "--", term]), expected(bin.major, term), "{term} on {}", bin.major);
    }
    // In a definition the server writes a quote twice and a backslash its own way; elsewhere they stand as they are.
    for (n, term) in ["it's", "\\d+", "\\"].iter().enumerate() {
        let db = database(server(bin).info(), &format!("quoted{n}"));
        plant(&db, bin.major, term);
        let found = found(&db, &["find", term]);
        for place in
            ["column", "comment", "constraint", "enum label", "function", "function body", "relation", "type"]
        {
            assert!(found.iter().any(|f| f.0 == place), "{term} in a {place}: {found:?}");
        }
    }
    let db = database(server(bin).info(), "regex");
    db.sql("CREATE TABLE cat (x int); CREATE TABLE concat (x int); CREATE TABLE bat (x int)");
    let relations = |args: &[&str]| -> Vec<String> {
        found(&db, args).into_iter().filter(|f| f.0 == "relation").map(|f| f.1).collect()
    };
    assert_eq!(relations(&["find", "--regex", "^[bc]AT$"]), ["bat", "cat"]);
    assert_eq!(relations(&["find", "cat"]), ["cat", "concat"]);
    let bad = run(pgkit(&db).args(["find", "--regex", "(cat"]));
    assert_eq!(bad.code, Some(65), "{}", bad.snapshot());
}
on_every_server!(a_term_of_metacharacters_is_meant_as_it_is_and_a_regex_as_such);

fn an_extension_an_event_trigger_a_publication_and_a_foreign_server_are_found_by_name(bin: &Binaries) {
    let db = filled::filled(bin);
    for (term, place) in [
        ("plpgsql", "extension"),
        ("watch_servers", "event trigger"),
        ("everybody", "publication"),
        ("far_away", "foreign server"),
    ] {
        let found = found(&db, &["find", term]);
        assert!(found.contains(&(place.to_owned(), term.to_owned())), "{term}: {found:?}");
    }
}
on_every_server!(an_extension_an_event_trigger_a_publication_and_a_foreign_server_are_found_by_name);

fn without_a_term_all_relations_and_functions_are_listed_once(bin: &Binaries) {
    let db = filled::filled(bin);
    let rows = answer(&db, &["find"]);
    let of = |place: &str| -> Vec<Row> {
        rows.iter()
            .filter(|r| r[0] == place)
            .map(|r| vec![r[1].clone(), r[2].clone(), r[3].clone()])
            .collect()
    };
    let relations: Vec<Row> = answer(&db, &["relations"]).into_iter().map(|r| r[..3].to_vec()).collect();
    assert_same("relations", of("relation"), relations);
    assert_eq!(of("function").len(), answer(&db, &["functions"]).len());
    assert_eq!(rows.len(), of("relation").len() + of("function").len());
}
on_every_server!(without_a_term_all_relations_and_functions_are_listed_once);

fn what_a_user_says_of_the_schema_public_is_found_and_what_initdb_says_is_not(bin: &Binaries) {
    let db = database(server(bin).info(), "public_comment");
    assert!(found(&db, &["find", "standard public schema"]).is_empty());
    db.sql("COMMENT ON SCHEMA public IS 'where the zebras are'");
    assert_eq!(found(&db, &["find", "zebras"]), [("comment".to_owned(), "public".to_owned())]);
}
on_every_server!(what_a_user_says_of_the_schema_public_is_found_and_what_initdb_says_is_not);

fn system_objects_are_found_when_asked_for(bin: &Binaries) {
    let db = filled::filled(bin);
    assert!(answer(&db, &["find", "pg_get_viewdef"]).is_empty());
    let rows = answer(&db, &["find", "--system", "pg_get_viewdef"]);
    assert!(
        rows.iter()
            .any(|r| r[0] == "function" && r[1] == "pg_catalog" && r[2].starts_with("pg_get_viewdef(")),
        "{rows:?}"
    );
}
on_every_server!(system_objects_are_found_when_asked_for);

fn every_object_that_is_found_is_one_line_whatever_its_definition_holds(bin: &Binaries) {
    let db = filled::filled(bin);
    let output = run(pgkit(&db).args(["find", "e"]));
    let mut in_schemas = 0;
    for line in output.stdout.lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        assert_eq!(cells.len(), 5, "{line:?}");
        in_schemas += usize::from(!cells[1].is_empty());
    }
    assert!(in_schemas > 1000, "{in_schemas}");
    // Other tests make roles and databases on this server meanwhile. What is in a schema stays as it is.
    let json = run(pgkit(&db).args(["find", "e", "--format", "jsonl"]));
    let counted = json.lines().into_iter().filter(|line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        !row["schema"].is_null()
    });
    assert_eq!(counted.count(), in_schemas);
}
on_every_server!(every_object_that_is_found_is_one_line_whatever_its_definition_holds);

fn an_unprivileged_role_finds_what_the_catalog_shows_it(bin: &Binaries) {
    let db = filled::filled(bin);
    let ours = answer_as(&db, "catalog_nobody", &["find", "secret"]);
    let names: Vec<(&str, &str)> = ours.iter().map(|r| (r[1].as_str(), r[2].as_str())).collect();
    assert_eq!(names, [("closed", "secret"), ("closed", "secret.secret")], "on {}", bin.major);
    assert_eq!(answer_as(&db, "catalog_nobody", &["find", "mood"]), answer(&db, &["find", "mood"]));
}
on_every_server!(an_unprivileged_role_finds_what_the_catalog_shows_it);

#[test]
fn checks_of_one_form_keep_their_own_columns_and_states() {
    // Some of their expression trees are equal, and still the server writes each out in its own way.
    for bin in bins() {
        let db = database(server(bin).info(), "forms");
        let mut sql = String::from(
            "CREATE TABLE parent (at date CHECK (at > '2000-01-01')) PARTITION BY RANGE (at);
             CREATE TABLE child_1 PARTITION OF parent FOR VALUES FROM ('2001-01-01') TO ('2002-01-01');
             CREATE TABLE child_2 PARTITION OF parent FOR VALUES FROM ('2002-01-01') TO ('2003-01-01');
             CREATE TABLE \"odd one\" (\"b)\" int CHECK (\"b)\" > 41));",
        );
        for (table, column, rest) in [
            ("t1", "a", ""),
            ("t2", "a", ""),
            ("t3", "b", ""),
            ("t4", "a", " NO INHERIT"),
            ("t5", "a", " NOT VALID"),
            ("t6", "a", if bin.major >= 18 { " NOT ENFORCED" } else { "" }),
        ] {
            sql += &format!(
                "CREATE TABLE {table} (other int, {column} int); ALTER TABLE {table} ADD CHECK ({column} > 41){rest};
                 ALTER TABLE {table} ADD CHECK ({table} IS NOT NULL);"
            );
        }
        db.sql(&sql);
        let expected = db.value(
            "SELECT string_agg(conrelid::regclass::text || ' ' || pg_get_constraintdef(oid), E'\\n' ORDER BY conrelid::regclass::text COLLATE \"C\", pg_get_constraintdef(oid) COLLATE \"C\") FROM pg_constraint WHERE contype = 'c' AND conrelid > 16383",
        );
        let rows = answer(&db, &["find", "--regex", "^CHECK"]);
        let mut found: Vec<String> =
            rows.iter().map(|r| format!("{} {}", quoted(r[2].split('.').next().unwrap()), r[4])).collect();
        found.sort_unstable();
        let mut expected: Vec<&str> = expected.lines().collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "on {}", bin.major);
        assert_eq!(found.len(), 16);
    }
}

/// A name as regclass writes it.
fn quoted(name: &str) -> String {
    if name.contains(' ') { format!("\"{name}\"") } else { name.to_owned() }
}
