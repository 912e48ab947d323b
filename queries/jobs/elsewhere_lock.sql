-- Takes the lock for a job's SQL in this database, which is not the one with the tables: $1 the lock's key. Returns the
-- pid of this session's backend, or NULL if another session holds the lock. The lock is released when the session ends.
SELECT CASE WHEN pg_catalog.pg_try_advisory_lock($1::int8) THEN pg_catalog.pg_backend_pid() END
