-- Integer keys that are close to the end of their type's range.
--
-- since   = 10
-- needs   = "CONNECT on the database; SELECT on the tables; a server built with libxml"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- key     = ["reason", "schema", "table", "column", "name"]
-- columns = ["reason text", "schema text", "table text", "column text", "name text", "type text", "parent text", "parent_type text", "greatest int8", "limit int8", "used_pct float8", "state text", "remedy text"]
-- [[check]]
-- name     = "integer-key-near-end"
-- object   = "{schema}.{table}.{column}"
-- value    = "used_pct"
-- only     = "reason = 'key'"
-- critical = "used_pct is not null and used_pct >= 85"
-- warning  = "used_pct is not null and used_pct >= 70"
-- unseen   = "used_pct is null"
-- unseen_because = "the values of {schema}.{table}.{column} were not read: {state}"
-- finding  = "the key {schema}.{table}.{column} ({type}) has reached {greatest}, {used_pct} of what the type can hold"
-- remedy   = "{remedy}"
-- why      = "No sequence fills this key, so its values are generated elsewhere and reach the end of the type: then every INSERT fails. The change to bigint rewrites the table."
-- source   = "the largest value, read from the key's index, or the bounds of its histogram"
-- ignore   = "Keys that are generated at random or by a hash, or that cannot grow further. Keys that are spread evenly over the whole type, out of order, are not reported."
-- [[check]]
-- name     = "foreign-key-narrower"
-- object   = "{schema}.{table}.{name}"
-- value    = "used_pct"
-- only     = "reason = 'foreign key'"
-- warning  = "used_pct is not null and used_pct > 50"
-- unseen   = "used_pct is null"
-- unseen_because = "the values of {parent} were not read: {state}"
-- finding  = "the foreign key {name} of {schema}.{table} has the type {type}, but {parent} has the type {parent_type} and has reached {greatest}, {used_pct} of what {column} can hold"
-- remedy   = "{remedy}"
-- why      = "Rows of the referenced table beyond the range of the smaller type can never be referenced: every INSERT that tries to do so fails."
-- source   = "the types of pg_constraint.conkey and confkey, and the largest value of the referenced column"
-- ignore   = "A referencing column that needs only the small keys."
WITH RECURSIVE exclusive (oid) AS (
-- include exclusive
), waiting (oid) AS (
    -- Includes the tables above a locked partition, and the table of a locked index.
    SELECT e.oid FROM exclusive e
    UNION
    SELECT i.indrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indexrelid = e.oid
    UNION
    SELECT h.inhparent FROM waiting w JOIN pg_catalog.pg_inherits h ON h.inhrelid = w.oid
), integers (oid, base) AS (
    -- Includes domains, at most two levels of them.
    SELECT t.oid, b.oid
    FROM pg_catalog.pg_type t
    LEFT JOIN pg_catalog.pg_type d ON d.oid = t.typbasetype
    JOIN pg_catalog.pg_type b ON b.oid = coalesce(nullif(d.typbasetype, 0), nullif(t.typbasetype, 0), t.oid)
    WHERE b.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
      AND (t.typtype = 'd' OR t.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype))
), filled (relid, attnum) AS (
    SELECT d.refobjid, d.refobjsubid::int2
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION
    SELECT f.adrelid, f.adnum
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.refobjid
    JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
), pairs AS (
    SELECT c.conname, c.conrelid, c.conkey[k.n] AS attnum, c.confrelid, c.confkey[k.n] AS confattnum, x.atttypid AS type, y.atttypid AS parent_type, xb.base, yb.base AS parent_base
    FROM pg_catalog.pg_constraint c
    CROSS JOIN LATERAL pg_catalog.generate_subscripts(c.conkey, 1) AS k (n)
    JOIN pg_catalog.pg_attribute x ON x.attrelid = c.conrelid AND x.attnum = c.conkey[k.n]
    JOIN pg_catalog.pg_attribute y ON y.attrelid = c.confrelid AND y.attnum = c.confkey[k.n] AND y.atttypid <> x.atttypid
    JOIN integers xb ON xb.oid = x.atttypid
    JOIN integers yb ON yb.oid = y.atttypid
    WHERE c.contype = 'f'
      AND c.conparentid = 0  -- pg11..
      AND ((xb.base = 'int2'::regtype AND yb.base <> 'int2'::regtype) OR (xb.base = 'int4'::regtype AND yb.base = 'int8'::regtype))
), keys AS (
    -- The leading columns of unique indexes that have a narrow type and are limited by neither a sequence nor a foreign key.
    SELECT DISTINCT i.indrelid AS relid, a.attnum, a.atttypid AS type, q.opcintype AS base
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_opclass q ON q.oid = i.indclass[0]
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    -- The operator class shows the type below a domain. An array, so that the planner expects few.
    WHERE i.indclass[0] = ANY (ARRAY(SELECT o.oid FROM pg_catalog.pg_opclass o WHERE o.opcintype IN ('int2'::regtype, 'int4'::regtype)))
      AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indrelid >= 16384
      AND NOT EXISTS (SELECT FROM filled f WHERE f.relid = i.indrelid AND f.attnum = a.attnum)
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.conrelid = i.indrelid AND c.contype = 'f' AND a.attnum = ANY (c.conkey))
), wanted (relid, attnum) AS (
    SELECT k.relid, k.attnum FROM keys k
    UNION
    SELECT p.confrelid, p.confattnum FROM pairs p
), known AS (
    SELECT w.relid, w.attnum, c.relname, c.relkind, n.nspname, a.attname, greatest(c.reltuples, pg_catalog.pg_stat_get_live_tuples(c.oid))::float8 AS rows,
           s.correlation, s.bounds, s.commonest,
           CASE
               WHEN NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') THEN 'USAGE on the schema is missing'
               WHEN pg_catalog.has_column_privilege(c.oid, w.attnum, 'SELECT') IS NOT true THEN 'SELECT on the table is missing'
               WHEN c.relrowsecurity AND pg_catalog.row_security_active(c.oid) THEN 'row security hides rows'
               WHEN c.oid IN (SELECT x.oid FROM waiting x) THEN 'it is locked'
               ELSE ''
           END AS state,
           CASE WHEN c.relkind = 'r' THEN 2 ELSE 2 + 2 * (SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits h WHERE h.inhparent = c.oid) END AS locks,
           EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = w.attnum) AS is_indexed
    FROM wanted w
    JOIN pg_catalog.pg_class c ON c.oid = w.relid AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(temp|toast)'
    JOIN pg_catalog.pg_attribute a ON a.attrelid = w.relid AND a.attnum = w.attnum AND NOT a.attisdropped
    -- Looked up column by column, since the planner expects so few rows on both sides that it would compare each with each.
    LEFT JOIN LATERAL (
        SELECT t.correlation, t.histogram_bounds::text::int8[] AS bounds, t.most_common_vals::text::int8[] AS commonest
        FROM pg_catalog.pg_stats t
        WHERE t.schemaname = n.nspname AND t.tablename = c.relname AND t.attname = a.attname AND t.inherited = (c.relkind = 'p')
        OFFSET 0
    ) AS s ON true
), placed AS (
    -- Tables that are read stay locked until the end: their locks fill at most an eighth of the lock table, the largest tables first.
    SELECT k.*, k.state = '' AND k.is_indexed AND pg_catalog.sum(CASE WHEN k.state = '' THEN k.locks ELSE 0 END) OVER (ORDER BY k.rows DESC, k.relid, k.attnum)
                <= pg_catalog.current_setting('max_locks_per_transaction')::int8
                   * (pg_catalog.current_setting('max_connections')::int8 + pg_catalog.current_setting('max_prepared_transactions')::int8) / 8 AS is_read
    FROM known k
), read AS MATERIALIZED (  -- pg12..
), read AS (  -- pg..11
    -- query_to_xml is the only function that can run a statement inside another one. The index gives the values without reading the table.
    SELECT p.relid, p.attnum,
           pg_catalog.query_to_xml(
               pg_catalog.format('SELECT pg_catalog.min(%1$I)::int8 AS low, pg_catalog.max(%1$I)::int8 AS high%5$s FROM %2$s%3$I.%4$I', p.attname, CASE p.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END, p.nspname, p.relname,
                   -- The rows of a small table show how its values are spread, and whether they rise in the order of insertion.
                   CASE WHEN p.relkind = 'r' AND pg_catalog.pg_relation_size(p.relid) <= 8388608
                        THEN pg_catalog.format(', pg_catalog.count(CASE WHEN %1$I BETWEEN 536870912 AND 1610612735 THEN 1 END) AS middle, pg_catalog.count(*) AS total,'
                                               ' (SELECT pg_catalog.corr(x.n, x.v) FROM (SELECT pg_catalog.row_number() OVER (ORDER BY t.ctid) AS n, t.%1$I::float8 AS v FROM ONLY %2$I.%3$I t) AS x) AS in_order',
                                               p.attname, p.nspname, p.relname) ELSE '' END),
               true, false, '')::text AS edges
    FROM placed p
    WHERE p.is_read
), measured AS (
    SELECT p.*, pg_catalog.substring(r.edges, '<middle>([0-9]+)</middle>')::int8 AS middle, pg_catalog.substring(r.edges, '<total>([0-9]+)</total>')::int8 AS total,
           pg_catalog.substring(r.edges, '<in_order>([-0-9.e]+)</in_order>')::float8 AS in_order,
           coalesce(pg_catalog.substring(r.edges, '<low>(-?[0-9]+)</low>')::int8, p.bounds[1]) AS low,
           coalesce(pg_catalog.substring(r.edges, '<high>(-?[0-9]+)</high>')::int8, greatest(p.bounds[pg_catalog.cardinality(p.bounds)], (SELECT pg_catalog.max(v) FROM pg_catalog.unnest(p.commonest) AS v)),
                    -- An empty table has used none of the range.
                    CASE WHEN p.is_read OR p.rows <= 0 THEN 0 END) AS high
    FROM placed p
    LEFT JOIN read r ON r.relid = p.relid AND r.attnum = p.attnum
), judged AS (
    SELECT m.*,
           -- Values that are spread evenly, thinly and out of order are generated by a hash or at random.
           coalesce(m.rows < (m.high - m.low) / 10.0 AND pg_catalog.abs(m.correlation) < 0.5
                    AND pg_catalog.abs(m.bounds[(1 + pg_catalog.cardinality(m.bounds)) / 2] - (m.high::float8 + m.low) / 2) < (m.high::float8 - m.low) / 8, false)
           OR coalesce(m.total >= 10 AND m.total < (m.high - m.low) / 1000 AND m.high - m.low > 1073741824
                       AND m.middle BETWEEN 0.3 * m.total AND 0.7 * m.total AND pg_catalog.abs(m.in_order) < 0.5, false)
           OR coalesce(m.correlation IS NULL AND m.low < -1000000000 AND m.high > 1000000000, false) AS is_random,
           CASE WHEN m.state <> '' THEN m.state WHEN NOT m.is_indexed THEN 'no index begins with it, and there are no statistics' ELSE 'there are too many keys to read at once, and no statistics' END AS why
    FROM measured m
), answer (reason, relid, attnum, name, type, base, parent, parent_type, high, is_random, why) AS (
    SELECT 'key', k.relid, k.attnum, NULL::text, k.type, k.base, NULL::text, NULL::oid, j.high, j.is_random, j.why
    FROM keys k
    JOIN judged j ON j.relid = k.relid AND j.attnum = k.attnum
    UNION ALL
    SELECT 'foreign key', p.conrelid, p.attnum, p.conname::text, p.type, p.base, j.nspname::text || '.' || j.relname::text || '.' || j.attname::text, p.parent_type, j.high, false, j.why
    FROM pairs p
    JOIN judged j ON j.relid = p.confrelid AND j.attnum = p.confattnum
)
SELECT a.reason, n.nspname::text AS schema, c.relname::text AS "table", x.attname::text AS "column", a.name,
       pg_catalog.format_type(a.type, NULL) AS type, a.parent, pg_catalog.format_type(a.parent_type, NULL) AS parent_type,
       a.high AS greatest, l.high AS "limit", (100 * a.high::float8 / l.high) AS used_pct,
       CASE WHEN a.high IS NULL THEN a.why ELSE '' END AS state,
       'ALTER TABLE ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) || ' ALTER COLUMN ' || pg_catalog.quote_ident(x.attname)
       || ' TYPE ' || CASE WHEN a.reason = 'key' THEN 'bigint' ELSE pg_catalog.format_type(a.parent_type, NULL) END || ' at a quiet time, or use a new column that a trigger fills if the table is large' AS remedy
FROM answer a
JOIN pg_catalog.pg_class c ON c.oid = a.relid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute x ON x.attrelid = a.relid AND x.attnum = a.attnum
CROSS JOIN LATERAL (SELECT CASE WHEN a.base = 'int2'::regtype THEN 32767 ELSE 2147483647 END::int8 AS high) AS l
WHERE NOT a.is_random AND (a.high IS NULL OR a.high::float8 >= 0.4 * l.high)
ORDER BY a.high::float8 / l.high DESC NULLS LAST, n.nspname, c.relname, x.attname, a.name COLLATE "C" NULLS FIRST
