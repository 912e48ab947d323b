-- How a job's SQL runs: without pgkit's own limits, in the job's time zone ($1).
SELECT pg_catalog.set_config('statement_timeout', '0', true), pg_catalog.set_config('lock_timeout', '0', true),
       pg_catalog.set_config('TimeZone', $1::text, true)
