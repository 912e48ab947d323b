-- Materialized views that were never filled, so that every query on them fails.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["schema", "name"]
-- columns = ["schema text", "name text"]
-- [[check]]
-- name     = "matview-empty"
-- object   = "{schema}.{name}"
-- warning  = "name is not null"
-- finding  = "the materialized view {schema}.{name} is not populated, so every query on it fails"
-- remedy   = "REFRESH MATERIALIZED VIEW {schema:ident}.{name:ident}"
-- why      = "A restore with --no-data, or a REFRESH ... WITH NO DATA, leaves it like this. Queries fail with \"has not been populated\"."
-- source   = "pg_class.relispopulated"
-- ignore   = "It was made WITH NO DATA a moment ago and is filled next."
SELECT n.nspname::text AS schema, c.relname::text AS name
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND NOT c.relispopulated
  -- Whoever fills it now keeps this lock meanwhile.
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_locks l
                  WHERE l.locktype = 'relation' AND l.relation = c.oid AND l.mode = 'AccessExclusiveLock' AND l.granted
                    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
ORDER BY n.nspname, c.relname
