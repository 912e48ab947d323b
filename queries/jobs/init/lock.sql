-- Lets only one session at a time create the tables of a schema, until the transaction ends: $1 the lock's key.
SELECT pg_catalog.pg_advisory_xact_lock($1)
