-- Names of the maximum length, which the server may have truncated.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["kind", "object"]
-- columns = ["kind text", "object text"]
-- [[check]]
-- name     = "name-truncated"
-- object   = "{object}"
-- note     = "object is not null"
-- finding  = "the name of the {kind} {object} has 63 bytes, so it may have been truncated"
-- remedy   = "give it a shorter name: ALTER ... RENAME TO ..."
-- why      = "The server truncates longer names with only a NOTICE. Two long names can become the same, and scripts that look for the full name do not find it."
-- source   = "NAMEDATALEN in pg_config_manual.h; bytes count, not characters"
-- ignore   = "A name that was meant to have 63 bytes."
-- optional = "lint"
WITH namespaces AS (
    SELECT n.oid, n.nspname::text AS nspname
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(temp|toast)'
), found (place, kind, object) AS (
    SELECT 1, 'schema', n.nspname FROM namespaces n WHERE pg_catalog.octet_length(n.nspname) = 63
    UNION ALL
    SELECT 2, CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' ELSE 'index' END,
           n.nspname || '.' || c.relname::text
    FROM pg_catalog.pg_class c
    JOIN namespaces n ON n.oid = c.relnamespace
    -- Names that the server generates are shortened in a way that no two are the same.
    WHERE pg_catalog.octet_length(c.relname::text) = 63 AND NOT (c.relkind IN ('i', 'I', 'S') AND c.relname ~ '_(pkey|key|idx|excl|seq)[0-9]*$')
    UNION ALL
    SELECT 3, 'column', n.nspname || '.' || c.relname::text || '.' || a.attname::text
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND NOT c.relispartition
    JOIN namespaces n ON n.oid = c.relnamespace
    WHERE pg_catalog.octet_length(a.attname::text) = 63 AND a.attnum > 0 AND NOT a.attisdropped AND a.attinhcount = 0
    UNION ALL
    -- The constraint of an index has the same name as the index.
    SELECT 4, 'constraint', n.nspname || '.' || c.relname::text || '.' || s.conname::text
    FROM pg_catalog.pg_constraint s
    JOIN pg_catalog.pg_class c ON c.oid = s.conrelid
    JOIN namespaces n ON n.oid = c.relnamespace
    WHERE pg_catalog.octet_length(s.conname::text) = 63 AND s.contype NOT IN ('p', 'u', 'x') AND s.conname !~ '_(fkey|check|not_null)[0-9]*$'
      AND s.conparentid = 0  -- pg11..
    UNION ALL
    SELECT 5, 'function', n.nspname || '.' || f.proname::text || '(' || pg_catalog.pg_get_function_identity_arguments(f.oid) || ')'
    FROM pg_catalog.pg_proc f
    JOIN namespaces n ON n.oid = f.pronamespace
    WHERE pg_catalog.octet_length(f.proname::text) = 63
    UNION ALL
    SELECT 6, 'trigger', n.nspname || '.' || c.relname::text || '.' || t.tgname::text
    FROM pg_catalog.pg_trigger t
    JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
    JOIN namespaces n ON n.oid = c.relnamespace
    WHERE pg_catalog.octet_length(t.tgname::text) = 63 AND NOT t.tgisinternal
    UNION ALL
    SELECT 7, CASE WHEN y.typtype = 'd' THEN 'domain' ELSE 'type' END, n.nspname || '.' || y.typname::text
    FROM pg_catalog.pg_type y
    JOIN namespaces n ON n.oid = y.typnamespace
    WHERE pg_catalog.octet_length(y.typname::text) = 63 AND y.typtype IN ('d', 'e', 'r')
)
SELECT f.kind, f.object
FROM found f
ORDER BY f.place, f.object COLLATE "C", f.kind
