-- Takes a job's lock if it is free, and records for this transaction whether it was. It belongs to the session, so it ends with
-- it.
SELECT pg_catalog.set_config('pgkit.lock', pg_catalog.pg_try_advisory_lock($1::int8)::text, true)::bool
