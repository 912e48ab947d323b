-- Sequences whose next value is not beyond the values of the column that they fill.
--
-- since   = 10
-- needs   = "CONNECT on the database; SELECT on the tables and their sequences; a server built with libxml"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- key     = ["kind", "sequence_schema", "sequence", "schema", "table", "column"]
-- columns = ["kind text", "sequence_schema text", "sequence text", "schema text", "table text", "column text", "greatest int8", "next int8", "subscribed bool", "used_pct float8", "state text", "remedy text"]
-- [[check]]
-- name     = "sequence-behind-column"
-- object   = "{sequence_schema}.{sequence}"
-- value    = "greatest"
-- only     = "kind = 'behind'"
-- warning  = "state = '' and not subscribed"
-- note     = "state = ''"
-- unseen   = "state <> ''"
-- unseen_because = "{schema}.{table}.{column} was not compared with its sequence: {state}"
-- finding  = "the next value of the sequence {sequence_schema}.{sequence} is {next}, but {schema}.{table}.{column} has already reached {greatest}"
-- remedy   = "{remedy}"
-- why      = "An INSERT fails with a duplicate key as soon as the sequence gives a value that the column already has. This happens after rows were loaded with their keys, and after a switchover by logical replication, which does not replicate sequences."
-- source   = "the largest value of the column, read from its unique index, and then the value of the sequence"
-- ignore   = "A single row with a large key that is meant as a marker; a subscriber before the switchover."
-- [[check]]
-- name     = "sequence-near-end"
-- object   = "{sequence_schema}.{sequence}"
-- value    = "used_pct"
-- only     = "kind = 'set'"
-- critical = "used_pct >= 90"
-- warning  = "used_pct >= 75"
-- finding  = "the sequence {sequence_schema}.{sequence} was set to {next}: {used_pct} of its values are used"
-- remedy   = "{remedy}"
-- proof    = "pgkit sequences"
-- why      = "After the last value that the sequence or the column can hold, every INSERT that needs a new key fails. The change to bigint rewrites the table, which takes long if it is large."
-- source   = "the value that RESTART WITH or setval() has set, which before 18 only the sequence itself shows until it is called"
-- ignore   = "A sequence whose values are not kept for long, if somebody restarts it regularly."
WITH RECURSIVE exclusive (oid) AS (
-- include exclusive
), waiting (oid) AS (
    -- Includes the tables above a locked partition, and the table of a locked index.
    SELECT e.oid FROM exclusive e
    UNION
    SELECT i.indrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indexrelid = e.oid
    UNION
    SELECT h.inhparent FROM waiting w JOIN pg_catalog.pg_inherits h ON h.inhrelid = w.oid
), locked (oid) AS (
    -- Reading a sequence takes a lock that waits for these locks.
    SELECT l.relation
    FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'relation' AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
    GROUP BY l.relation
), fills (seqrelid, relid, attnum) AS (
    -- Identity columns, and columns whose default is the next value of the sequence. Values that are made from those of the sequence
    -- cannot be compared with it.
    SELECT d.objid, d.refobjid, d.refobjsubid::int2
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'i' AND d.refobjsubid > 0
    UNION
    SELECT d.refobjid, f.adrelid, f.adnum
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.refobjid
    JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
      AND CASE WHEN f.adbin::text NOT LIKE '%{VAR %' THEN pg_catalog.pg_get_expr(f.adbin, 0::oid) ~ '^\(*nextval\(\(?''.*''::(regclass|text)\)?(::regclass)?\)\)*(::(smallint|integer|bigint|numeric))?$' ELSE false END
), unique_columns AS (
    SELECT f.seqrelid, f.attnum, c.oid, c.relname, c.relkind, n.nspname, a.attname, q.relname AS seqname, m.nspname AS seqschema,
           s.seqincrement AS step, s.seqstart AS first, s.seqmin, s.seqmax, greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid)) AS rows,
           CASE WHEN c.relkind = 'r' THEN 2 ELSE 2 + 2 * (SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid) END + 1 AS locks,
           EXISTS (SELECT FROM pg_catalog.pg_subscription_rel r WHERE r.srrelid = c.oid) AS subscribed,
           CASE
               WHEN NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') OR NOT pg_catalog.has_schema_privilege(m.oid, 'USAGE') THEN 'USAGE on the schema is missing'
               WHEN pg_catalog.has_column_privilege(c.oid, f.attnum, 'SELECT') IS NOT true THEN 'SELECT on the table is missing'
               WHEN pg_catalog.has_sequence_privilege(q.oid, 'SELECT') IS NOT true THEN 'SELECT on the sequence is missing'
               WHEN c.relrowsecurity AND pg_catalog.row_security_active(c.oid) THEN 'row security hides rows'
               WHEN c.oid IN (SELECT w.oid FROM waiting w) OR q.oid IN (SELECT l.oid FROM locked l) THEN 'it is locked'
               ELSE ''
           END AS state
    FROM fills f
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = f.seqrelid AND NOT s.seqcycle
    JOIN pg_catalog.pg_class q ON q.oid = f.seqrelid AND NOT (q.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
    JOIN pg_catalog.pg_namespace m ON m.oid = q.relnamespace
    -- A partition is covered by the default of its root.
    JOIN pg_catalog.pg_class c ON c.oid = f.relid AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(temp|toast)'
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.attnum AND NOT a.attisdropped
    JOIN pg_catalog.pg_type y ON y.oid = a.atttypid AND coalesce(nullif(y.typbasetype, 0), y.oid) IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
    WHERE EXISTS (SELECT FROM pg_catalog.pg_index i
                  WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = f.attnum
                    AND i.indnkeyatts = 1)  -- pg11..
                    AND i.indnatts = 1)  -- pg..10
), placed AS (
    -- Tables that are read stay locked until the end: their locks fill at most a quarter of the lock table, the largest tables first.
    SELECT u.*, u.state = '' AND pg_catalog.sum(CASE WHEN u.state = '' THEN u.locks ELSE 0 END) OVER (ORDER BY u.rows DESC, u.oid, u.attnum, u.seqrelid)
                <= pg_catalog.current_setting('max_locks_per_transaction')::int8
                   * (pg_catalog.current_setting('max_connections')::int8 + pg_catalog.current_setting('max_prepared_transactions')::int8) / 4 AS is_read
    FROM unique_columns u
), measured AS MATERIALIZED (  -- pg12..
), measured AS (  -- pg..11
    -- query_to_xml is the only function that can run a statement inside another one. The index gives the value without reading the table.
    SELECT p.*,
           CASE WHEN p.is_read THEN pg_catalog.substring(pg_catalog.query_to_xml(
               pg_catalog.format('SELECT pg_catalog.%s(%I)::int8 AS value FROM %s%I.%I', CASE WHEN p.step > 0 THEN 'max' ELSE 'min' END, p.attname, CASE p.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END, p.nspname, p.relname),
               true, false, '')::text, '<value>(-?[0-9]+)</value>')::int8 END AS edge
    FROM placed p
), compared AS MATERIALIZED (  -- pg12..
), compared AS (  -- pg..11
    -- Read after the column, so that rows that are added meanwhile are behind the sequence. A sequence that was not called since it was created
    -- or set returns its last value next.
    SELECT m.*, CASE WHEN m.is_read THEN pg_catalog.pg_sequence_last_value(m.seqrelid::regclass) IS NULL END AS is_set, CASE WHEN m.is_read THEN coalesce(
               pg_catalog.pg_sequence_last_value(m.seqrelid::regclass)::numeric + m.step::numeric,
               pg_catalog.substring(pg_catalog.query_to_xml(pg_catalog.format('SELECT last_value FROM %I.%I', m.seqschema, m.seqname), true, false, '')::text, '<last_value>(-?[0-9]+)</last_value>')::numeric) END AS next
    FROM measured m
), judged AS (
    SELECT 'behind' AS kind, c.*, NULL::float8 AS used
    FROM compared c
    WHERE (c.state <> '' AND c.rows > 0) OR (c.state = '' AND NOT c.is_read AND c.rows > 0)
       -- If several servers take turns, a value of another server is no obstacle.
       OR (CASE WHEN c.step > 0 THEN c.edge::numeric >= c.next ELSE c.edge::numeric <= c.next END AND pg_catalog.mod(c.edge::numeric - c.next, c.step::numeric) = 0::numeric)
    UNION ALL  -- pg..17
    SELECT 'set', c.*, pg_catalog.round(100::numeric * CASE WHEN c.step > 0 THEN (c.next - c.seqmin::numeric) / greatest(c.seqmax::numeric - c.seqmin::numeric, 1::numeric)  -- pg..17
                                                       ELSE (c.seqmax::numeric - c.next) / greatest(c.seqmax::numeric - c.seqmin::numeric, 1::numeric) END, 1)::float8  -- pg..17
    FROM compared c  -- pg..17
    WHERE c.is_set AND c.next <> c.first::numeric  -- pg..17
)
SELECT c.kind, c.seqschema::text AS sequence_schema, c.seqname::text AS sequence, c.nspname::text AS schema, c.relname::text AS "table", c.attname::text AS "column",
       c.edge AS greatest, c.next::int8 AS next, c.subscribed, c.used AS used_pct, CASE WHEN c.state = '' AND NOT c.is_read THEN 'there are too many columns to read at once' ELSE c.state END AS state,
       CASE WHEN c.kind = 'set' THEN 'ALTER SEQUENCE ' || pg_catalog.quote_ident(c.seqschema) || '.' || pg_catalog.quote_ident(c.seqname) || ' RESTART WITH a smaller value, or AS bigint with a larger MAXVALUE'
       ELSE CASE WHEN c.edge > c.seqmax OR c.edge < c.seqmin THEN 'ALTER SEQUENCE ' || pg_catalog.quote_ident(c.seqschema) || '.' || pg_catalog.quote_ident(c.seqname) || ' AS bigint NO MINVALUE NO MAXVALUE; ' ELSE '' END
       || 'SELECT pg_catalog.setval(' || pg_catalog.quote_literal(pg_catalog.quote_ident(c.seqschema) || '.' || pg_catalog.quote_ident(c.seqname)) || ', '
       -- Another column may have gone further with the same sequence.
       || CASE WHEN c.step > 0 THEN 'greatest(max(' ELSE 'least(min(' END || pg_catalog.quote_ident(c.attname) || '), (SELECT s.last_value FROM '
       || pg_catalog.quote_ident(c.seqschema) || '.' || pg_catalog.quote_ident(c.seqname) || ' s))) FROM ' || pg_catalog.quote_ident(c.nspname) || '.' || pg_catalog.quote_ident(c.relname) END AS remedy
FROM judged c
ORDER BY c.kind, c.state, c.seqschema, c.seqname, c.nspname, c.relname, c.attname
