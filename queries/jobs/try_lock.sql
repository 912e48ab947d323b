-- Takes a job's lock if it is free: $1 its number. It ends with the session.
SELECT pg_catalog.pg_try_advisory_lock($1) AS taken
