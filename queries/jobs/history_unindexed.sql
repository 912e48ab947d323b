-- What history.sql finds, from tables without the indexes that it needs.
SELECT * FROM (
    SELECT r.app_name AS name, r.run_date, r.attempt, r.started,
           pg_catalog.round(pg_catalog.date_part('epoch'::text,
               coalesce(r.duration, CASE WHEN r.state = 'running'::text AND pg_catalog.isfinite(r.started)
                                         THEN pg_catalog.clock_timestamp() - r.started END))::numeric, 6)
               AS duration_s,
           r.state AS result, r.host,
           CASE WHEN r.error_type IS NULL THEN r.message
                ELSE pg_catalog.concat(r.error_type, ': ', r.message) END AS message,
           r.output_bytes,
           CASE WHEN $4 THEN pg_catalog.concat(r.output_head,
                    CASE WHEN r.output_tail IS NOT NULL
                              AND r.output_bytes > 131072::int8
                         THEN E'\n[…]\n' END, r.output_tail) END AS printed,
           r.id
    FROM :"schema".pgkit_run r
    WHERE ($1 IS NULL OR r.app_name = ANY ($1))
      AND (NOT $3 OR r.state <> ALL (ARRAY['succeeded', 'running', 'superseded']::text[]))
    ORDER BY r.id DESC
    LIMIT $2
) own
UNION ALL
SELECT * FROM (
    SELECT l.app_name, l.success, NULL::int4, l.log_time - coalesce(l.duration, '0'::interval),
           pg_catalog.round(pg_catalog.date_part('epoch'::text, l.duration)::numeric, 6),
           CASE WHEN l.exc_type IS NULL THEN 'succeeded'::text ELSE 'failed'::text END, NULL::text,
           CASE WHEN l.exc_type IS NOT NULL THEN pg_catalog.concat(l.exc_type, ': ', l.exc_value) END,
           NULL::int8, CASE WHEN $4 THEN l.exc_traceback END, l.id::int8
    FROM :"schema".crontabber_log l
    WHERE ($1 IS NULL OR l.app_name = ANY ($1))
      AND (NOT $3 OR l.exc_type IS NOT NULL)
      -- What pgkit has logged is its attempt's, with the same instant of the same transaction.
      AND NOT EXISTS (SELECT FROM :"schema".pgkit_run r
                      WHERE r.app_name = l.app_name
                        AND r.logged = l.log_time)
    ORDER BY l.id DESC
    LIMIT $2
) theirs
ORDER BY started DESC, id DESC
LIMIT $2
