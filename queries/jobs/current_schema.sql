-- Where the role makes its tables.
-- The search path is the role's own here.
SELECT pg_catalog.current_schema()::text AS schema
