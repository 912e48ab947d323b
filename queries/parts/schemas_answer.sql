)
SELECT n.nspname::text AS schema,
       pg_catalog.pg_get_userbyid(n.nspowner)::text AS owner,
       pg_catalog.count(w.relname) AS relations,
       -- A schema without tables weighs nothing; one whose tables cannot be known has no sum.
       CASE WHEN pg_catalog.count(w.relname) = 0 THEN 0 ELSE pg_catalog.sum(w.main)::int8 END AS main_bytes,
       CASE WHEN pg_catalog.count(w.relname) = 0 THEN 0 ELSE pg_catalog.sum(w.toast)::int8 END AS toast_bytes,
       CASE WHEN pg_catalog.count(w.relname) = 0 THEN 0 ELSE pg_catalog.sum(w.indexes)::int8 END AS indexes_bytes,
       CASE WHEN pg_catalog.count(w.relname) = 0 THEN 0 ELSE pg_catalog.sum(w.total)::int8 END AS total_bytes,
       CASE WHEN pg_catalog.bool_or(w.state = 'locked') THEN 'locked'
            WHEN pg_catalog.bool_or(w.state = 'unlogged') THEN 'unlogged'
            ELSE '' END AS state
FROM namespaces n
LEFT JOIN weighed w ON w.nspname = n.nspname
GROUP BY n.nspname, n.nspowner
ORDER BY total_bytes DESC NULLS LAST, n.nspname::text COLLATE "C"
