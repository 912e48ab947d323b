-- An attempt (r) as the history shows it; with $4, what it printed.
r.app_name AS name, r.run_date, r.attempt, r.started,
pg_catalog.round(pg_catalog.date_part('epoch'::text,
    coalesce(r.duration, CASE WHEN r.state = 'running'::text AND pg_catalog.isfinite(r.started)
                              THEN pg_catalog.clock_timestamp() - r.started END))::numeric, 6) AS duration_s,
r.state AS result, r.host,
CASE WHEN r.error_type IS NULL THEN r.message ELSE pg_catalog.concat(r.error_type, ': ', r.message) END AS message,
r.output_bytes,
CASE WHEN $4::bool THEN pg_catalog.concat(r.output_head,
         CASE WHEN r.output_tail IS NOT NULL AND r.output_bytes > '131072'::int8 THEN E'\n[...]\n' END, r.output_tail)
END AS printed,
r.id
