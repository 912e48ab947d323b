-- How often what is read is found in shared_buffers: tables, indexes and TOAST apart.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- source  = "pg_stat_database, pg_statio_user_tables, _indexes and _sequences"
-- example = "pgkit cache --limit 10"
-- reading = "hit_pct is the share of block reads that shared_buffers served; the rest may have come from the system's cache. Below 90, look at the indexes of a large and busy table, and at pgkit buffers."
-- notes   = "The relation with the most reads from disk comes first. A low share of a few blocks means nothing. pgkit indexes shows the indexes of a table. The counters started at the time in since."
-- key     = ["scope", "schema", "name"]
-- wide    = ["since", "table"]
-- columns = ["scope text", "schema text", "name text", "hit_pct float8", "hit_blocks int8 counter", "read_blocks int8 counter", "table text", "since timestamptz"]
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- complete   = "relations"
-- help       = "Relations to show, as in psql: name, schema.name, with * and ?; a table's indexes and TOAST come along"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include system catalogs"
-- include patterns
-- include namespaces
), chosen AS (
    SELECT CASE WHEN c.relkind = 'S' THEN 'sequence' WHEN c.relkind = 'i' THEN 'index' ELSE 'table' END AS scope,
           c.oid, n.nspname, c.relname, t.relname AS table_name, c.reltoastrelid
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
    LEFT JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    WHERE c.relkind IN ('r', 'm', 'S', 'i')
      AND t.relkind IS DISTINCT FROM 't'
      AND CASE
            WHEN $2 IS NULL THEN n.of_users OR $3
            -- A pattern that names a schema searches that schema, even a system schema.
            ELSE EXISTS (
                SELECT FROM patterns p
                WHERE ((p.schema_regex IS NULL AND (n.of_users OR $3)) OR n.nspname ~ (p.schema_regex COLLATE "default"))
                  AND (c.relname ~ (p.name_regex COLLATE "default") OR t.relname ~ (p.name_regex COLLATE "default")))
          END
), toast AS (
    -- A table's TOAST is its TOAST table with the index.
    SELECT x.oid, pg_catalog.sum(pg_catalog.pg_stat_get_blocks_hit(x.part)) AS hit, pg_catalog.sum(pg_catalog.pg_stat_get_blocks_fetched(x.part)) AS fetched
    FROM (SELECT c.oid, c.reltoastrelid AS part FROM chosen c WHERE c.reltoastrelid <> 0
          UNION ALL
          SELECT c.oid, i.indexrelid FROM chosen c JOIN pg_catalog.pg_index i ON i.indrelid = c.reltoastrelid) AS x
    GROUP BY x.oid
), counted AS (
    SELECT c.scope, c.nspname, c.relname, c.table_name, x.hit, x.fetched - x.hit AS read
    FROM chosen c
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_stat_get_blocks_hit(c.oid) AS hit, pg_catalog.pg_stat_get_blocks_fetched(c.oid) AS fetched OFFSET 0) AS x
    UNION ALL
    SELECT 'TOAST', c.nspname, c.relname, NULL, t.hit::int8, (t.fetched - t.hit)::int8
    FROM toast t
    JOIN chosen c ON c.oid = t.oid
), answer AS (
    SELECT 1 AS place, 'database' AS scope, NULL::text AS schema, s.datname::text AS name, s.blks_hit AS hit, s.blks_read AS read, NULL::text AS of
    FROM pg_catalog.pg_stat_database s
    WHERE s.datname = pg_catalog.current_database() AND $2 IS NULL
    UNION ALL
    SELECT 2, 'all ' || CASE c.scope WHEN 'table' THEN 'tables' WHEN 'index' THEN 'indexes' WHEN 'sequence' THEN 'sequences' ELSE c.scope END,
           NULL, NULL, pg_catalog.sum(c.hit)::int8, pg_catalog.sum(c.read)::int8, NULL
    FROM counted c
    WHERE $2 IS NULL
    GROUP BY c.scope
    UNION ALL
    SELECT 3, c.scope, c.nspname::text, c.relname::text, c.hit, c.read, c.table_name::text
    FROM counted c
)
SELECT a.scope,
       a.schema,
       a.name,
       pg_catalog.round(100.0 * a.hit / nullif(a.hit + a.read, 0), 1)::float8 AS hit_pct,
       a.hit AS hit_blocks,
       a.read AS read_blocks,
       a.of AS "table",
       s.stats_reset AS since
FROM answer a
LEFT JOIN pg_catalog.pg_stat_database s ON s.datname = pg_catalog.current_database()
ORDER BY a.place, CASE WHEN a.place = 3 THEN a.read END DESC NULLS LAST, CASE WHEN a.place = 3 THEN a.hit END DESC NULLS LAST,
         a.scope, a.schema COLLATE "C", a.name COLLATE "C"
