-- Lets go the statements that a job has prepared, as a text; NULL where there are none.
SELECT pg_catalog.string_agg('DEALLOCATE ' || pg_catalog.quote_ident(name), '; ')
FROM pg_catalog.pg_prepared_statements
WHERE from_sql
