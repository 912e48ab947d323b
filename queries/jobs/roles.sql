-- What the role has set of what pgkit sets for its own statements: as the session began, since pgkit has set its own path.
SELECT (SELECT s.reset_val FROM pg_catalog.pg_settings s WHERE s.name = 'search_path') AS path,
       coalesce(pg_catalog.current_setting('plan_cache_mode', true), '') AS plan
