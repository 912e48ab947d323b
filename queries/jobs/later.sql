-- The relations with these names ($1) in schema $2. For an index, its table and whether it can be used: an interrupted CREATE INDEX
-- CONCURRENTLY leaves an index that cannot.
SELECT c.relname::text AS name, CASE WHEN i.indexrelid IS NOT NULL THEN t.relname::text END AS "table",
       coalesce(i.indisvalid AND i.indisready, true) AS usable
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
WHERE n.nspname = $2 AND c.relname = ANY ($1)
ORDER BY c.relname
