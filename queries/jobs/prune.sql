-- Removes a batch of rows older than their job's keep_history: $1 jobs, $2 ages, $3 how many rows at most. The date below which
-- all counts as done is kept; a date that succeeded before its turn stays, because dates before it are not done.
WITH wanted AS (
    SELECT w.name, pg_catalog.clock_timestamp() - w.age::interval AS before, c.last_success
    FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS w (name, age)
    LEFT JOIN :"schema".crontabber c ON c.app_name = w.name
), old AS (
    SELECT r.id, r.app_name, r.run_date, r.state
    FROM wanted w
    JOIN :"schema".pgkit_run r ON r.app_name = w.name
    WHERE r.state NOT IN ('running', 'held') AND r.started < w.before
      AND (r.state <> 'succeeded' OR r.run_date <= w.last_success)
    LIMIT $3
), runs AS (
    DELETE FROM :"schema".pgkit_run r USING old WHERE r.id = old.id RETURNING 1
), through AS (
    UPDATE :"schema".pgkit_job j
    SET done_through = greatest(j.done_through, o.last)
    FROM (SELECT app_name, pg_catalog.max(run_date) AS last FROM old WHERE state = 'succeeded' GROUP BY 1) o
    WHERE o.app_name = j.app_name
), logs AS (
    DELETE FROM :"schema".crontabber_log l
    WHERE l.id IN (SELECT o.id
                   FROM wanted w JOIN :"schema".crontabber_log o ON o.app_name = w.name
                   WHERE o.log_time < w.before
                   LIMIT $3)
    RETURNING 1
)
SELECT pg_catalog.json_build_object('removed', (SELECT pg_catalog.count(*) FROM runs)
                                               + (SELECT pg_catalog.count(*) FROM logs))
