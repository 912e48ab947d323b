-- Lets go the statements that a job has prepared, as a text; NULL where there are none.
-- The search path is the role's own here: operators are named in full.
SELECT pg_catalog.string_agg('DEALLOCATE '::text OPERATOR(pg_catalog.||) pg_catalog.quote_ident(name), '; ')
FROM pg_catalog.pg_prepared_statements
WHERE from_sql
