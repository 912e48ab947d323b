-- How a job's SQL runs: without pgkit's own limits, in the job's time zone ($1) and the role's own search path ($3); $2 whether
-- for one transaction.
SELECT pg_catalog.set_config('statement_timeout', '0', $2::bool), pg_catalog.set_config('lock_timeout', '0', $2),
       pg_catalog.set_config('TimeZone', $1::text, $2), pg_catalog.set_config('search_path', $3::text, $2)
