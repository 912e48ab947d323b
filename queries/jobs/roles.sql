-- The role's own values of settings that pgkit changes for its own statements; reset_val is what the session began with.
SELECT (SELECT s.reset_val FROM pg_catalog.pg_settings s WHERE s.name = 'search_path') AS path,
       coalesce(pg_catalog.current_setting('plan_cache_mode', true), '') AS plan
