-- Frees a job's lock, and whatever locks the job has left; names the statements that it has prepared.
SELECT pg_catalog.array_to_string(
           ARRAY(SELECT pg_catalog.quote_ident(name) FROM pg_catalog.pg_prepared_statements WHERE from_sql), ',')
FROM (SELECT pg_catalog.pg_advisory_unlock_all()) AS done
