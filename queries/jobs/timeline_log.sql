-- Returns what timeline.sql returns, if crontabber's tables exist but pgkit's do not: the rows of crontabber's log.
SELECT l.app_name AS name, l.success AS run_date, l.log_time - coalesce(l.duration, '0'::interval) AS started,
       pg_catalog.date_part('epoch'::text, l.duration) AS duration_s,
       CASE WHEN l.exc_type IS NULL THEN 'succeeded'::text ELSE 'failed'::text END AS state, NULL::int8 AS attempt,
       NULL::text AS host,
       CASE WHEN l.exc_type IS NOT NULL THEN pg_catalog.concat(l.exc_type, ': ', l.exc_value) END AS message
FROM :"schema".crontabber_log l
WHERE ($1::text[] IS NULL OR l.app_name = ANY ($1)) AND l.log_time >= $2::timestamptz
ORDER BY started, name, l.id
