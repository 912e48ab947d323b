-- How pgkit's own statements run in a transaction, whatever the job has set; $1 how long they wait for a lock, where that is
-- not as for the session. The search path is so for all the session, but for jobs.
SELECT pg_catalog.set_config('search_path', 'pg_catalog', false),
       pg_catalog.set_config(
           CASE WHEN pg_catalog.current_setting('server_version_num')::int4 >= 120000
                THEN 'plan_cache_mode' ELSE 'pgkit.plan' END, 'force_generic_plan', true),
       pg_catalog.set_config('lock_timeout', coalesce($1::text, pg_catalog.current_setting('lock_timeout')), true)
