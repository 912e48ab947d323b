-- Tables that have neither a primary key nor a unique index on NOT NULL columns.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["schema", "name"]
-- columns = ["schema text", "name text", "rows_estimate int8"]
-- [[check]]
-- name     = "no-primary-key"
-- object   = "{schema}.{name}"
-- value    = "rows_estimate"
-- warning  = "rows_estimate > 10000"
-- note     = "rows_estimate >= 0"
-- finding  = "{schema}.{name} has no primary key and no unique index on NOT NULL columns"
-- remedy   = "ALTER TABLE {schema:ident}.{name:ident} ADD PRIMARY KEY (...)"
-- proof    = "pgkit no-key {schema:ident}.{name:ident}"
-- why      = "A row cannot be identified: duplicates can be inserted and cannot be removed one by one, and logical replication of UPDATE and DELETE needs all columns."
-- source   = "pg_index"
-- ignore   = "Logs and staging tables that are only filled and emptied."
-- optional = "lint"
WITH keyed AS (
    SELECT DISTINCT i.indrelid
    FROM pg_catalog.pg_index i
    CROSS JOIN LATERAL (SELECT i.indnkeyatts AS keys) AS k  -- pg11..
    CROSS JOIN LATERAL (SELECT i.indnatts AS keys) AS k  -- pg..10
    WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indrelid >= 16384
      AND (i.indisprimary OR NOT EXISTS (
          SELECT
          FROM pg_catalog.unnest((i.indkey::int2[])[0 : k.keys - 1]) AS x (attnum)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = x.attnum
          WHERE NOT a.attnotnull
             OR EXISTS (SELECT FROM pg_catalog.pg_constraint v WHERE v.conrelid = a.attrelid AND v.contype = 'n' AND v.conkey[1] = a.attnum AND NOT v.convalidated)  -- pg18..
          ))
), bare AS (
    SELECT c.oid, c.relname, c.relkind, c.reltuples, n.nspname
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_(temp|toast)'
    LEFT JOIN keyed k ON k.indrelid = c.oid
    LEFT JOIN pg_catalog.pg_depend e ON e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.objsubid = 0
                                     AND e.refclassid = 'pg_catalog.pg_extension'::regclass AND e.deptype = 'e'
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND k.indrelid IS NULL AND e.objid IS NULL
      -- A child of a table with a key is identified by the same key. A partitioned table can have keys only on its partitions.
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h JOIN keyed p ON p.indrelid = h.inhparent WHERE h.inhrelid = c.oid)
)
SELECT b.nspname::text AS schema, b.relname::text AS name,
       CASE WHEN b.reltuples > 0 THEN b.reltuples::int8
            WHEN b.relkind = 'p' THEN coalesce((SELECT pg_catalog.sum(greatest(p.reltuples, pg_catalog.pg_stat_get_live_tuples(p.oid), 0))::int8
                                                FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class p ON p.oid = h.inhrelid WHERE h.inhparent = b.oid), 0)
            ELSE pg_catalog.pg_stat_get_live_tuples(b.oid) END AS rows_estimate
FROM bare b
ORDER BY 3 DESC, b.nspname, b.relname
