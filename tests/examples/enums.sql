-- Enum types with their labels.
--
-- since   = 10
-- columns = ["schema text", "name text", "labels text[]"]
-- [[param]]
-- name = "label"
-- type = "text"
-- help = "Only those with this label"
SELECT n.nspname::text AS schema, t.typname::text AS name,
       pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder) AS labels
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_enum e ON e.enumtypid = t.oid
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
GROUP BY 1, 2
HAVING $1 IS NULL OR $1 = ANY (pg_catalog.array_agg(e.enumlabel::text))
ORDER BY 1, 2
