-- Jobs of pgkit jobs that fail, are stuck, or are not run by any runner.
--
-- since   = 10
-- needs   = "SELECT on the tables of pgkit jobs"
-- when    = """
--   (SELECT pg_catalog.count(*) = 4
--    FROM pg_catalog.pg_class c
--    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
--    WHERE n.nspname = 'public' AND c.relname IN ('crontabber', 'pgkit_job', 'pgkit_run', 'pgkit_runner') AND c.relkind = 'r' AND NOT c.relrowsecurity
--      AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid::int8 >= 16384))
-- """
-- key     = ["name"]
-- columns = ["name text", "errors int4", "last_error text", "held bool", "ongoing_s float8", "most_s float8", "overdue_s float8", "runners int4"]
-- [[check]]
-- name     = "job-failing"
-- object   = "{name}"
-- value    = "errors"
-- only     = "errors > 0"
-- critical = "errors >= 3"
-- warning  = "errors >= 1"
-- finding  = "job {name} has failed {errors} times in a row: {last_error}"
-- remedy   = "Fix the cause; pgkit jobs run {name:ident} runs it again at once"
-- proof    = "pgkit jobs history"
-- why      = "What the job does has not been done since it began to fail."
-- source   = "crontabber's error_count."
-- ignore   = "A job whose retries are part of its work."
-- [[check]]
-- name     = "job-stuck"
-- object   = "{name}"
-- value    = "ongoing_s"
-- critical = ["held", "ongoing_s > most_s"]
-- finding  = "job {name} has been ongoing for {ongoing_s} and will not end by itself"
-- remedy   = "Check whether its process is still running; then pgkit jobs unlock {name:ident}"
-- proof    = "pgkit jobs status"
-- why      = "Neither this job nor the jobs that depend on it run until somebody decides what to do."
-- source   = "An attempt in the state held, or twice the job's max_ongoing_age without an end."
-- ignore   = "A job that really takes so long: raise its max_ongoing_age."
-- [[check]]
-- name     = "job-runner-missing"
-- object   = "{name}"
-- value    = "overdue_s"
-- critical = "overdue_s > 15min and runners = 0"
-- warning  = "overdue_s > 15min"
-- finding  = "job {name} was due {overdue_s} ago and has not started; runners that are alive: {runners}"
-- remedy   = "Start a runner: systemctl start pgkit-jobs-daemon, or check its log"
-- proof    = "pgkit jobs runners"
-- why      = "Jobs no longer run, and nothing reports it."
-- source   = "The rows of the runners, which are renewed every 10 seconds."
-- ignore   = "A server whose jobs are stopped on purpose: pause them instead."
WITH clock AS (
    SELECT pg_catalog.now() AS now, (SELECT pg_catalog.count(*)::int4
                                     FROM ONLY public.pgkit_runner r
                                     WHERE r.kind <> 'init' AND r.ended IS NULL AND r.seen > pg_catalog.now() - '45 seconds'::interval) AS runners
), jobs AS (
    SELECT c.app_name AS name, c.error_count AS errors, pg_catalog.left(c.last_error::text, 200) AS last_error, c.ongoing, c.next_run,
           extract(epoch FROM j.max_ongoing_age)::float8 AS most,
           EXISTS (SELECT FROM ONLY public.pgkit_run r WHERE r.app_name = c.app_name AND r.claim = c.ongoing AND r.state = 'held') AS held
    FROM ONLY public.crontabber c
    JOIN ONLY public.pgkit_job j ON j.app_name = c.app_name
    WHERE j.paused IS NULL
)
SELECT j.name,
       coalesce(j.errors, 0) AS errors,
       coalesce(j.last_error, '') AS last_error,
       j.held,
       coalesce(extract(epoch FROM k.now - j.ongoing)::float8, 0::float8) AS ongoing_s,
       2 * j.most AS most_s,
       coalesce(CASE WHEN j.ongoing IS NULL THEN extract(epoch FROM k.now - j.next_run)::float8 END, 0::float8) AS overdue_s,
       k.runners
FROM jobs j
CROSS JOIN clock k
ORDER BY j.name COLLATE "C"
