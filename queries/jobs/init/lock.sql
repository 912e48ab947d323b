-- One at a time makes the tables of a schema: $1 its number. Until the transaction ends.
SELECT pg_catalog.pg_advisory_xact_lock($1)
