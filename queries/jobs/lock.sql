-- Takes a job's lock if it is free. It belongs to the session, so it ends with it.
SELECT pg_catalog.pg_try_advisory_lock($1::int8)
