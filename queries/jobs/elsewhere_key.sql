-- The key of the lock of a job's SQL in another database: $1 the job's part of it. The other part is this database, whose jobs
-- may have the same names as those of another one.
SELECT ($1::int8 # (home.oid::int8 << 32))::text
FROM pg_catalog.pg_database home
WHERE home.datname = pg_catalog.current_database()
