-- The attempts of these jobs ($1; NULL: all) that ran at or after an instant ($2), including what crontabber itself has logged.
-- Attempts are read by the primary key, a thousand at a time from the newest on, until all of a thousand began before that
-- instant.
WITH RECURSIVE back (low, latest) AS (
    SELECT coalesce(pg_catalog.max(r.id), '0'::int8) + 1, 'infinity'::timestamptz
    FROM :"schema".pgkit_run r
    UNION ALL
    SELECT page.low, page.latest
    FROM back b
    CROSS JOIN LATERAL (SELECT pg_catalog.min(p.id) AS low, pg_catalog.max(p.started) AS latest
                        FROM (SELECT r.id, r.started
                              FROM :"schema".pgkit_run r
                              WHERE r.id < b.low
                              ORDER BY r.id DESC
                              LIMIT 1000) p) page
    WHERE b.latest >= $2::timestamptz AND page.low IS NOT NULL
), own AS (
    SELECT r.*
    FROM :"schema".pgkit_run r
    WHERE r.id >= (SELECT pg_catalog.min(back.low) FROM back)
    UNION
    -- Attempts that began earlier and are still running.
    SELECT r.*
    FROM :"schema".pgkit_run r
    WHERE r.state = ANY (ARRAY['running', 'held']::text[]) AND r.state <> 'succeeded'::text
)
SELECT o.app_name AS name, o.run_date, o.started,
       pg_catalog.date_part('epoch'::text, o.duration) AS duration_s, o.state, o.attempt::int8 AS attempt, o.host,
       CASE WHEN o.error_type IS NULL THEN o.message
            ELSE pg_catalog.concat(o.error_type, ': ', o.message) END AS message
FROM own o
WHERE ($1::text[] IS NULL OR o.app_name = ANY ($1))
  AND (o.started >= $2::timestamptz OR o.state = 'running'::text
       OR o.started + coalesce(o.duration, '0'::interval) >= $2::timestamptz)
UNION ALL
SELECT l.app_name, l.success, l.log_time - coalesce(l.duration, '0'::interval),
       pg_catalog.date_part('epoch'::text, l.duration),
       CASE WHEN l.exc_type IS NULL THEN 'succeeded'::text ELSE 'failed'::text END, NULL::int8, NULL::text,
       CASE WHEN l.exc_type IS NOT NULL THEN pg_catalog.concat(l.exc_type, ': ', l.exc_value) END
FROM :"schema".crontabber_log l
WHERE ($1 IS NULL OR l.app_name = ANY ($1))
  AND l.log_time >= $2::timestamptz
  -- Leaves out rows that pgkit has logged: an attempt that was logged at the same time stands for each of them.
  AND NOT EXISTS (SELECT FROM own o WHERE o.app_name = l.app_name AND o.logged = l.log_time)
ORDER BY started, name, run_date, attempt
