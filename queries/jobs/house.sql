-- How pgkit's own statements are planned in a session: once. Sent at its begin and whenever a job has run in it.
SELECT pg_catalog.set_config(
    CASE WHEN pg_catalog.current_setting('server_version_num')::int4 >= 120000
         THEN 'plan_cache_mode' ELSE 'pgkit.plan' END, 'force_generic_plan', false)
