-- What is in shared_buffers: relations of this database, and other databases.
--
-- since   = 10
-- needs   = "pg_monitor, or SELECT on pg_buffercache with EXECUTE on its functions"
-- when    = "(SELECT pg_catalog.bool_and(pg_catalog.has_schema_privilege(p.pronamespace, 'USAGE') AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')) FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_proc p ON p.pronamespace = e.extnamespace JOIN pg_catalog.pg_class c ON c.relnamespace = e.extnamespace WHERE e.extname = 'pg_buffercache' AND p.proname IN ('pg_buffercache_pages', 'pg_buffercache_summary', 'pg_buffercache_usage_counts') AND c.relname = 'pg_buffercache')"
-- source  = "pg_buffercache, pg_buffercache_summary and pg_buffercache_usage_counts (from 1.4)"
-- scope   = "database"
-- example = "pgkit buffers --limit 20"
-- include buffers_header
-- [[cost]]
-- when   = """(SELECT s.setting::int8 > 131072 FROM pg_catalog.pg_settings s WHERE s.name = 'shared_buffers')"""
-- unless = "summary"
-- says   = "this reads the header of every buffer, about a second for each 10 GB of shared_buffers; do not --watch it"
-- include patterns
), pages AS MATERIALIZED (  -- pg12..
), pages AS (  -- pg..11
    SELECT b.reldatabase, b.reltablespace, b.relfilenode, b.usagecount::int4 AS usage, pg_catalog.count(*) AS buffers,
           pg_catalog.count(*) FILTER (WHERE b.relforknumber = 0) AS main, pg_catalog.count(*) FILTER (WHERE b.isdirty) AS dirty
    FROM "{extension}".pg_buffercache b
    WHERE b.relfilenode IS NOT NULL
      AND NOT $4  -- ext1.4..
    GROUP BY b.reldatabase, b.reltablespace, b.relfilenode, b.usagecount
), usages AS (
    SELECT p.usage, pg_catalog.sum(p.buffers) AS buffers, pg_catalog.sum(p.dirty) AS dirty
    FROM pages p
    GROUP BY p.usage
    UNION ALL  -- ext1.4..
    SELECT u.usage_count, u.buffers, u.dirty  -- ext1.4..
    FROM "{extension}".pg_buffercache_usage_counts() u  -- ext1.4..
    -- Buffers that nobody used lately may still hold a page, which these counts do not tell.  -- ext1.4..
    WHERE $4 AND u.usage_count > 0  -- ext1.4..
    UNION ALL  -- ext1.4..
    SELECT 0, u.buffers - s.buffers_unused, u.dirty  -- ext1.4..
    FROM "{extension}".pg_buffercache_usage_counts() u  -- ext1.4..
    CROSS JOIN "{extension}".pg_buffercache_summary() s  -- ext1.4..
    WHERE $4 AND u.usage_count = 0 AND u.buffers > s.buffers_unused  -- ext1.4..
), files AS (
    SELECT p.reldatabase, p.reltablespace, p.relfilenode, pg_catalog.sum(p.buffers) AS buffers, pg_catalog.sum(p.main) AS main,
           pg_catalog.sum(p.dirty) AS dirty, pg_catalog.sum(p.buffers * p.usage) AS usage
    FROM pages p
    GROUP BY p.reldatabase, p.reltablespace, p.relfilenode
), here AS (
    SELECT d.oid, d.dattablespace FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
-- include namespaces
), placed AS (
    -- Shared catalogs stand in no database.
    SELECT c.oid, c.relname, c.relkind, c.relpages, c.relnamespace, coalesce(nullif(c.reltablespace, 0), h.dattablespace) AS tablespace,
           CASE WHEN c.relisshared THEN 0 ELSE h.oid END AS database,
           coalesce(nullif(c.relfilenode, 0), pg_catalog.pg_relation_filenode(c.oid)) AS node
    FROM pg_catalog.pg_class c
    CROSS JOIN here h
    WHERE c.relkind IN ('r', 'm', 'i', 't', 'S') AND c.relpersistence <> 't'
), found AS (
    SELECT f.reldatabase, f.buffers, f.main, f.dirty, f.usage, p.oid, p.relname, p.relkind, p.relpages, p.relnamespace
    FROM files f
    LEFT JOIN placed p ON p.node = f.relfilenode AND p.tablespace = f.reltablespace AND p.database = f.reldatabase
), owned AS (
    -- A TOAST table and its index count under the table that they belong to.
    SELECT f.*, i.indrelid, coalesce(o.oid, t.oid, f.oid) AS owner, coalesce(o.oid, t.oid) IS NOT NULL AS is_toast
    FROM found f
    LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = f.oid
    LEFT JOIN pg_catalog.pg_class o ON o.reltoastrelid = f.oid AND f.relkind = 't'
    LEFT JOIN pg_catalog.pg_class t ON t.reltoastrelid = i.indrelid
), relations AS (
    SELECT n.nspname, n.of_users, c.relname, x.relname AS table_name,
           CASE WHEN o.is_toast THEN 'TOAST' WHEN c.relkind = 'm' THEN 'materialized view' WHEN c.relkind = 'i' THEN 'index'
                WHEN c.relkind = 'S' THEN 'sequence' ELSE 'table' END AS kind,
           pg_catalog.sum(o.buffers) AS buffers, pg_catalog.sum(o.main) AS main, pg_catalog.sum(o.dirty) AS dirty, pg_catalog.sum(o.usage) AS usage,
           pg_catalog.sum(o.relpages) AS pages
    FROM owned o
    JOIN pg_catalog.pg_class c ON c.oid = o.owner
    JOIN namespaces n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_class x ON x.oid = o.indrelid AND NOT o.is_toast
    GROUP BY n.nspname, n.of_users, c.relname, x.relname, c.relkind, o.is_toast
), answer AS (
    SELECT 1 AS place, 'shared_buffers' AS scope, NULL::text AS schema, NULL::text AS name, NULL::text AS kind, NULL::text AS table_name,
           coalesce(pg_catalog.sum(u.buffers), 0) AS buffers, NULL::numeric AS main, NULL::numeric AS pages,
           coalesce(pg_catalog.sum(u.dirty), 0) AS dirty, pg_catalog.sum(u.buffers * u.usage) AS usage
    FROM usages u
    HAVING $2 IS NULL
    UNION ALL
    SELECT 2, 'usage count', NULL, u.usage::text, NULL, NULL, u.buffers, NULL, NULL, u.dirty, u.buffers * u.usage
    FROM usages u
    WHERE $4
    UNION ALL
    SELECT 3, CASE WHEN f.reldatabase = 0 THEN 'shared catalogs' ELSE 'database' END, NULL,
           CASE WHEN f.reldatabase <> 0 THEN coalesce(d.datname::text, f.reldatabase::text) END, NULL, NULL,
           pg_catalog.sum(f.buffers), NULL, NULL, pg_catalog.sum(f.dirty), pg_catalog.sum(f.usage)
    FROM files f
    LEFT JOIN pg_catalog.pg_database d ON d.oid = f.reldatabase
    WHERE $2 IS NULL AND NOT $4
    GROUP BY f.reldatabase, d.datname
    UNION ALL
    SELECT 4, 'relation', r.nspname::text, r.relname::text, r.kind, r.table_name::text, r.buffers, r.main, r.pages, r.dirty, r.usage
    FROM relations r
    WHERE NOT $4
      AND CASE
            WHEN $2 IS NULL THEN r.of_users OR $3
            -- A pattern that names a schema searches that schema, even a system schema.
            ELSE EXISTS (
                SELECT FROM patterns p
                WHERE ((p.schema_regex IS NULL AND (r.of_users OR $3)) OR r.nspname ~ (p.schema_regex COLLATE "default"))
                  AND (r.relname ~ (p.name_regex COLLATE "default") OR r.table_name ~ (p.name_regex COLLATE "default")))
          END
)
SELECT a.scope,
       a.schema,
       a.name,
       a.kind,
       v.buffers * b.size AS cached_bytes,
       pg_catalog.round((100::float8 * v.buffers::float8 / b.total)::numeric, 1)::float8 AS share_pct,
       CASE WHEN v.pages > 0::float8 THEN least(pg_catalog.round((100::float8 * v.main / v.pages)::numeric, 1)::float8, 100::float8) END AS cached_pct,
       v.dirty * b.size AS dirty_bytes,
       CASE WHEN v.buffers > 0 THEN pg_catalog.round((v.usage / v.buffers::float8)::numeric, 2)::float8 END AS usage_avg,
       a.table_name AS "table"
FROM answer a
CROSS JOIN LATERAL (SELECT a.buffers::int8 AS buffers, a.main::float8 AS main, a.pages::float8 AS pages, a.dirty::int8 AS dirty, a.usage::float8 AS usage OFFSET 0) AS v
CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8 AS size, s.setting::float8 AS total
            FROM pg_catalog.pg_settings s WHERE s.name = 'shared_buffers' OFFSET 0) AS b
ORDER BY a.place, CASE WHEN a.place = 2 THEN a.name END COLLATE "C", v.buffers DESC, a.scope, a.schema COLLATE "C", a.name COLLATE "C", a.kind
