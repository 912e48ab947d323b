-- The SQL that deallocates the statements that a job has prepared; NULL if there are none.
SELECT pg_catalog.string_agg('DEALLOCATE ' || pg_catalog.quote_ident(name), '; ')
FROM pg_catalog.pg_prepared_statements
WHERE from_sql
