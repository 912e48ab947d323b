-- How near databases and tables are to a vacuum against wraparound, and what holds cleaning back.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows what other roles' sessions do"
-- source  = "pg_database, pg_class, pg_stat_activity, pg_prepared_xacts, pg_replication_slots; relation_needs_vacanalyze and ComputeXidHorizons in PostgreSQL's sources"
-- example = "pgkit vacuum --scope database --scope horizon"
-- reading = "At its limit (100 %) autovacuum freezes a table even if it is switched off. A horizon row is what keeps old rows: end that session or prepared transaction, or drop that slot."
-- notes   = "age is a number of transactions, or of multixacts. Up to 110 % is normal: the age rises until autovacuum freezes the table, then falls. The server refuses to write when about 2 billion transactions have passed. A horizon row is a session, prepared transaction, slot or standby that still needs old rows: nothing newer than its snapshot is removed or frozen, and held_by names it where it is the reason. pgkit activity, pgkit prepared and pgkit replication show more about it."
-- key     = ["scope", "schema", "name"]
-- private = ["detail where scope = horizon"]
-- columns = ["scope text", "schema text", "name text", "age int8", "limit int8", "used_pct float8", "held_by text", "detail text"]
-- wide    = ["limit", "schema", "held_by"]
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- help       = "Show only these tables, as in psql: name, schema.name, with * and ?"
-- [[param]]
-- name    = "scope"
-- type    = "text[]"
-- metavar = "SCOPE"
-- one_of  = ["database", "horizon", "table", "multixact"]
-- help    = "Show only rows of this scope"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include system catalogs; without it, only the oldest table of the database is shown even if it is one"
-- [[hidden]]
-- when = "EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.query = '<insufficient privilege>' AND (a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL))"
-- says = "other roles' sessions are shown without state, times and statement; pg_read_all_stats shows them"
-- include patterns
), settings AS (
    SELECT pg_catalog.current_setting('autovacuum_freeze_max_age')::int8 AS freeze_max,
           pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::int8 AS multixact_max,
           2147483648 - 3000000 AS stop  -- pg14..
           2147483648 - 1000000 AS stop  -- pg..13
), namespaces AS (
    SELECT n.oid, n.nspname, n.nspname ~ '^pg_temp_' AS is_temporary,
           n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_toast' AS of_users
    FROM pg_catalog.pg_namespace n
), holders AS (
    -- What VACUUM itself does holds nothing back, and a session of another database nothing here.
    SELECT CASE WHEN r.pid IS NOT NULL THEN 'standby of process ' || a.pid::text ELSE 'session ' || a.pid::text END AS name,
           CASE WHEN r.pid IS NULL THEN a.datid END AS datid,
           greatest(pg_catalog.age(a.backend_xid), pg_catalog.age(a.backend_xmin))::int8 AS age,
           true AS holds_tables,
           CASE WHEN r.pid IS NOT NULL THEN coalesce(nullif(a.application_name, '') || ', ', '') || 'feedback'
                ELSE coalesce(a.usename::text, a.backend_type, 'unknown') || coalesce(' in ' || pg_catalog.quote_ident(a.datname), '')
                     || coalesce(', ' || nullif(a.application_name, ''), '') || coalesce(', ' || a.state, '')
                     || coalesce(' for ' || pg_catalog.trunc(extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(a.xact_start, a.query_start))::numeric)::text || ' s', '')
                     || CASE WHEN a.query IN ('', '<insufficient privilege>') THEN ''
                             ELSE coalesce(': ' || pg_catalog.left(pg_catalog.btrim(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g')), 100), '') END
           END AS detail
    FROM pg_catalog.pg_stat_activity a
    LEFT JOIN (SELECT DISTINCT w.pid FROM pg_catalog.pg_stat_replication w) AS r ON r.pid = a.pid
    WHERE (a.backend_xid IS NOT NULL OR a.backend_xmin IS NOT NULL)
      AND a.pid <> pg_catalog.pg_backend_pid()
      AND a.pid NOT IN (SELECT v.pid FROM pg_catalog.pg_stat_progress_vacuum v)
      AND a.backend_type IS DISTINCT FROM 'parallel worker'
      -- A session that decodes for a slot is listed with the slot.
      AND a.pid NOT IN (SELECT s.active_pid FROM pg_catalog.pg_replication_slots s WHERE s.active_pid IS NOT NULL)
    UNION ALL
    SELECT 'prepared transaction ' || p.gid, d.oid, pg_catalog.age(p.transaction)::int8, true,
           p.owner::text || ' in ' || pg_catalog.quote_ident(p.database) || ', prepared for '
           || pg_catalog.trunc(extract(epoch FROM pg_catalog.clock_timestamp() - p.prepared)::numeric)::text || ' s'
    FROM pg_catalog.pg_prepared_xacts p
    LEFT JOIN pg_catalog.pg_database d ON d.datname = p.database
    UNION ALL
    SELECT 'slot ' || s.slot_name, NULL, pg_catalog.age(x.xid)::int8, x.kind = 'xmin',
           x.kind || ', ' || s.slot_type || coalesce(' ' || s.plugin, '') || coalesce(' in ' || pg_catalog.quote_ident(s.database), '') || CASE WHEN s.active THEN ', active' ELSE ', inactive' END
           || CASE WHEN x.kind = 'xmin' THEN '' ELSE '; holds back system catalogs only' END
    FROM pg_catalog.pg_replication_slots s
    CROSS JOIN LATERAL (VALUES ('xmin', s.xmin), ('catalog_xmin', s.catalog_xmin)) AS x (kind, xid)
    WHERE x.xid IS NOT NULL
      AND s.wal_status IS DISTINCT FROM 'lost'  -- pg13..
), held AS (
    -- A slot with both has a row for each.
    SELECT h.name || CASE WHEN h.holds_tables THEN '' ELSE ' (catalogs)' END AS name, h.datid, h.age, h.holds_tables, h.detail
    FROM holders h
    WHERE h.age IS NOT NULL
), oldest AS (
    -- The oldest of those that hold back this database and of those that hold back all databases.
    SELECT DISTINCT ON (d.oid) d.oid, h.name, h.age
    FROM pg_catalog.pg_database d
    JOIN held h ON h.holds_tables AND (h.datid IS NULL OR h.datid = d.oid)
    ORDER BY d.oid, h.age DESC, h.name COLLATE "C"
), tables AS (
    SELECT c.oid, c.relname, n.nspname, n.of_users, n.is_temporary, c.reltoastrelid,
           pg_catalog.age(c.relfrozenxid)::int8 AS age, pg_catalog.mxid_age(c.relminmxid)::int8 AS multixact_age,
           pg_catalog.age(t.relfrozenxid)::int8 AS toast_age, pg_catalog.mxid_age(t.relminmxid)::int8 AS toast_multixact_age,
           o.enabled, o.freeze_max, o.multixact_max, t.relname AS toast_name,
           -- A TOAST table without options of its own uses those of its table.
           CASE WHEN t.reloptions IS NULL THEN o.freeze_max ELSE p.freeze_max END AS toast_freeze_max,
           CASE WHEN t.reloptions IS NULL THEN o.multixact_max ELSE p.multixact_max END AS toast_multixact_max
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
    LEFT JOIN LATERAL (
        SELECT pg_catalog.bool_and(x.option_value::bool) FILTER (WHERE x.option_name = 'autovacuum_enabled') AS enabled,
               pg_catalog.max(x.option_value::int8) FILTER (WHERE x.option_name = 'autovacuum_freeze_max_age') AS freeze_max,
               pg_catalog.max(x.option_value::int8) FILTER (WHERE x.option_name = 'autovacuum_multixact_freeze_max_age') AS multixact_max
        FROM pg_catalog.pg_options_to_table(c.reloptions) AS x
        WHERE x.option_name ~ '^autovacuum_'
    ) AS o ON c.reloptions IS NOT NULL
    LEFT JOIN LATERAL (
        SELECT pg_catalog.max(x.option_value::int8) FILTER (WHERE x.option_name = 'autovacuum_freeze_max_age') AS freeze_max,
               pg_catalog.max(x.option_value::int8) FILTER (WHERE x.option_name = 'autovacuum_multixact_freeze_max_age') AS multixact_max
        FROM pg_catalog.pg_options_to_table(t.reloptions) AS x
        WHERE x.option_name ~ '^autovacuum_'
    ) AS p ON t.reloptions IS NOT NULL
    WHERE c.relkind IN ('r', 'm') AND c.relfrozenxid <> '0'::xid
      AND ($3 IS NULL OR 'table'::text = ANY ($3) OR 'multixact'::text = ANY ($3))
), parts AS (
    -- A table's options can only lower the limits. Of a table and its TOAST table the older one counts.
    SELECT t.*, v.is_multixact, v.own_age, v.own_limit, v.other_age, v.other_limit,
           v.other_age IS NOT NULL AND v.other_age::float8 / greatest(v.other_limit, 1) > v.own_age::float8 / greatest(v.own_limit, 1) AS by_toast
    FROM tables t
    CROSS JOIN settings s
    CROSS JOIN LATERAL (
        VALUES (false, t.age, least(t.freeze_max, s.freeze_max), t.toast_age, least(t.toast_freeze_max, s.freeze_max)),
               (true, t.multixact_age, least(t.multixact_max, s.multixact_max), t.toast_multixact_age, least(t.toast_multixact_max, s.multixact_max))
    ) AS v (is_multixact, own_age, own_limit, other_age, other_limit)
), judged AS (
    SELECT p.*,
           CASE WHEN p.by_toast THEN p.other_age ELSE p.own_age END AS its_age,
           CASE WHEN p.by_toast THEN p.other_limit ELSE p.own_limit END AS its_limit
    FROM parts p
), placed AS (
    SELECT j.*, pg_catalog.row_number() OVER (PARTITION BY j.is_multixact ORDER BY j.its_age::float8 / greatest(j.its_limit, 1) DESC, j.of_users DESC, j.oid) AS place
    FROM judged j
), found AS (
    SELECT 1 AS rank, 'database' AS scope, NULL::text AS schema, d.datname::text AS name, pg_catalog.age(d.datfrozenxid)::int8 AS age, s.freeze_max AS "limit",
           CASE WHEN o.age * 2 >= pg_catalog.age(d.datfrozenxid) AND pg_catalog.age(d.datfrozenxid) > 0 THEN o.name END AS held_by,
           CASE WHEN l.xids >= 10000000 THEN (l.xids / 1000000)::text || ' million' ELSE l.xids::text END || ' transactions left'
           || CASE WHEN d.datconnlimit = -2 THEN '; its DROP DATABASE was interrupted' WHEN NOT d.datallowconn THEN '; allows no connections' ELSE '' END AS detail
    FROM pg_catalog.pg_database d
    CROSS JOIN settings s
    LEFT JOIN oldest o ON o.oid = d.oid
    CROSS JOIN LATERAL (SELECT greatest(s.stop - pg_catalog.age(d.datfrozenxid), 0) AS xids) AS l
    WHERE $2 IS NULL
    UNION ALL
    SELECT 2, 'horizon', NULL, h.name, h.age, s.freeze_max, h.name, h.detail
    FROM held h
    CROSS JOIN settings s
    WHERE $2 IS NULL
    UNION ALL
    SELECT CASE WHEN p.is_multixact THEN 4 ELSE 3 END, CASE WHEN p.is_multixact THEN 'multixact' ELSE 'table' END,
           p.nspname::text, p.relname::text, p.its_age, p.its_limit,
           CASE WHEN NOT p.is_multixact AND o.age * 2 >= p.its_age AND p.its_age > 0 THEN o.name END,
           nullif(pg_catalog.concat_ws(
               '; ',
               CASE WHEN p.by_toast THEN 'its TOAST table ' || p.toast_name END,
               CASE WHEN p.is_temporary THEN 'temporary: only its own session can vacuum it' END,
               CASE WHEN NOT p.enabled THEN 'autovacuum is off for it below the limit' END), '')
    FROM placed p
    LEFT JOIN oldest o ON o.oid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
    WHERE (NOT p.is_multixact OR p.its_age > 0)
      AND CASE
            -- A pattern that names a schema searches that schema, even a system schema.
            WHEN $2 IS NOT NULL THEN EXISTS (
                SELECT FROM patterns x
                WHERE CASE WHEN x.schema_regex IS NULL THEN p.of_users OR $4 ELSE p.nspname ~ (x.schema_regex COLLATE "default") END
                  AND p.relname ~ (x.name_regex COLLATE "default"))
            ELSE p.of_users OR $4 OR p.place = 1
          END
    UNION ALL
    SELECT 4, 'multixact', NULL, d.datname::text, pg_catalog.mxid_age(d.datminmxid)::int8, s.multixact_max, NULL, NULL
    FROM pg_catalog.pg_database d
    CROSS JOIN settings s
    WHERE $2 IS NULL
)
SELECT f.scope, f.schema, f.name, f.age, f."limit", pg_catalog.round((100.0 * f.age / greatest(f."limit", 1))::numeric, 1)::float8 AS used_pct, f.held_by, f.detail
FROM found f
WHERE $3 IS NULL OR f.scope = ANY ($3)
ORDER BY f.rank, f.age::float8 / greatest(f."limit", 1) DESC, f.age DESC, f.schema COLLATE "C" NULLS FIRST, f.name COLLATE "C"
