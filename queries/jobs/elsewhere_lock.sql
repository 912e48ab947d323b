-- Takes the lock of a job's SQL in this database, which is not the one with the tables: $1 its key. Returns this session's
-- backend, or NULL if another session holds the lock. It belongs to the session, so it ends with it.
SELECT CASE WHEN pg_catalog.pg_try_advisory_lock($1::int8) THEN pg_catalog.pg_backend_pid() END
