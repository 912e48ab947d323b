-- Takes a job's lock if it is free: $1 its key. It is held until the session ends.
SELECT pg_catalog.pg_try_advisory_lock($1) AS taken
