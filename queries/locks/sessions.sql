-- What sessions are, and what they do. $1 text[]: their pids. What the role may not see is NULL; times are
-- microseconds since 1970, so that exactly the same time can be passed back.
SELECT a.pid,
       a.usename::text AS "user",
       coalesce(nullif(a.application_name, ''), nullif(a.backend_type, 'client backend')) AS application,
       a.state,
       (extract(epoch FROM a.backend_start) * 1000000)::int8 AS backend_start,
       (extract(epoch FROM a.query_start) * 1000000)::int8 AS query_start,
       pg_catalog.round(extract(epoch FROM greatest(m.now, a.xact_start) - a.xact_start)::numeric, 3)::float8 AS transaction_s,
       nullif(pg_catalog.btrim(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g')), '') AS statement
FROM pg_catalog.pg_stat_activity a
CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
WHERE a.pid::text = ANY ($1)
ORDER BY a.pid
