-- The search path that this session began with: the role's, the database's or the client's own.
SELECT s.reset_val AS path
FROM pg_catalog.pg_settings s
WHERE s.name = 'search_path'
