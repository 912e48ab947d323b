-- The schemas of a search path ($1: its names, in order) as current_schemas(true) would give them: those that exist and that
-- the role may use, each once, behind the schemas that are searched first without being named.
WITH named (name, position) AS (
    SELECT CASE e.name WHEN '$user' THEN CURRENT_USER::text
                       WHEN 'pg_temp' THEN (SELECT n.nspname::text FROM pg_catalog.pg_namespace n
                                            WHERE n.oid = pg_catalog.pg_my_temp_schema())
                       ELSE e.name END,
           e.position
    FROM pg_catalog.unnest($1) WITH ORDINALITY AS e (name, position)
), whole (name, position) AS (
    SELECT * FROM named
    UNION ALL
    SELECT 'pg_catalog', 0 WHERE NOT EXISTS (SELECT FROM named WHERE name = 'pg_catalog')
    UNION ALL
    SELECT n.nspname::text, -1
    FROM pg_catalog.pg_namespace n
    WHERE n.oid = pg_catalog.pg_my_temp_schema() AND NOT EXISTS (SELECT FROM named WHERE name = n.nspname)
)
SELECT n.nspname::text AS schema, pg_catalog.min(w.position) > 0 AS named
FROM whole w
JOIN pg_catalog.pg_namespace n ON n.nspname = w.name
WHERE n.oid = pg_catalog.pg_my_temp_schema() OR pg_catalog.has_schema_privilege(n.oid, 'USAGE')
GROUP BY n.nspname
ORDER BY pg_catalog.min(w.position)
