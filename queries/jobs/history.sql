-- The attempts of these jobs ($1; NULL: all), the latest $2 of them; $3 only those that did not succeed; $4 with what
-- they printed. Includes what crontabber itself has logged. However long the history is, this reads little more than the rows
-- that it returns, because for each part of it there is an index that has the rows in the right order.
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
    -- Attempts that are running have not been logged yet; those that were unlocked or reset never are.
    SELECT open.id
    FROM wanted
    CROSS JOIN LATERAL (SELECT r.id FROM :"schema".pgkit_run r
                        WHERE r.app_name = wanted.name AND r.logged IS NULL
                          AND (NOT $3 OR r.state <> ALL (ARRAY['succeeded', 'running', 'superseded']::text[]))
                        ORDER BY r.id DESC
                        LIMIT $2) open
), own AS (
    SELECT
-- include attempt
    FROM picked
    -- LIMIT makes the planner look each attempt up by its id, instead of reading the whole table.
    CROSS JOIN LATERAL (SELECT run.* FROM :"schema".pgkit_run run WHERE run.id = picked.id LIMIT 1) r
    ORDER BY r.started DESC, r.id DESC
    LIMIT $2
), since AS (
    -- If there are enough attempts, rows of the log that are older than all of them are not among the latest.
    SELECT CASE WHEN pg_catalog.count(*) >= $2 THEN pg_catalog.min(own.started)
                ELSE '-infinity'::timestamptz END AS at
    FROM own
)
SELECT own.* FROM own
UNION ALL
SELECT
-- include logged
FROM (
    -- Leaves out rows that pgkit has logged: an attempt that was logged at the same time stands for each of them.
    (SELECT latest.*
     FROM (SELECT l.* FROM :"schema".crontabber_log l
           WHERE $1 IS NULL AND (NOT $3 OR l.exc_type IS NOT NULL) AND l.log_time >= (SELECT since.at FROM since)
           ORDER BY l.log_time DESC, l.id DESC
           -- This is enough for the rows to be returned, for as many that belong to attempts, and for one attempt of each
           -- job that began earlier. It is more than enough unless many results were recorded long after their jobs had run.
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
              -- With a range instead of =, and app_name in ORDER BY, the planner cannot use the index on the time alone.
              WHERE l.app_name >= wanted.name AND l.app_name <= wanted.name AND (NOT $3 OR l.exc_type IS NOT NULL)
                AND l.log_time >= (SELECT since.at FROM since)
              ORDER BY l.app_name DESC, l.log_time DESC, l.id DESC
              LIMIT 2 * $2 + 100) latest
        WHERE (SELECT true FROM :"schema".pgkit_run r
               WHERE r.app_name = latest.app_name AND r.logged = latest.log_time
               LIMIT 1) IS NULL
        ORDER BY latest.log_time DESC, latest.id DESC
        LIMIT $2) of_job
) l
ORDER BY started DESC, id DESC
LIMIT $2
