-- Who serves us, and what the role has set of what pgkit sets for its own statements.
SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('search_path'),
       coalesce(pg_catalog.current_setting('plan_cache_mode', true), '')
