-- key     = ["schema", "name", "table", "column"]
-- columns = ["schema text", "name text", "table text", "column text", "type text", "last_value int8", "limit int8", "used_pct float8", "limited_by text", "cycles bool", "values_left int8", "increment int8", "state text"]
-- wide    = ["increment", "state", "cycles", "values_left", "type", "last_value", "limited_by"]
-- usual   = { schema = "public", increment = "1", cycles = "false" }
-- [[check]]
-- name     = "sequence-near-end"
-- object   = "{schema}.{name}"
-- value    = "used_pct"
-- only     = "not cycles and limited_by is null"
-- critical = ["used_pct is not null and used_pct >= 90", "values_left is not null and values_left = 0"]
-- warning  = "used_pct is not null and used_pct >= 75"
-- unseen   = "state in ('locked', 'not read')"
-- unseen_because = "the value of the sequence {schema}.{name} was not read: {state}"
-- finding  = "the sequence {schema}.{name} has used {used_pct} of its values; {values_left} are left"
-- remedy   = "ALTER SEQUENCE {schema:ident}.{name:ident} AS bigint with a larger MAXVALUE (or, if it descends, a smaller MINVALUE), after changing the columns that it fills to bigint"
-- proof    = "pgkit sequences {schema:ident}.{name:ident}"
-- why      = "After the last value that the sequence or the column can hold, every INSERT that needs a new key fails. The change to bigint rewrites the table, which takes long if it is large."
-- source   = "pg_sequence and its last value, in both directions; check_postgres 85 and 95 %, pghero 90 %, pgmonitor 75 %"
-- ignore   = "A sequence whose values are not kept for long, if somebody restarts it regularly."
-- [[check]]
-- name     = "sequence-near-end"
-- object   = "{schema}.{name}"
-- value    = "used_pct"
-- only     = "limited_by is not null"
-- critical = ["used_pct is not null and used_pct >= 90", "values_left is not null and values_left = 0"]
-- warning  = "used_pct is not null and used_pct >= 75"
-- unseen   = "state in ('locked', 'not read')"
-- unseen_because = "the value of the sequence {schema}.{name} was not read: {state}"
-- finding  = "the sequence {schema}.{name} has used {used_pct} of the range of {limited_by}; {values_left} values are left"
-- remedy   = "change {limited_by} to bigint; if the table is large, use a new column that a trigger fills"
-- proof    = "pgkit sequences {schema:ident}.{name:ident}"
-- why      = "After the last value that the sequence or the column can hold, every INSERT that needs a new key fails. The change to bigint rewrites the table, which takes long if it is large."
-- source   = "the range of each column that the sequence fills, and of the foreign keys to these columns"
-- ignore   = "A sequence whose values are not kept for long, if somebody restarts it regularly."
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- help       = "Sequences or their tables to show, as in psql: name, schema.name, with * and ?"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include sequences in the system's schemas"
-- [[param]]
-- name = "exact"
-- type = "bool"
-- help = "Also measure keys that no sequence fills: read the largest value of each from its index"
-- [[hidden]]
-- when = "EXISTS (SELECT FROM pg_catalog.pg_class c WHERE CASE WHEN c.relkind = 'S' AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace) THEN NOT pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE') END)"
-- says = "some sequences are shown without their value; SELECT or USAGE on them shows it (from 14 on, pg_read_all_data too)"
-- include patterns
-- include namespaces
    WHERE NOT pg_catalog.pg_is_other_temp_schema(n.oid)
), fills (seqrelid, relid, attnum, is_owner) AS (
    -- The column that owns it, as serial and identity columns do, and those with it in their default.
    SELECT d.objid, d.refobjid, d.refobjsubid::int2, true
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
    UNION ALL
    SELECT d.refobjid, f.adrelid, f.adnum, false
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.refobjid
    JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
), keys AS (
    SELECT c.confrelid, k.confattnum, c.conrelid, k.attnum
    FROM pg_catalog.pg_constraint c
    CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey)) AS k (attnum, confattnum)
    WHERE c.contype = 'f'
), reached (seqrelid, relid, attnum) AS (
    -- Foreign keys carry its values on, also in several steps.
    SELECT f.seqrelid, f.relid, f.attnum FROM fills f
    UNION
    SELECT r.seqrelid, k.conrelid, k.attnum
    FROM reached r
    JOIN keys k ON k.confrelid = r.relid AND k.confattnum = r.attnum
), types (oid, base, typmod) AS (
    SELECT t.oid, t.typbasetype, t.typtypmod FROM pg_catalog.pg_type t WHERE t.typtype = 'd'
    UNION ALL
    SELECT d.oid, t.typbasetype, greatest(d.typmod, t.typtypmod)
    FROM types d
    JOIN pg_catalog.pg_type t ON t.oid = d.base AND t.typtype = 'd'
), ranges AS (
    -- The digits before the point, taken from the type modifier of a numeric.
    SELECT r.seqrelid, r.relid, r.attnum, v.low, v.high,
           pg_catalog.format('%I.%I.%I (%s)', n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)) AS name
    FROM reached r
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.relid AND a.attnum = r.attnum AND NOT a.attisdropped
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN types d ON d.oid = a.atttypid AND d.base NOT IN (SELECT t.oid FROM types t)
    CROSS JOIN LATERAL (SELECT coalesce(d.base, a.atttypid) AS base, CASE WHEN d.oid IS NULL THEN a.atttypmod ELSE d.typmod END - 4 AS modifier) AS b
    CROSS JOIN LATERAL (SELECT ((b.modifier >> 16) & 65535) - (((b.modifier & 2047) # 1024) - 1024) AS digits) AS m
    CROSS JOIN LATERAL (
        SELECT -32768::numeric AS low, 32767::numeric AS high WHERE b.base = 'int2'::regtype
        UNION ALL
        SELECT -2147483648, 2147483647 WHERE b.base = 'int4'::regtype
        UNION ALL
        SELECT -(pg_catalog.power(10::numeric, m.digits::numeric)) + 1::numeric, pg_catalog.power(10::numeric, m.digits::numeric) - 1::numeric
        WHERE b.base = 'numeric'::regtype AND b.modifier >= 0 AND m.digits BETWEEN 0 AND 18
    ) AS v
), limits AS (
    SELECT DISTINCT ON (x.seqrelid) x.seqrelid, x.edge, x.name
    FROM (SELECT s.seqrelid, s.seqincrement > 0 AS rises, CASE WHEN s.seqincrement > 0 THEN s.seqmax ELSE s.seqmin END::numeric AS edge, NULL AS name
          FROM pg_catalog.pg_sequence s
          UNION ALL
          SELECT s.seqrelid, s.seqincrement > 0, CASE WHEN s.seqincrement > 0 THEN r.high ELSE r.low END, r.name
          FROM ranges r
          JOIN pg_catalog.pg_sequence s ON s.seqrelid = r.seqrelid) AS x
    ORDER BY x.seqrelid, CASE WHEN x.rises THEN x.edge ELSE -x.edge END, x.name COLLATE "C" NULLS FIRST
), owners AS (
    SELECT DISTINCT ON (f.seqrelid) f.seqrelid, n.nspname, c.relname, a.attname
    FROM fills f
    JOIN pg_catalog.pg_class c ON c.oid = f.relid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = f.relid AND a.attnum = f.attnum
    ORDER BY f.seqrelid, f.is_owner DESC, n.nspname, c.relname, a.attname
), locked (oid) AS (
    -- Reading a value takes a lock that waits behind these locks, and behind sessions that wait for one of them.
    SELECT l.relation
    FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'relation' AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
    GROUP BY l.relation
), found AS (
    SELECT s.seqrelid, s.seqtypid, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle, n.nspname, c.relname, o.relname AS table_name, o.attname, l.edge, l.name AS edge_name,
           pg_catalog.row_number() OVER (ORDER BY s.seqtypid = 'int8'::regtype, s.seqrelid) AS place,
           CASE
               WHEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT, USAGE') IS NOT true THEN 'no privilege'
               WHEN c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() THEN 'unlogged'
               WHEN k.oid IS NOT NULL THEN 'locked'
               ELSE ''
           END AS state
    FROM pg_catalog.pg_sequence s
    JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
    JOIN namespaces n ON n.oid = c.relnamespace
    JOIN limits l ON l.seqrelid = s.seqrelid
    LEFT JOIN owners o ON o.seqrelid = s.seqrelid
    LEFT JOIN locked k ON k.oid = s.seqrelid
    WHERE CASE
            -- A pattern that names a schema searches that schema, even a system schema.
            WHEN $2 IS NOT NULL THEN EXISTS (
                SELECT FROM patterns x
                WHERE CASE WHEN x.schema_regex IS NULL THEN n.of_users OR $3 ELSE n.nspname ~ (x.schema_regex COLLATE "default") OR o.nspname ~ (x.schema_regex COLLATE "default") END
                  AND (c.relname ~ (x.name_regex COLLATE "default") OR o.relname ~ (x.name_regex COLLATE "default")))
            ELSE n.of_users OR $3
          END
), asked AS MATERIALIZED (  -- pg12..
), asked AS (  -- pg..11
    -- Each value that is read keeps a lock until the end, so that reading thousands would fill the lock table for everybody:
    -- a quarter of it is taken at most, the sequences of narrow types first.
    SELECT f.*, m.is_read,
           CASE WHEN f.state = '' AND m.is_read THEN pg_catalog.pg_sequence_last_value(f.seqrelid::regclass) END AS last
    FROM found f
    CROSS JOIN LATERAL (
        SELECT f.place <= pg_catalog.current_setting('max_locks_per_transaction')::int8
                          * (pg_catalog.current_setting('max_connections')::int8 + pg_catalog.current_setting('max_prepared_transactions')::int8) / 4 AS is_read
    ) AS m
), judged AS (
    -- One without a last value has still to give its first one, which RESTART WITH and setval can have set to any value. If it
    -- rises, all up to its last value is used up, whatever it began with.
    SELECT a.*,
           CASE WHEN a.state <> '' THEN a.state WHEN NOT a.is_read THEN 'not read' WHEN a.last IS NULL THEN 'not called' ELSE '' END AS said,
           CASE WHEN a.last IS NOT NULL THEN a.last::numeric WHEN n.first IS NOT NULL THEN n.first::numeric - a.seqincrement::numeric END AS reached
    FROM asked a
    CROSS JOIN LATERAL (SELECT NULL::int8 AS first) AS n  -- pg..17
    CROSS JOIN LATERAL (SELECT CASE WHEN a.state = '' AND a.is_read AND a.last IS NULL THEN  -- pg18..
                                   (SELECT q.last_value FROM pg_catalog.pg_get_sequence_data(a.seqrelid::regclass) AS q) END AS first OFFSET 0) AS n  -- pg18..
), figured AS (
    SELECT j.*,
           greatest(pg_catalog.round(100::numeric * CASE WHEN n.step > 0::numeric THEN (j.reached - n.low + 1::numeric) / greatest(j.edge - n.low + 1::numeric, 1::numeric)
                                                         ELSE (n.high - j.reached + 1::numeric) / greatest(n.high - j.edge + 1::numeric, 1::numeric) END, 1), 0::numeric)::float8 AS used,
           least(greatest(pg_catalog.div(j.edge - j.reached, n.step), 0::numeric), 9223372036854775807::numeric)::int8 AS left_over
    FROM judged j
    CROSS JOIN LATERAL (SELECT j.seqmin::numeric AS low, j.seqmax::numeric AS high, j.seqincrement::numeric AS step) AS n
