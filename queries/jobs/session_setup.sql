-- Makes a session plan pgkit's own statements only once. Sent at its start and after each job that ran in it.
SELECT pg_catalog.set_config(
    CASE WHEN pg_catalog.current_setting('server_version_num')::int4 >= 120000
         THEN 'plan_cache_mode' ELSE 'pgkit.plan' END, 'force_generic_plan', false)
