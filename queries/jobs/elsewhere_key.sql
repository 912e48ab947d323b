-- The key of the lock for a job's SQL in another database: $1 the job's part of it. The other part is the OID of this
-- database, because jobs in several databases may have the same name.
SELECT ($1::int8 # (home.oid::int8 << 32))::text
FROM pg_catalog.pg_database home
WHERE home.datname = pg_catalog.current_database()
