), counted AS (
    SELECT w.*, CASE w.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END AS kind,
           CASE w.root_kind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END AS family_kind,
           -- Before 14, 0 rows on 0 pages means that nobody has counted; since then it is -1.
           CASE WHEN w.relkind <> 'p' AND w.reltuples >= 0 AND (w.reltuples > 0 OR w.relpages > 0) THEN w.reltuples::int8 END AS rows_estimate
    FROM weighed w
), answer AS (
    SELECT c.nspname::text AS schema, c.relname::text AS name, c.kind, 1::int8 AS members,
           c.rows_estimate, c.main, c.toast, c.indexes, c.total, c.state
    FROM counted c, lump l
    WHERE NOT (l.by_tree OR l.by_name)
    UNION ALL
    SELECT c.root_schema::text,
           -- A family of one keeps its own name, unless the caller named it.
           CASE WHEN $5 IS NULL AND pg_catalog.count(DISTINCT c.root_name) = 1 THEN pg_catalog.min(c.root_name::text) ELSE c.family END,
           CASE WHEN pg_catalog.count(DISTINCT c.family_kind) = 1 THEN pg_catalog.min(c.family_kind) WHEN pg_catalog.bool_or(c.family_kind = 'partitioned table') THEN 'partitioned table' ELSE 'table' END,
           pg_catalog.count(*) FILTER (WHERE c.relkind <> 'p' AND c.state <> 'gone'),
           pg_catalog.sum(c.rows_estimate)::int8, pg_catalog.sum(c.main)::int8, pg_catalog.sum(c.toast)::int8, pg_catalog.sum(c.indexes)::int8, pg_catalog.sum(c.total)::int8,
           CASE
               WHEN pg_catalog.bool_or(c.state = 'locked') THEN 'locked'
               WHEN pg_catalog.bool_or(c.state = 'unlogged') THEN 'unlogged'
               WHEN pg_catalog.bool_or(c.state = 'estimate') THEN 'estimate'
               WHEN pg_catalog.bool_and(c.state = 'gone') THEN 'gone'
               ELSE ''
           END
    FROM counted c, lump l
    WHERE l.by_tree OR l.by_name
    GROUP BY c.root_schema, c.family
)
SELECT a.schema, a.name, a.kind, a.members, a.rows_estimate,
       a.main AS main_bytes, a.toast AS toast_bytes, a.indexes AS indexes_bytes, a.total AS total_bytes, a.state
FROM answer a
ORDER BY CASE $6 WHEN 'main' THEN a.main WHEN 'toast' THEN a.toast WHEN 'indexes' THEN a.indexes ELSE a.total END DESC NULLS LAST,
         a.schema COLLATE "C", a.name COLLATE "C"
