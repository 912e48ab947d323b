-- Tables that autovacuum does not keep up with, or for which it is turned off.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "database"
-- key     = ["object"]
-- columns = ["object text", "schema text", "table text", "dead int8", "threshold int8", "ratio float8", "dead_ratio float8", "what text", "heap_bytes int8", "is_off bool", "is_busy bool", "off_because text", "age int8", "half_limit int8", "sampled_s float8", "remedy text", "off_remedy text"]
-- [[check]]
-- name     = "vacuum-behind"
-- only     = "not is_off"
-- object   = "{object}"
-- value    = "ratio"
-- critical = "dead_ratio > 10 and heap_bytes > 1GB and not is_busy"
-- warning  = "ratio > 2 and was_ratio > 2 and change_sampled_s >= 1h and not is_busy"
-- finding  = "{object} should have been vacuumed long ago: {what}, which is {ratio} times the threshold for a vacuum"
-- remedy   = "{remedy}"
-- why      = "Dead rows are read again and again by every scan, indexes point to them, and the table grows. Once the table has grown, only a rewrite gives the space back."
-- source   = "relation_needs_vacanalyze in autovacuum.c, with the table's own options and, from 18, autovacuum_vacuum_max_threshold and the share that is frozen"
-- ignore   = "A table that was loaded or emptied an hour ago, or that a job vacuums at night."
-- proof    = "pgkit tables {schema:ident}.{table:ident}"
-- [[check]]
-- name     = "autovacuum-off-for-table"
-- only     = "is_off"
-- object   = "{object}"
-- value    = "dead"
-- warning  = ["dead > threshold", "age > half_limit"]
-- note     = "is_off"
-- finding  = "autovacuum is turned off for {off_because}, which has {dead} dead rows and is {age} transactions old"
-- remedy   = "{off_remedy}"
-- why      = "The table is neither vacuumed nor analyzed until a vacuum to prevent wraparound is forced, which then has to do all the work at once."
-- source   = "pg_class.reloptions; the manual, storage parameters of CREATE TABLE"
-- ignore   = "A queue that a job vacuums itself, or a table whose rows never change."
-- proof    = "pgkit describe {schema:ident}.{table:ident}"
WITH settings AS (
    SELECT pg_catalog.current_setting('autovacuum_vacuum_threshold')::float8 AS base, pg_catalog.current_setting('autovacuum_vacuum_scale_factor')::float8 AS scale,
           pg_catalog.current_setting('autovacuum_vacuum_max_threshold')::float8 AS most,  -- pg18..
           (-1)::float8 AS most,  -- pg..17
           pg_catalog.current_setting('autovacuum_vacuum_insert_threshold')::float8 AS insert_base, pg_catalog.current_setting('autovacuum_vacuum_insert_scale_factor')::float8 AS insert_scale,  -- pg13..
           (-1)::float8 AS insert_base, 0::float8 AS insert_scale,  -- pg..12
           pg_catalog.current_setting('autovacuum_freeze_max_age')::int8 AS freeze_max
    OFFSET 0
), counted AS (
    SELECT c.oid, c.relname, c.relnamespace, c.relkind, c.relpages, c.reltoastrelid, c.reloptions, c.relfrozenxid,
           pg_catalog.pg_stat_get_dead_tuples(c.oid) AS dead,
           pg_catalog.pg_stat_get_ins_since_vacuum(c.oid) AS inserted,  -- pg13..
           0::int8 AS inserted,  -- pg..12
           c.reltuples::float8 AS reltuples,
           CASE WHEN c.relpages > 0 THEN 1 - least(c.relallfrozen, c.relpages)::float8 / c.relpages::float8 ELSE 1 END AS thawed  -- pg18..
           1::float8 AS thawed  -- pg..17
    FROM pg_catalog.pg_class c
    -- A table without pages was never vacuumed or analyzed, and its size is unknown. Each count costs microseconds.
    WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence <> 't' AND (c.relpages > 0 OR c.reloptions IS NOT NULL)
), suspects AS (
    -- A table whose count is below every possible threshold needs no second look.
    SELECT c.*, o.*
    FROM counted c
    CROSS JOIN settings s
    LEFT JOIN LATERAL (
-- include autovacuum_options
        FROM pg_catalog.pg_options_to_table(c.reloptions) AS x
        WHERE x.option_name ~ '^autovacuum_'
    ) AS o ON c.reloptions IS NOT NULL
    WHERE c.dead > 1000 OR c.inserted > 2000 OR o.enabled = false
), judged AS (
    SELECT u.*, t.rows, d.dead_threshold, i.insert_threshold, s.freeze_max, p.oid AS parent, p.relname AS parent_name, p.relnamespace AS parent_namespace,
           -- A TOAST table without options of its own uses those of its table.
           CASE WHEN u.relkind = 't' AND u.reloptions IS NULL THEN p.reloptions::text ~* 'autovacuum_enabled=(of|f|n|0)' ELSE false END AS off_by_parent
    FROM suspects u
    CROSS JOIN settings s
    LEFT JOIN pg_catalog.pg_class p ON p.reltoastrelid = u.oid AND u.relkind = 't'
    -- A table that was never counted may be as large as the statistics say.
    CROSS JOIN LATERAL (SELECT greatest(u.reltuples, pg_catalog.pg_stat_get_live_tuples(u.oid)::float8, 0) AS rows) AS t
    CROSS JOIN LATERAL (
        SELECT CASE WHEN m.most >= 0 THEN least(m.most, m.plain) ELSE m.plain END AS dead_threshold
        FROM (SELECT coalesce(u.vacuum_max, s.most) AS most, coalesce(u.vacuum_base, s.base) + coalesce(u.vacuum_scale, s.scale) * t.rows AS plain) AS m) AS d
    CROSS JOIN LATERAL (
        SELECT CASE WHEN b.base >= 0 THEN b.base + coalesce(u.insert_scale, s.insert_scale) * t.rows * u.thawed END AS insert_threshold
        FROM (SELECT coalesce(u.insert_base, s.insert_base) AS base) AS b) AS i
), behind AS (
    SELECT j.*, j.dead / greatest(j.dead_threshold, 1) AS dead_ratio, j.inserted / greatest(j.insert_threshold, 1) AS insert_ratio
    FROM judged j
), locked AS (
-- include exclusive
), kept AS (
    SELECT b.*, greatest(b.dead_ratio, coalesce(b.insert_ratio, 0)) AS ratio, b.enabled IS NOT DISTINCT FROM false OR b.off_by_parent AS is_off,
           coalesce(b.parent_name, b.relname)::text AS table_name, n.nspname::text AS schema_name
    FROM behind b
    JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(b.parent_namespace, b.relnamespace)
    WHERE (b.enabled IS NOT DISTINCT FROM false
           OR NOT b.off_by_parent AND (b.dead_ratio >= 2 OR b.insert_ratio >= 2))
)
SELECT pg_catalog.format('%s.%s%s', k.schema_name, k.table_name, CASE WHEN k.relkind = 't' THEN ' (TOAST)' END) AS object,
       k.schema_name AS schema,
       k.table_name AS "table",
       k.dead,
       k.dead_threshold::int8 AS threshold,
       pg_catalog.round(k.ratio::numeric, 1)::float8 AS ratio,
       pg_catalog.round(k.dead_ratio::numeric, 1)::float8 AS dead_ratio,
       CASE WHEN k.dead_ratio >= coalesce(k.insert_ratio, 0) THEN k.dead::text || ' dead rows' ELSE k.inserted::text || ' rows inserted since the last vacuum' END AS what,
       greatest(k.relpages::int8 * pg_catalog.current_setting('block_size')::int8,
                CASE WHEN k.dead_ratio >= 2 AND coalesce(k.parent, k.oid) NOT IN (SELECT l.relation FROM locked l) AND k.oid NOT IN (SELECT l.relation FROM locked l)
                     THEN pg_catalog.pg_relation_size(k.oid) END) AS heap_bytes,
       k.is_off,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_vacuum v WHERE v.relid IN (k.oid, k.parent) AND v.datname = pg_catalog.current_database()) AS is_busy,
       CASE WHEN k.relkind = 't' THEN 'the TOAST table of ' ELSE '' END || k.schema_name || '.' || k.table_name AS off_because,
       pg_catalog.age(k.relfrozenxid)::int8 AS age,
       k.freeze_max / 2 AS half_limit,
       pg_catalog.round(extract(epoch FROM pg_catalog.clock_timestamp())::numeric, 3)::float8 AS sampled_s,
       CASE WHEN k.rows >= 1000000
            THEN pg_catalog.format('VACUUM %I.%I, then ALTER TABLE %I.%I SET (autovacuum_vacuum_scale_factor = 0.02), or raise autovacuum_vacuum_cost_limit', k.schema_name, k.table_name, k.schema_name, k.table_name)
            ELSE pg_catalog.format('VACUUM %I.%I, and find out with pgkit vacuum what keeps autovacuum from it', k.schema_name, k.table_name) END AS remedy,
       pg_catalog.format('ALTER %s %I.%I RESET (%sautovacuum_enabled)', CASE k.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END, k.schema_name, k.table_name, CASE WHEN k.relkind = 't' THEN 'toast.' END) AS off_remedy
FROM kept k
ORDER BY k.ratio DESC, k.schema_name COLLATE "C", k.table_name COLLATE "C", k.relkind
