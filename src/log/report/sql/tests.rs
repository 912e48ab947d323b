//! Tests which statements have the same normalized text, and which do not.

use super::*;

fn normal(sql: &str) -> String {
    String::from_utf8(Normalizer::default().normalize(sql.as_bytes()).to_vec()).unwrap()
}

#[test]
fn constants_comments_and_layout_make_no_difference() {
    for (one, other) in [
        ("SELECT 1", "select  2;"),
        ("SELECT 1", "/* a /* b */ c */ SELECT\n-- d\n $1 ; "),
        ("SELECT 'a', E'b\\'c', $$d$$, $x$e$$f$x$", "SELECT U&'a', B'1', X'ff', N'it''s'"),
        ("SELECT 1.5, .5, 1e10, 0x1F, 1_000", "SELECT -1, +2.0, -1e-5, - 3, $4"),
        ("SELECT a FROM t WHERE b = -1", "SELECT a FROM t WHERE b=1"),
        ("SELECT a-1", "SELECT a - 2"),
        ("SELECT * FROM t WHERE a IN (1, 2, 3)", "SELECT * FROM t WHERE a in ($1)"),
        ("SELECT * FROM t WHERE a IN ('a'::text, 'b'::text)", "SELECT * FROM t WHERE a IN ($1::text)"),
        ("SELECT * FROM t WHERE (a, b) IN ((1, 2), (3, 4))", "SELECT * FROM t WHERE (a, b) IN ((1, 2))"),
        ("SELECT d IN (date '2020-01-01', date '2020-01-02')", "SELECT d IN (date '2020-01-01')"),
        ("SELECT d IN (lower('a'), lower('b'), lower('c'))", "SELECT d IN (lower('a'))"),
        ("SELECT (a, b) IN (row(1, 2), row(3, 4))", "SELECT (a, b) IN (row(1, 2))"),
        ("SELECT a IN (cast(1 AS int), cast(2 AS int))", "SELECT a IN (cast(3 AS int))"),
        ("SELECT a = ANY (ARRAY[1, 2])", "SELECT a = ANY (ARRAY[-3])"),
        ("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, NULL)", "INSERT INTO t VALUES ($1, $2)"),
        (
            "INSERT INTO t VALUES (1, now()), (2, now()) RETURNING a",
            "INSERT INTO t VALUES (1, now()) RETURNING a",
        ),
        ("INSERT INTO t VALUES (1), (DEFAULT), (2), (DEFAULT)", "INSERT INTO t VALUES (1), (DEFAULT)"),
        ("SELECT \"a\" FROM \"t\"", "SELECT A FROM t"),
        ("SELECT true, FALSE, null", "SELECT 1, 2, 3"),
        ("SELECT a != 1", "SELECT a<>2"),
        ("SELECT 'a'\n'b'", "SELECT 'c'"),
        ("SELECT a=-1", "SELECT a = 1"),
        ("SELECT a/**/-- b\n+1", "SELECT a + 2"),
        ("SAVEPOINT s1", "savepoint \"S2\""),
        ("ROLLBACK TO SAVEPOINT a", "ROLLBACK TO SAVEPOINT b"),
        ("RELEASE a", "RELEASE b"),
        ("DEALLOCATE pdo_stmt_1", "DEALLOCATE pdo_stmt_2"),
        ("FETCH 100 FROM c1", "FETCH 50 FROM \"c2\""),
        ("FETCH c1", "fetch \"C2\""),
        ("MOVE FORWARD ALL IN c1", "MOVE FORWARD ALL IN c2"),
        ("DECLARE \"_c_1\" CURSOR FOR SELECT 1", "DECLARE \"_c_2\" CURSOR FOR SELECT 2"),
        ("SET a = 1", "SET a = 'x'"),
        ("SET a TO on", "SET a = 'x'"),
        ("SET LOCAL a.b TO \"$user\", public", "SET LOCAL a.b = 'x', 'y'"),
        ("SET a TO off; SELECT b", "SET a = 1; SELECT b"),
        ("SELECT 1; SELECT 2", "SELECT 3;SELECT 4;"),
    ] {
        assert_eq!(normal(one), normal(other), "{one} | {other}");
    }
}

#[test]
fn what_differs_in_more_than_constants_stays_apart() {
    for (one, other) in [
        ("SELECT 1", "SELECT 1, 2"),
        ("SELECT f(1)", "SELECT f(1, 2)"),
        ("SELECT a", "SELECT b"),
        ("SELECT \"A\"", "SELECT a"),
        ("SELECT a IS NULL", "SELECT a IS NOT NULL"),
        ("SELECT a IS TRUE", "SELECT a IS FALSE"),
        ("SELECT a IN (1, b)", "SELECT a IN (1, c)"),
        ("SELECT a IN (1, b, c)", "SELECT a IN (1, b)"),
        ("SELECT a IN (SELECT 1)", "SELECT a IN (1)"),
        ("SELECT 1::int", "SELECT 1::text"),
        ("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1, 2)"),
        ("SELECT a - b", "SELECT a + b"),
        ("SELECT -a", "SELECT a"),
        ("SELECT a->'b'", "SELECT a->>'b'"),
        ("SELECT $$a$$ b", "SELECT $$a$$ c"),
        ("SELECT \"select\"", "SELECT \"from\""),
        ("DEALLOCATE ALL", "DEALLOCATE a"),
        ("SET a TO DEFAULT", "SET a TO on"),
        ("SET a TO on", "SET LOCAL a TO on"),
        ("SET ROLE a", "SET ROLE b"),
        ("FETCH NEXT c1", "FETCH PRIOR c1"),
        ("EXECUTE a", "EXECUTE b"),
        ("UPDATE t SET a = b", "UPDATE t SET a = c"),
        ("ALTER TABLE a ALTER b SET NOT NULL", "ALTER TABLE a ALTER b DROP NOT NULL"),
    ] {
        assert_ne!(normal(one), normal(other), "{one} | {other}");
    }
}

#[test]
fn the_text_reads_well_and_is_stable() {
    for (sql, is) in [
        (
            "SELECT  count( * ) FROM A.b WHERE c>=5 AND d IN(1,2)",
            "select count(*) from a.b where c >= ? and d in (?)",
        ),
        ("INSERT INTO t (a,b) VALUES (1,2),(3,4)", "insert into t(a, b) values (?, ?)"),
        ("select a[1], b::numeric(10,2)", "select a[?], b::numeric(?, ?)"),
        ("", "(empty)"),
        (" ; -- ping", "(empty)"),
        ("SELECT a=5and b=0x1F", "select a = ? and b = ?"),
        ("'never closed", "?"),
        ("/* never closed", "(empty)"),
        ("$x$ never", "?"),
        ("\"never", "\"never"),
        ("(((", "((("),
        (")", ")"),
    ] {
        assert_eq!(normal(sql), is, "{sql}");
    }
    // A normalized text with a constant for each `?` has itself as its normalized text.
    for sql in ["SELECT a FROM b WHERE c = 1 AND d IN (1, 2)", "UPDATE t SET a = $1 WHERE b = -2"] {
        assert_eq!(normal(&normal(sql).replace('?', "1")), normal(sql));
    }
}
