-- Indexes that another index of the same table makes redundant.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- key     = ["reason", "schema", "name"]
-- columns = ["reason text", "schema text", "table text", "name text", "kept text", "size_bytes int8", "detail text", "remedy text"]
-- [[check]]
-- name     = "index-duplicate"
-- object   = "{schema}.{name}"
-- value    = "size_bytes"
-- only     = "reason = 'duplicate'"
-- warning  = "size_bytes > 10MB"
-- note     = "reason = 'duplicate'"
-- finding  = "the index {schema}.{name} on {table} is the same as {kept}{detail}"
-- remedy   = "{remedy}"
-- proof    = "pgkit index-problems --reason duplicate"
-- why      = "Every write updates both, and both take memory and disk space, although one would be enough."
-- source   = "pg_index: the same columns, operator classes, collations, order, expressions and predicate, and no rule that only this index enforces"
-- ignore   = "An index that was built to replace the other one, if the other one is dropped next."
-- [[check]]
-- name     = "index-redundant"
-- object   = "{schema}.{name}"
-- value    = "size_bytes"
-- only     = "reason = 'redundant'"
-- warning  = "size_bytes > 1GB"
-- note     = "reason = 'redundant'"
-- finding  = "the columns of the index {schema}.{name} on {table} are the first columns of {kept}, which can replace it"
-- remedy   = "{remedy}"
-- proof    = "pgkit index-problems --reason covered"
-- why      = "Every write updates both. A search on the first columns alone can use the longer index almost as well."
-- source   = "PostgreSQL's manual, Multicolumn Indexes"
-- ignore   = "The shorter index is read much more often and stays in memory because it is small. An index of less than a quarter of the longer one's size is not reported."
WITH indexes AS MATERIALIZED (  -- pg12..
WITH indexes AS (  -- pg..11
    SELECT i.indexrelid AS oid, i.indrelid, c.relkind, c.relname, m.amname, n.nspname, t.relname AS table_name,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.relname) AS full_table,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS full_name,
           h.inhparent AS parent, k.keys AS key_count,
           pg_catalog.array_to_string((i.indkey::int2[])[0 : k.keys - 1], ' ') || ' ' AS keys,
           coalesce((SELECT pg_catalog.string_agg(x.n::text, ' ' ORDER BY x.n) FROM pg_catalog.unnest((i.indkey::int2[])[k.keys:]) AS x (n)), '') AS included,
           i.indclass::text || ' ' AS classes, i.indcollation::text || ' ' AS collations, i.indoption::text || ' ' AS options,
           -- The position of an expression in its statement does not matter.
           pg_catalog.regexp_replace(i.indexprs::text, ' :location -?[0-9]+', '', 'g') COLLATE "C" AS expressions,
           coalesce(pg_catalog.regexp_replace(i.indpred::text, ' :location -?[0-9]+', '', 'g'), '') COLLATE "C" AS predicate,
           -- The options of the operator classes, and those of access methods whose options change what an index can do.
           CASE WHEN m.amname IN ('btree', 'hash') THEN '' ELSE pg_catalog.concat_ws(
               ' ',
               CASE WHEN m.amname NOT IN ('gist', 'gin', 'spgist') THEN pg_catalog.array_to_string(c.reloptions, ' ') END,
               (SELECT pg_catalog.string_agg(x.attnum::text || ' ' || o.option, ' ' ORDER BY x.attnum, o.option)
                FROM pg_catalog.pg_attribute x
                CROSS JOIN LATERAL pg_catalog.unnest(x.attoptions) AS o (option)
                WHERE x.attrelid = i.indexrelid AND o.option !~ '^pg_')) END COLLATE "C" AS settings,
           i.indisunique AS is_unique, i.indisprimary AS is_primary, i.indisexclusion AS is_exclusion, i.indimmediate AS is_immediate,
           i.indisclustered AS is_clustered, i.indisreplident AS is_identity,
           i.indnullsnotdistinct AS is_strict,  -- pg15..
           false AS is_strict,  -- pg..14
           s.oid AS con, s.conname, s.conexclop::text AS operators
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace AND n.nspname !~ '^pg_(temp|toast)'
    JOIN pg_catalog.pg_am m ON m.oid = c.relam
    LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.indexrelid
    LEFT JOIN pg_catalog.pg_constraint s ON s.conindid = i.indexrelid AND s.conrelid = i.indrelid AND s.contype IN ('p', 'u', 'x')
    CROSS JOIN LATERAL (SELECT i.indnkeyatts AS keys) AS k  -- pg11..
    CROSS JOIN LATERAL (SELECT i.indnatts AS keys) AS k  -- pg..10
    -- Indexes of tables with two or more indexes that begin with the same column. An array, so that the planner expects few.
    WHERE i.indrelid = ANY (ARRAY(SELECT x.indrelid FROM pg_catalog.pg_index x WHERE x.indisvalid AND x.indrelid >= 16384 GROUP BY x.indrelid, x.indkey[0] HAVING pg_catalog.count(*) > 1))
      AND i.indisvalid AND i.indisready AND i.indislive
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = i.indrelid AND e.objsubid = 0
                                                         AND e.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.deptype = 'e')
), alike AS (
    SELECT i.oid, pg_catalog.count(*) OVER w AS members, pg_catalog.min(i.oid::int8) OVER w AS class
    FROM indexes i
    WINDOW w AS (PARTITION BY i.indrelid, i.amname, i.keys, i.included, i.classes, i.collations, i.options, i.expressions, i.predicate, i.settings)
-- include equal_indexes
    WHERE a.members > 1
), duplicates AS (
    -- A unique index is reported only if the other index enforces at least as much.
    SELECT DISTINCT ON (d.oid) d.oid, d.dependents, k.oid AS kept_oid, k.nspname::text || '.' || k.relname::text AS kept, k.is_unique AND NOT d.is_unique AS by_unique
    FROM ranked d
    JOIN ranked k ON k.class = d.class AND k.place < d.place
    WHERE d.parent IS NULL AND NOT d.is_identity
      AND CASE
            WHEN d.is_exclusion THEN k.is_exclusion AND k.operators = d.operators AND (k.is_immediate OR NOT d.is_immediate)
            WHEN d.is_unique THEN k.is_unique AND NOT k.is_exclusion AND k.is_strict = d.is_strict AND (k.is_immediate OR NOT d.is_immediate)
            ELSE true
          END
    ORDER BY d.oid, k.place
), prefixes AS (
    -- B-trees that begin with all columns of another one.
    SELECT s.oid, l.oid AS kept_oid, l.nspname::text || '.' || l.relname::text AS kept, l.key_count
    FROM indexes s
    JOIN indexes l ON l.indrelid = s.indrelid AND l.oid <> s.oid
    WHERE s.amname = 'btree' AND NOT s.is_unique AND NOT s.is_identity AND NOT s.is_clustered AND s.con IS NULL AND s.parent IS NULL AND s.included = ''
      AND l.amname = 'btree' AND (l.key_count > s.key_count OR (l.key_count = s.key_count AND l.included <> ''))
      AND pg_catalog.starts_with(l.keys, s.keys) AND pg_catalog.starts_with(l.classes, s.classes)  -- pg11..
      AND pg_catalog.starts_with(l.collations, s.collations) AND pg_catalog.starts_with(l.options, s.options)  -- pg11..
      AND pg_catalog.left(l.keys, pg_catalog.length(s.keys)) = s.keys AND pg_catalog.left(l.classes, pg_catalog.length(s.classes)) = s.classes  -- pg..10
      AND pg_catalog.left(l.collations, pg_catalog.length(s.collations)) = s.collations AND pg_catalog.left(l.options, pg_catalog.length(s.options)) = s.options  -- pg..10
      AND l.predicate = s.predicate
      -- The expressions of the shorter index are the first expressions of the longer one.
      AND (s.expressions IS NULL
           OR (pg_catalog.left(l.expressions, pg_catalog.length(s.expressions) - 1) = pg_catalog.left(s.expressions, -1)
               AND pg_catalog.substr(l.expressions, pg_catalog.length(s.expressions), 1) IN (' ', ')')))
      AND s.oid NOT IN (SELECT d.oid FROM duplicates d) AND l.oid NOT IN (SELECT d.oid FROM duplicates d)
), exclusive (oid) AS (
-- include exclusive
), asked (root, oid) AS (
    SELECT x.oid, x.oid FROM (SELECT d.oid FROM duplicates d UNION SELECT p.oid FROM prefixes p UNION SELECT p.kept_oid FROM prefixes p) AS x
), parts (root, oid) AS (
    SELECT a.root, h1.inhrelid FROM asked a JOIN pg_catalog.pg_inherits h1 ON h1.inhparent = a.oid
    UNION ALL
    SELECT a.root, h2.inhrelid FROM asked a JOIN pg_catalog.pg_inherits h1 ON h1.inhparent = a.oid JOIN pg_catalog.pg_inherits h2 ON h2.inhparent = h1.inhrelid
    UNION ALL
    SELECT a.root, h3.inhrelid FROM asked a JOIN pg_catalog.pg_inherits h1 ON h1.inhparent = a.oid JOIN pg_catalog.pg_inherits h2 ON h2.inhparent = h1.inhrelid
    JOIN pg_catalog.pg_inherits h3 ON h3.inhparent = h2.inhrelid
    UNION ALL
    SELECT a.root, a.oid FROM asked a
), weighed AS MATERIALIZED (  -- pg12..
), weighed AS (  -- pg..11
    -- The size of a locked relation is not read, since that would wait for the lock.
    SELECT p.root, greatest(CASE WHEN e.oid IS NULL AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()) THEN pg_catalog.pg_relation_size(c.oid) END,
                            c.relpages::int8 * pg_catalog.current_setting('block_size')::int8) AS size
    FROM (SELECT DISTINCT p.root, p.oid FROM parts p) AS p
    JOIN pg_catalog.pg_class c ON c.oid = p.oid AND c.relkind = 'i'
    LEFT JOIN exclusive e ON e.oid = c.oid
), sizes (root, size) AS (
    SELECT w.root, pg_catalog.sum(w.size)::int8
    FROM weighed w
    GROUP BY w.root
), covered AS (
    -- If several indexes cover it, the longest one is named. A much narrower index is read faster, so it may be intended.
    SELECT DISTINCT ON (p.oid) p.oid, p.kept
    FROM prefixes p
    LEFT JOIN sizes s ON s.root = p.oid
    LEFT JOIN sizes l ON l.root = p.kept_oid
    WHERE (l.size > 4 * s.size) IS NOT true
    ORDER BY p.oid, p.key_count DESC, p.kept_oid
)
SELECT 'duplicate' AS reason, i.nspname::text AS schema, i.table_name::text AS "table", i.relname::text AS name, d.kept, coalesce(s.size, 0) AS size_bytes,
       CASE WHEN d.by_unique THEN ', which is unique' ELSE '' END || coalesce('; needed by ' || d.dependents, '') AS detail,
       CASE
           WHEN d.dependents IS NOT NULL THEN 'make ' || d.dependents || ' use ' || d.kept || ' instead, then drop ' || i.full_name
           WHEN i.con IS NOT NULL THEN 'ALTER TABLE ' || i.full_table || ' DROP CONSTRAINT ' || pg_catalog.quote_ident(i.conname)
           ELSE 'DROP INDEX ' || CASE WHEN i.relkind = 'I' THEN '' ELSE 'CONCURRENTLY ' END || i.full_name
       END AS remedy
FROM duplicates d
JOIN indexes i ON i.oid = d.oid
LEFT JOIN sizes s ON s.root = i.oid
UNION ALL
SELECT 'redundant', i.nspname::text, i.table_name::text, i.relname::text, c.kept, coalesce(s.size, 0), '',
       'DROP INDEX ' || CASE WHEN i.relkind = 'I' THEN '' ELSE 'CONCURRENTLY ' END || i.full_name
FROM covered c
JOIN indexes i ON i.oid = c.oid
LEFT JOIN sizes s ON s.root = i.oid
ORDER BY 1, 6 DESC, 2, 3, 4
