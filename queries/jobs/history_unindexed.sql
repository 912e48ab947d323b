-- Returns what history.sql returns, for tables that lack the indexes that history.sql needs in order to be fast.
SELECT * FROM (
    SELECT
-- include attempt
    FROM :"schema".pgkit_run r
    WHERE ($1 IS NULL OR r.app_name = ANY ($1))
      AND (NOT $3 OR r.state <> ALL (ARRAY['succeeded', 'running', 'superseded']::text[]))
    ORDER BY r.id DESC
    LIMIT $2
) own
UNION ALL
SELECT * FROM (
    SELECT
-- include logged
    FROM :"schema".crontabber_log l
    WHERE ($1 IS NULL OR l.app_name = ANY ($1))
      AND (NOT $3 OR l.exc_type IS NOT NULL)
      -- Leaves out rows that pgkit has logged: an attempt that was logged at the same time stands for each of them.
      AND NOT EXISTS (SELECT FROM :"schema".pgkit_run r
                      WHERE r.app_name = l.app_name
                        AND r.logged = l.log_time)
    ORDER BY l.id DESC
    LIMIT $2
) theirs
ORDER BY started DESC, id DESC
LIMIT $2
