-- Prepares the session for a job's SQL: without pgkit's own limits, in the job's time zone ($1), with the role's own search
-- path ($3) and way to plan ($4), as the job's role ($5; NULL: the session's own). $2 whether for one transaction only.
SELECT pg_catalog.set_config('statement_timeout', '0', $2::bool), pg_catalog.set_config('lock_timeout', '0', $2),
       pg_catalog.set_config('TimeZone', $1::text, $2), pg_catalog.set_config('search_path', $3::text, $2),
       pg_catalog.set_config(
           CASE WHEN pg_catalog.current_setting('server_version_num')::int4 >= 120000
                THEN 'plan_cache_mode' ELSE 'pgkit.plan' END, $4::text, $2),
       CASE WHEN $5::text IS NOT NULL THEN pg_catalog.set_config('role', $5, $2) END
