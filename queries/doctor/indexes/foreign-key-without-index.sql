-- Foreign keys without an index that starts with their referencing columns.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- key     = ["schema", "table", "name"]
-- columns = ["schema text", "table text", "name text", "key text", "parent text", "rows_estimate int8", "parent_changes bool", "is_narrowed bool", "detail text", "remedy text"]
-- [[check]]
-- name     = "foreign-key-without-index"
-- object   = "{schema}.{table}.{name}"
-- value    = "rows_estimate"
-- warning  = "rows_estimate > 10000 and parent_changes and not is_narrowed"
-- note     = "rows_estimate >= 0"
-- finding  = "no index supports the foreign key {name} of {schema}.{table} ({key}) to {parent}{detail}"
-- remedy   = "{remedy}"
-- proof    = "pgkit index-problems --reason 'foreign key' --min-rows 0"
-- why      = "Each DELETE of a referenced row, and each update of its key, scans the whole referencing table while that row is locked."
-- source   = "PostgreSQL's manual, Constraints, Foreign Keys; pg_constraint.conkey, pg_index.indkey"
-- ignore   = "Rows of the referenced table are never deleted, or only when no other session is waiting."
WITH RECURSIVE keys AS (
    -- Foreign keys of partitions are counted with the one of their root. Those that exist only for a referenced partition have the
    -- same referencing table on both levels.
    SELECT c.oid, c.oid AS top, c.conrelid, c.confrelid, c.conkey, c.conpfeqop,
           c.conperiod AS has_period  -- pg18..
           false AS has_period  -- pg..17
    FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace AND n.nspname !~ '^pg_temp_'
    WHERE c.contype = 'f'
      AND c.conparentid = 0  -- pg11..
      AND c.conenforced  -- pg18..
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.conrelid AND e.objsubid = 0
                                                           AND e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.deptype = 'e')
    UNION ALL  -- pg11..
    SELECT c.oid, k.top, c.conrelid, c.confrelid, c.conkey, c.conpfeqop, k.has_period  -- pg11..
    FROM keys k  -- pg11..
    JOIN pg_catalog.pg_constraint c ON c.conparentid = k.oid AND c.contype = 'f' AND c.conrelid <> k.conrelid  -- pg11..
), checked AS (
    SELECT k.oid, k.top, k.conrelid, k.conkey[1 : x.count] AS columns, k.conpfeqop[1 : x.count] AS operators, x.count, t.reltuples, t.relpages
    FROM keys k
    JOIN pg_catalog.pg_class t ON t.oid = k.conrelid AND t.relkind = 'r'
    -- The period at the end of a temporal key is not compared for equality.
    CROSS JOIN LATERAL (SELECT pg_catalog.cardinality(k.conkey) - CASE WHEN k.has_period THEN 1 ELSE 0 END AS count) AS x
    WHERE x.count > 0
), indexed AS (
    -- A GIN index can be searched by any of its columns. A partial index is usable if it leaves out only NULLs of the key.
    SELECT DISTINCT f.oid
    FROM (SELECT c.oid, c.conrelid, c.columns, c.operators, c.count, i.indexrelid, m.amname, i.indpred, y.keys, y.key_array, i.indclass::oid[] AS classes, i.indcollation::oid[] AS collations,
                 CASE
                     WHEN m.amname IN ('btree', 'gist', 'spgist') THEN pg_catalog.arraycontains(y.key_array[1 : c.count], c.columns) AND pg_catalog.arraycontained(y.key_array[1 : c.count], c.columns)
                     WHEN m.amname = 'hash' THEN y.key_array::text = c.columns::text
                     WHEN m.amname = 'gin' THEN pg_catalog.arraycontains(y.key_array, c.columns)
                     ELSE false
                 END AS fits
          FROM checked c
          JOIN pg_catalog.pg_index i ON i.indrelid = c.conrelid AND i.indisvalid AND i.indisready AND i.indislive
          JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
          JOIN pg_catalog.pg_am m ON m.oid = x.relam
          CROSS JOIN LATERAL (SELECT i.indnkeyatts AS keys) AS k  -- pg11..
          CROSS JOIN LATERAL (SELECT i.indnatts AS keys) AS k  -- pg..10
          CROSS JOIN LATERAL (SELECT k.keys, ('{' || pg_catalog.array_to_string((i.indkey::int2[])[0 : k.keys - 1], ',') || '}')::int2[] AS key_array) AS y
          OFFSET 0) AS f
    WHERE f.fits
      AND (f.indpred IS NULL
           OR (f.indpred::text ~ '^(\{BOOLEXPR :boolop and :args \()?(\{NULLTEST :arg \{VAR [^{}]*\} :nulltesttype 1 [^{}]*\} ?)+(\)(?: :location -?[0-9]+)?\})?$'
               AND pg_catalog.arraycontains(f.columns, ARRAY(SELECT m.found[1]::int2 FROM pg_catalog.regexp_matches(f.indpred::text, ':varattno ([0-9]+)', 'g') AS m (found)))))
      AND NOT EXISTS (
          SELECT
          FROM pg_catalog.generate_series(1, f.count) AS n (n)
          CROSS JOIN LATERAL (SELECT pg_catalog.array_position(f.key_array, f.columns[n.n]) - 1 AS at) AS k
          JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.columns[n.n]
          WHERE f.collations[k.at] NOT IN (0, a.attcollation)
             OR NOT EXISTS (
                 -- The operators that an index of that operator class can be searched with, and their commutators.
                 SELECT
                 FROM pg_catalog.pg_opclass q
                 JOIN pg_catalog.pg_amop e ON e.amopfamily = q.opcfamily
                 JOIN pg_catalog.pg_operator o ON o.oid = e.amopopr
                 WHERE q.oid = f.classes[k.at] AND f.operators[n.n] IN (e.amopopr, o.oprcom)))
), lacking AS (
    SELECT c.top, pg_catalog.count(*) AS leaves, pg_catalog.count(*) FILTER (WHERE x.oid IS NULL) AS unserved,
           pg_catalog.sum(CASE WHEN c.reltuples > 0 THEN c.reltuples::int8 WHEN x.oid IS NULL THEN pg_catalog.pg_stat_get_live_tuples(c.conrelid) END)
               FILTER (WHERE x.oid IS NULL)::int8 AS rows
    FROM checked c
    LEFT JOIN indexed x ON x.oid = c.oid
    GROUP BY c.top
    HAVING pg_catalog.bool_or(x.oid IS NULL)
), parents (top, oid) AS (
    SELECT l.top, k.confrelid FROM lacking l JOIN keys k ON k.oid = l.top
    UNION
    SELECT p.top, h.inhrelid FROM parents p JOIN pg_catalog.pg_inherits h ON h.inhparent = p.oid JOIN pg_catalog.pg_class c ON c.oid = h.inhparent AND c.relkind = 'p'
), changes AS (
    -- A HOT update does not change the key. For other updates, the server does not say which columns they change.
    SELECT s.top, pg_catalog.sum(s.deleted) > 0 AS deletes, pg_catalog.sum(s.updated) > 0 AND pg_catalog.sum(s.hot) * 2 < pg_catalog.sum(s.updated) AS updates
    FROM (SELECT p.top, pg_catalog.pg_stat_get_tuples_deleted(p.oid) AS deleted, pg_catalog.pg_stat_get_tuples_updated(p.oid) AS updated, pg_catalog.pg_stat_get_tuples_hot_updated(p.oid) AS hot
          FROM parents p) AS s
    GROUP BY s.top
)
SELECT n.nspname::text AS schema, t.relname::text AS "table", c.conname::text AS name, x.names AS key,
       m.nspname::text || '.' || p.relname::text AS parent,
       l.rows AS rows_estimate, coalesce(g.deletes OR g.updates, false) AS parent_changes,
       y.is_narrowed,
       CASE WHEN l.leaves > 1 THEN ' on ' || l.unserved::text || ' of ' || l.leaves::text || ' partitions' ELSE '' END
       || CASE WHEN y.is_narrowed THEN ', but an index on one of its columns finds few rows' ELSE '' END
       || CASE WHEN g.deletes THEN '; rows of the referenced table are deleted' WHEN g.updates THEN '; rows of the referenced table are updated' ELSE '' END AS detail,
       'CREATE INDEX ' || CASE WHEN t.relkind = 'p' THEN '' ELSE 'CONCURRENTLY ' END || 'ON ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.relname)
       || ' (' || x.idents || ')' AS remedy
