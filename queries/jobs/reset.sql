-- Resets a job as if it had never run, and keeps its history: $1 job.
WITH superseded AS (
    UPDATE :"schema".pgkit_run SET state = CASE WHEN state = 'succeeded' THEN 'superseded' ELSE 'interrupted' END
    WHERE app_name = $1 AND state IN ('succeeded', 'running', 'held')
), seen AS (
    UPDATE :"schema".pgkit_job SET done_through = NULL, first_seen = pg_catalog.clock_timestamp() WHERE app_name = $1
), gone AS (
    DELETE FROM :"schema".crontabber WHERE app_name = $1 RETURNING 1
)
SELECT pg_catalog.json_build_object('had_row', pg_catalog.count(*) > 0) FROM gone
