-- include patterns
), namespaces AS (
    SELECT n.oid, n.nspname, n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_toast' AS of_users
    FROM pg_catalog.pg_namespace n
    WHERE n.nspname !~ '^pg_(temp|toast_temp)_'
), exclusive (oid) AS (
-- include exclusive
), chosen AS (
    SELECT i.indexrelid AS oid, i.indrelid, i.indkey::int2[] AS keys, i.indisunique, i.indisvalid AND i.indisready AND i.indislive AS is_valid,
           c.relname, n.nspname, c.relpages, c.reltuples, t.relname AS table_name, t.relpages AS table_pages, t.reltuples AS table_rows, t.relrowsecurity,
           coalesce((SELECT pg_catalog.split_part(o.option, '=', 2)::int4 FROM pg_catalog.unnest(c.reloptions) AS o (option) WHERE o.option LIKE 'fillfactor=%'), 90) AS fillfactor,
           NOT EXISTS (SELECT FROM pg_catalog.unnest(c.reloptions) AS o (option) WHERE o.option IN ('deduplicate_items=off', 'deduplicate_items=false')) AS may_deduplicate,  -- pg13..
           false AS may_deduplicate,  -- pg..12
           c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery() AS is_elsewhere,
           e.oid IS NOT NULL AS is_locked, x.oid IS NOT NULL AS is_table_locked
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
    JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree'
    JOIN namespaces n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    LEFT JOIN exclusive e ON e.oid = c.oid
    LEFT JOIN exclusive x ON x.oid = t.oid
    WHERE CASE
            -- A pattern that names a schema searches that schema, even a system schema.
            WHEN $2 IS NOT NULL THEN EXISTS (
                SELECT FROM patterns x
                WHERE CASE WHEN x.schema_regex IS NULL THEN n.of_users OR $3 ELSE n.nspname ~ (x.schema_regex COLLATE "default") END
                  AND (c.relname ~ (x.name_regex COLLATE "default") OR t.relname ~ (x.name_regex COLLATE "default")))
            ELSE n.of_users OR $3
          END
), sized AS MATERIALIZED (  -- pg12..
), sized AS (  -- pg..11
    -- The size is NULL where an index went away meanwhile. The size of a locked relation is not asked for, since the answer would wait.
    SELECT c.*, b.block,
           CASE
               WHEN c.is_elsewhere THEN NULL
               WHEN c.is_locked THEN nullif(c.relpages, 0) * b.block
               ELSE pg_catalog.pg_relation_size(c.oid)
           END AS total,
           CASE WHEN c.is_elsewhere THEN NULL WHEN c.is_locked OR c.is_table_locked THEN c.table_pages ELSE pg_catalog.pg_relation_size(c.indrelid) / b.block END AS pages_of_table
    FROM chosen c
    CROSS JOIN (SELECT pg_catalog.current_setting('block_size')::int8 AS block OFFSET 0) AS b
