-- A row of crontabber's log (l) as the history shows it; with $4, its traceback.
l.app_name AS name, l.success AS run_date, NULL::int4 AS attempt,
l.log_time - coalesce(l.duration, '0'::interval) AS started,
pg_catalog.round(pg_catalog.date_part('epoch'::text, l.duration)::numeric, 6) AS duration_s,
CASE WHEN l.exc_type IS NULL THEN 'succeeded'::text ELSE 'failed'::text END AS result, NULL::text AS host,
CASE WHEN l.exc_type IS NOT NULL THEN pg_catalog.concat(l.exc_type, ': ', l.exc_value) END AS message,
NULL::int8 AS output_bytes, CASE WHEN $4::bool THEN l.exc_traceback END AS printed, l.id::int8 AS id
