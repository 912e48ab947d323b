-- Sequences, and how far each has come towards the narrowest column that its values reach.
--
-- since   = 10
-- needs   = "CONNECT on the database; SELECT or USAGE on a sequence shows its value"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- source  = "pg_sequence, pg_depend, pg_constraint"
-- example = "pgkit sequences --limit 10"
-- reading = "At 100 % the next insert fails. limit is the end of the sequence, or that of a narrower column that its values reach, which limited_by names. Plan the change to bigint at about 70 %."
-- notes   = "A narrower column is one that the sequence fills, or one with a foreign key to such a column. The change to bigint rewrites the table, which takes long if it is large. A sequence that cycles starts again, but its column may still hold the old values. If a sequence has not been called since it was created or set, its figures are known only from PostgreSQL 18 on, because older servers do not tell its next value."
-- include sequences_figured
)
SELECT f.nspname::text AS schema, f.relname::text AS name, f.table_name::text AS "table", f.attname::text AS "column",
       pg_catalog.format_type(f.seqtypid, NULL) AS type, f.last AS last_value, f.edge::int8 AS "limit",
       CASE WHEN f.reached IS NOT NULL THEN f.used END AS used_pct,
       f.edge_name AS limited_by, f.seqcycle AS cycles, CASE WHEN f.reached IS NOT NULL THEN f.left_over END AS values_left,
       f.seqincrement AS increment, f.said AS state
FROM figured f
-- A sequence that cycles within the range of its column never ends.
ORDER BY f.seqcycle AND f.edge_name IS NULL, CASE WHEN f.reached IS NOT NULL THEN f.used END DESC NULLS LAST, f.nspname, f.relname
