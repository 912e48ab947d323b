-- The attempts of these jobs ($1; NULL: all), the latest $2 of them; $3 only those that did not succeed; $4 with what
-- they printed. Includes what crontabber itself has logged. However long the history is, only about as many rows are read as are
-- shown: every part is written so that one index, and no other, has its rows in the right order.
WITH wanted AS (
    SELECT DISTINCT w.name FROM pg_catalog.unnest($1) AS w (name)
), picked AS (
    (SELECT r.id FROM :"schema".pgkit_run r
     WHERE $1 IS NULL
       AND (NOT $3 OR r.state <> ALL (ARRAY['succeeded', 'running', 'superseded']::text[]))
     ORDER BY r.id DESC
     LIMIT $2)
    UNION ALL
    SELECT ended.id
    FROM wanted
    CROSS JOIN LATERAL (SELECT r.id FROM :"schema".pgkit_run r
                        WHERE r.app_name = wanted.name AND r.logged IS NOT NULL
                          AND (NOT $3 OR r.state <> ALL (ARRAY['succeeded', 'running', 'superseded']::text[]))
                        ORDER BY r.logged DESC
                        LIMIT $2) ended
    UNION ALL
    -- What runs is not logged yet, and what was unlocked or reset never is.
    SELECT open.id
    FROM wanted
    CROSS JOIN LATERAL (SELECT r.id FROM :"schema".pgkit_run r
                        WHERE r.app_name = wanted.name AND r.logged IS NULL
                          AND (NOT $3 OR r.state <> ALL (ARRAY['succeeded', 'running', 'superseded']::text[]))
                        ORDER BY r.id DESC
                        LIMIT $2) open
), own AS (
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
    FROM picked
    -- With LIMIT each is looked up by its id, and the table is not read as a whole.
    CROSS JOIN LATERAL (SELECT run.* FROM :"schema".pgkit_run run WHERE run.id = picked.id LIMIT 1) r
    ORDER BY r.started DESC, r.id DESC
    LIMIT $2
), since AS (
    -- Where there are enough attempts, older rows of the log cannot be among the latest.
    SELECT CASE WHEN pg_catalog.count(*) >= $2 THEN pg_catalog.min(own.started)
                ELSE '-infinity'::timestamptz END AS at
    FROM own
)
SELECT own.* FROM own
UNION ALL
SELECT theirs.app_name, theirs.success, NULL::int4, theirs.log_time - coalesce(theirs.duration, '0'::interval),
       pg_catalog.round(pg_catalog.date_part('epoch'::text, theirs.duration)::numeric, 6),
       CASE WHEN theirs.exc_type IS NULL THEN 'succeeded'::text ELSE 'failed'::text END, NULL::text,
       CASE WHEN theirs.exc_type IS NOT NULL THEN pg_catalog.concat(theirs.exc_type, ': ', theirs.exc_value) END,
       NULL::int8, CASE WHEN $4 THEN theirs.exc_traceback END, theirs.id::int8
FROM (
    -- What pgkit has logged is its attempt's, with the same instant of the same transaction.
    (SELECT latest.*
     FROM (SELECT l.* FROM :"schema".crontabber_log l
           WHERE $1 IS NULL AND (NOT $3 OR l.exc_type IS NOT NULL) AND l.log_time >= (SELECT since.at FROM since)
           ORDER BY l.log_time DESC, l.id DESC
           -- Theirs, those of the attempts, and of at most one attempt of each job that began before them. The results of
           -- a job that were recorded long after it had run are few.
           LIMIT 2 * $2 + (SELECT pg_catalog.count(*) FROM :"schema".pgkit_job) + 100) latest
     WHERE (SELECT true FROM :"schema".pgkit_run r
            WHERE r.app_name = latest.app_name AND r.logged = latest.log_time
            LIMIT 1) IS NULL
     ORDER BY latest.log_time DESC, latest.id DESC
     LIMIT $2)
    UNION ALL
    SELECT of_job.*
    FROM wanted
    CROSS JOIN LATERAL (
        SELECT latest.*
        FROM (SELECT l.* FROM :"schema".crontabber_log l
              -- A range instead of =, and its column in ORDER BY: else the index on the time alone might be used.
              WHERE l.app_name >= wanted.name AND l.app_name <= wanted.name AND (NOT $3 OR l.exc_type IS NOT NULL)
                AND l.log_time >= (SELECT since.at FROM since)
              ORDER BY l.app_name DESC, l.log_time DESC, l.id DESC
              LIMIT 2 * $2 + 100) latest
        WHERE (SELECT true FROM :"schema".pgkit_run r
               WHERE r.app_name = latest.app_name AND r.logged = latest.log_time
               LIMIT 1) IS NULL
        ORDER BY latest.log_time DESC, latest.id DESC
        LIMIT $2) of_job
) theirs
ORDER BY started DESC, id DESC
LIMIT $2
