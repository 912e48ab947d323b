-- Jobs of pg_cron that fail repeatedly.
--
-- since   = 10
-- needs   = "USAGE on the schema cron, SELECT on its tables"
-- when    = """
--   (SELECT pg_catalog.count(*) = 2
--    FROM pg_catalog.pg_class c
--    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
--    WHERE n.nspname = 'cron' AND c.relname IN ('job', 'job_run_details') AND c.relkind = 'r'
--      AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid::int8 >= 16384))
-- """
-- key     = ["job"]
-- columns = ["job text", "job_id int8", "schedule text", "failures int8", "message text", "state text", "remedy text"]
-- [[check]]
-- name     = "pg-cron-failing"
-- object   = "{job}"
-- value    = "failures"
-- warning  = ["state = 'scheduler'", "failures >= 3"]
-- unseen   = "state = 'hidden'"
-- unseen_because = "row security shows this role only its own pg_cron jobs"
-- finding  = "{message}"
-- remedy   = "{remedy}"
-- why      = "pg_cron records failures only in its own table, so nobody notices them without looking there."
-- source   = "cron.job_run_details"
-- ignore   = "A job that is being repaired; SELECT cron.alter_job(..., active := false) keeps it from running."
WITH recent AS (
    -- Only a plain table with columns of the server's own types is read: anybody could have created a view with this name.
    -- The table is never pruned automatically, and its only index is that of its primary key.
    SELECT r.jobid, r.runid, r.status, r.return_message
    FROM ONLY cron.job_run_details r
    WHERE r.runid > (SELECT pg_catalog.max(x.runid) FROM ONLY cron.job_run_details x) - 100000 AND r.status IN ('succeeded', 'failed')
), ranked AS (
    SELECT r.*, pg_catalog.row_number() OVER (PARTITION BY r.jobid ORDER BY r.runid DESC) AS place,
           pg_catalog.max(CASE WHEN r.status = 'succeeded' THEN r.runid END) OVER (PARTITION BY r.jobid) AS last_success
    FROM recent r
), failing AS (
    SELECT r.jobid, pg_catalog.count(*) AS failures, pg_catalog.max(CASE WHEN r.place = 1 THEN r.return_message END) AS message
    FROM ranked r
    WHERE r.status = 'failed' AND r.runid > coalesce(r.last_success, 0)
    GROUP BY r.jobid
), answer (place, job, job_id, schedule, failures, message, state, remedy) AS (
    SELECT 2, coalesce((pg_catalog.to_jsonb(j) ->> 'jobname'), 'job ' || j.jobid::text), j.jobid, j.schedule, f.failures,
           'the pg_cron job ' || coalesce((pg_catalog.to_jsonb(j) ->> 'jobname'), j.jobid::text) || ' (' || j.schedule || ') has failed ' || f.failures::text || ' times in a row: '
           || coalesce(pg_catalog.rtrim(f.message, E'\n'), '?'), '',
           'SELECT * FROM cron.job_run_details WHERE jobid = ' || j.jobid::text || ' ORDER BY runid DESC LIMIT 10'
    FROM ONLY cron.job j
    JOIN failing f ON f.jobid = j.jobid
    WHERE j.active AND f.failures >= 3
    UNION ALL
    -- Without the library, the jobs are in the table, but nothing runs them.
    SELECT 1, '', NULL, NULL, NULL, 'pg_cron has ' || pg_catalog.count(*)::text || CASE WHEN pg_catalog.count(*) = 1 THEN ' active job' ELSE ' active jobs' END || ', but its scheduler is not running', 'scheduler',
           'add pg_cron to shared_preload_libraries, and restart'
    FROM ONLY cron.job j
    WHERE j.active AND NOT pg_catalog.pg_is_in_recovery()
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.backend_type LIKE 'pg\_cron%' OR a.backend_type = 'background worker' OR (a.backend_type IS NULL AND a.pid <> pg_catalog.pg_backend_pid()))
    HAVING pg_catalog.count(*) > 0
    UNION ALL
    SELECT 3, '', NULL, NULL, NULL, NULL, 'hidden', NULL
    WHERE pg_catalog.row_security_active('cron.job'::regclass)
)
SELECT a.job, a.job_id, a.schedule, a.failures, a.message, a.state, a.remedy
FROM answer a
ORDER BY a.place, a.failures DESC, a.job_id
