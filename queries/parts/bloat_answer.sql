)
SELECT s.nspname::text AS schema, s.relname::text AS name, s.total AS total_bytes, f.free AS free_bytes,
       pg_catalog.round(100.0 * f.free / nullif(s.total, 0), 1)::float8 AS free_pct,
       coalesce(g.dead, s.dead) AS dead_rows,
       CASE WHEN f.free IS NOT NULL THEN g.method END AS method,
       nullif(pg_catalog.concat_ws('; ', 'TOAST of ' || s.toast_of,
           CASE WHEN s.is_elsewhere THEN 'unlogged: it has no contents on a standby' WHEN s.is_locked THEN 'locked: its size is that of the last VACUUM or ANALYZE' END,
           CASE WHEN NOT s.is_elsewhere THEN g.fault END), '') AS note,
       pg_catalog.round(g.rows)::int8 AS rows_estimate, s.fillfactor, s.analyzed
FROM sized s
LEFT JOIN figures g ON g.oid = s.oid
CROSS JOIN LATERAL (
    -- The pages that the live rows would fill, as far as fillfactor lets them. A row may be wider than the rest of a page.
    SELECT CASE WHEN g.used IS NOT NULL THEN
               greatest(0, least(s.total, s.total - g.used / (s.block::float8 * s.fillfactor::float8 / 100::float8 - 24::float8) * s.block::float8))::int8 END AS free
) AS f
WHERE s.relkind <> 't' OR s.total IS DISTINCT FROM 0
ORDER BY f.free DESC NULLS LAST, s.total DESC NULLS LAST, s.nspname, s.relname
