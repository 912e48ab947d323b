-- How often pg_stat_statements had to discard statements.
--
-- since     = 14
-- needs     = "USAGE on the schema of pg_stat_statements"
-- extension = "pg_stat_statements"
-- when      = "pg_catalog.current_setting('pg_stat_statements.max', true) IS NOT NULL AND EXISTS (SELECT FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_class c ON c.relnamespace = e.extnamespace AND c.relname = 'pg_stat_statements_info' WHERE e.extname = 'pg_stat_statements')"
-- key       = []
-- columns   = ["evictions int8 counter", "evictions_per_hour float8", "stats_age_s float8", "max_statements int8"]
-- [[check]]
-- name     = "statements-evicted"
-- value    = "evictions"
-- note     = ["per_hour_evictions > 1", "stats_age_s > 1h and evictions_per_hour > 1"]
-- finding  = "pg_stat_statements keeps {max_statements} statements, and it has discarded old ones {evictions} times since its statistics began {stats_age_s} ago"
-- remedy   = "raise pg_stat_statements.max (restart), set pg_stat_statements.track_utility = off, or have the application use parameters"
-- proof    = "pgkit statements"
-- why      = "Each time, the least used 5 % are discarded, and their counters start again: totals are too small, and rare slow statements are missing."
-- source   = "pg_stat_statements_info.dealloc"
-- ignore   = "An application that generates new statements all the time and cannot be changed."
SELECT i.dealloc AS evictions, i.dealloc::float8 / nullif(a.age, 0) * 3600 AS evictions_per_hour, a.age AS stats_age_s,
       pg_catalog.current_setting('pg_stat_statements.max', true)::int8 AS max_statements
FROM "{extension}".pg_stat_statements_info i
CROSS JOIN LATERAL (SELECT extract(epoch FROM pg_catalog.now() - i.stats_reset)::float8 AS age) AS a
ORDER BY 1
