-- The extensions of this database, but plpgsql, which every server has.
SELECT pg_catalog.current_database()::text AS database, e.extname::text AS name, e.extversion AS version
FROM pg_catalog.pg_extension e
WHERE e.extname <> 'plpgsql'
ORDER BY 2
