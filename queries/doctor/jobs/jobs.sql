-- Jobs of pgkit jobs that fail, are stuck, or are not run by any runner.
--
-- since   = 10
-- needs   = "SELECT on the tables of pgkit jobs"
-- when    = """
--   EXISTS (SELECT pg_catalog.min(c.oid)
--           FROM pg_catalog.pg_class c
--           WHERE c.relname IN ('crontabber', 'pgkit_job', 'pgkit_run', 'pgkit_runner') AND c.relkind = 'r'
--           GROUP BY c.relnamespace
--           HAVING pg_catalog.count(*) = 4)
-- """
-- key     = ["schema", "name"]
-- columns = ["schema text", "name text", "errors int4", "last_error text", "held bool", "ongoing_s float8", "most_s float8", "overdue_s float8", "runners int4"]
-- [[check]]
-- name     = "job-failing"
-- object   = "{schema}.{name}"
-- value    = "errors"
-- only     = "errors > 0"
-- critical = "errors >= 3"
-- warning  = "errors >= 1"
-- finding  = "job {name} has failed {errors} times in a row: {last_error}"
-- remedy   = "Fix the cause; pgkit jobs run --schema {schema:ident} {name:ident} runs it again at once"
-- proof    = "pgkit jobs history --schema {schema}"
-- why      = "What the job does has not been done since it began to fail."
-- source   = "crontabber's error_count."
-- ignore   = "A job whose retries are part of its work."
-- [[check]]
-- name     = "job-stuck"
-- object   = "{schema}.{name}"
-- value    = "ongoing_s"
-- critical = ["held", "ongoing_s > most_s"]
-- finding  = "job {name} has been ongoing for {ongoing_s} and will not end by itself"
-- remedy   = "Check whether its process is still running; then pgkit jobs unlock --schema {schema:ident} {name:ident}"
-- proof    = "pgkit jobs status --schema {schema}"
-- why      = "Neither this job nor the jobs that depend on it run until somebody decides what to do."
-- source   = "An attempt in the state held, or twice the job's max_ongoing_age without an end."
-- ignore   = "A job that really takes so long: raise its max_ongoing_age."
-- [[check]]
-- name     = "job-runner-missing"
-- object   = "{schema}.{name}"
-- value    = "overdue_s"
-- critical = "overdue_s > 15min and runners = 0"
-- warning  = "overdue_s > 15min"
-- finding  = "job {name} was due {overdue_s} ago and has not started; runners that are alive: {runners}"
-- remedy   = "Start a runner: systemctl start pgkit-jobs-daemon, or check its log"
-- proof    = "pgkit jobs runners --schema {schema}"
-- why      = "Jobs no longer run, and nothing reports it."
-- source   = "The rows of the runners, which are renewed every 10 seconds."
-- ignore   = "A server whose jobs are stopped on purpose: pause them instead."
WITH places AS (
    -- Tables with types that somebody has created are left out, because reading them can call a function of that role.
    SELECT n.nspname
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname IN ('crontabber', 'pgkit_job', 'pgkit_run', 'pgkit_runner') AND c.relkind = 'r' AND NOT c.relrowsecurity
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.atttypid::int8 >= 16384)
    GROUP BY n.nspname
    HAVING pg_catalog.count(*) = 4
), read AS (
    -- query_to_xml is the only function that can run a statement inside another one. In hexadecimal digits, no text needs an escape in XML.
    SELECT p.nspname,
           pg_catalog.substring(pg_catalog.query_to_xml(pg_catalog.format($statement$
               SELECT pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_agg(x)::text, pg_catalog.getdatabaseencoding()), 'hex') AS jobs
               FROM (SELECT c.app_name AS name,
                            coalesce(c.error_count, 0) AS errors,
                            coalesce(pg_catalog.left(c.last_error::text, 200), '') AS last_error,
                            EXISTS (SELECT FROM ONLY %1$I.pgkit_run r WHERE r.app_name = c.app_name AND r.claim = c.ongoing AND r.state = 'held') AS held,
                            coalesce(extract(epoch FROM pg_catalog.now() - c.ongoing)::float8, 0) AS ongoing_s,
                            2 * extract(epoch FROM j.max_ongoing_age)::float8 AS most_s,
                            coalesce(CASE WHEN c.ongoing IS NULL THEN extract(epoch FROM pg_catalog.now() - c.next_run)::float8 END, 0) AS overdue_s,
                            (SELECT pg_catalog.count(*)
                             FROM ONLY %1$I.pgkit_runner r
                             WHERE r.kind <> 'init' AND r.ended IS NULL AND r.seen > pg_catalog.now() - '45 seconds'::interval) AS runners
                     FROM ONLY %1$I.crontabber c
                     JOIN ONLY %1$I.pgkit_job j ON j.app_name = c.app_name
                     WHERE j.paused IS NULL) AS x
               $statement$, p.nspname), true, false, '')::text, '<jobs>([0-9a-f]*)</jobs>') AS jobs
    FROM places p
)
SELECT r.nspname::text AS schema, j.name, j.errors, j.last_error, j.held, j.ongoing_s, j.most_s, j.overdue_s, j.runners
FROM read r
CROSS JOIN LATERAL pg_catalog.json_to_recordset(
    pg_catalog.convert_from(pg_catalog.decode(r.jobs, 'hex'), pg_catalog.getdatabaseencoding())::json
) AS j (name text, errors int4, last_error text, held bool, ongoing_s float8, most_s float8, overdue_s float8, runners int4)
ORDER BY r.nspname, j.name COLLATE "C"