FROM lacking l
JOIN pg_catalog.pg_constraint c ON c.oid = l.top
JOIN pg_catalog.pg_class t ON t.oid = c.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
JOIN pg_catalog.pg_class p ON p.oid = c.confrelid
JOIN pg_catalog.pg_namespace m ON m.oid = p.relnamespace
JOIN changes g ON g.top = l.top
CROSS JOIN LATERAL (
    SELECT pg_catalog.string_agg(a.attname::text, ', ' ORDER BY k.n) AS names, pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.n) AS idents
    FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k (attnum, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
) AS x
CROSS JOIN LATERAL (
    -- An index that begins with a column of the key whose values are rarely repeated serves the key as well.
    SELECT l.leaves = 1 AND EXISTS (
        SELECT
        FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = t.relname AND s.attname = a.attname AND NOT s.inherited
        WHERE i.indrelid = c.conrelid AND i.indkey[0] = ANY (c.conkey) AND i.indisvalid AND i.indisready AND i.indislive AND i.indpred IS NULL
          AND (s.n_distinct < -0.01 OR (s.n_distinct > 0 AND l.rows / s.n_distinct < 100))) AS is_narrowed
) AS y
ORDER BY l.rows > 10000 AND coalesce(g.deletes OR g.updates, false) DESC, l.rows DESC, n.nspname, t.relname, c.conname
