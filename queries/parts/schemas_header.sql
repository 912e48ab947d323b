-- key     = ["schema"]
-- doubt   = "state"
-- wide    = ["owner", "relations"]
-- columns = ["schema text", "owner text", "relations int8", "main_bytes int8", "toast_bytes int8", "indexes_bytes int8", "total_bytes int8", "state text"]
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- help       = "Schemas to show, as in psql: a name with * and ?"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include pg_catalog, information_schema and pg_toast"
WITH namespaces AS (
    SELECT n.oid, n.nspname, n.nspowner
    FROM pg_catalog.pg_namespace n
    WHERE CASE
            WHEN $2 IS NULL THEN $3 OR (n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_toast')
            ELSE EXISTS (SELECT FROM pg_catalog.unnest($2) AS p (regex) WHERE n.nspname ~ (p.regex COLLATE "default"))
          END
      -- A pattern with a dot cannot name a schema.
      AND ($1 IS NULL OR EXISTS (SELECT FROM pg_catalog.unnest($1) AS p (regex) WHERE p.regex IS NULL))
), chosen AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpages, c.reltuples, c.reltoastrelid,
           c.relkind <> 'p' AND c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() AS is_elsewhere,
           c.relkind IN ('r', 'm') AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()) AS has_storage,
           n.nspname AS root_schema, c.relname AS root_name, c.relkind AS root_kind, c.relname::text AS family
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm', 'f')
-- include sizes_locked
