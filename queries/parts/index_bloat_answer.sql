)
SELECT s.nspname::text AS schema, s.table_name::text AS "table", s.relname::text AS name, s.total AS total_bytes, f.free AS free_bytes,
       pg_catalog.round(100.0 * f.free / nullif(s.total, 0), 1)::float8 AS free_pct,
       CASE WHEN f.free IS NOT NULL THEN g.method END AS method,
       nullif(pg_catalog.concat_ws('; ',
           CASE WHEN s.is_elsewhere THEN 'unlogged: it has no contents on a standby' WHEN s.is_locked THEN 'locked: its size is that of the last VACUUM or ANALYZE' END,
           CASE WHEN NOT s.is_valid THEN 'invalid' END,
           CASE WHEN NOT s.is_elsewhere THEN g.fault END), '') AS note,
       pg_catalog.round(g.rows)::int8 AS rows_estimate, s.fillfactor
FROM sized s
LEFT JOIN figures g ON g.oid = s.oid
CROSS JOIN LATERAL (
    SELECT CASE WHEN g.pages IS NOT NULL THEN greatest(0, least(s.total, s.total - g.pages * s.block))::int8 END AS free
) AS f
ORDER BY f.free DESC NULLS LAST, s.total DESC NULLS LAST, s.nspname, s.relname
