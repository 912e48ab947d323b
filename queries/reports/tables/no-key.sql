-- Tables without a key, and published ones whose rows UPDATE and DELETE cannot name.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- source  = "pg_index, pg_publication; CheckCmdReplicaIdentity in PostgreSQL's execReplication.c"
-- example = "pgkit no-key --limit 10"
-- reading = "A table is here if it has no primary key and no unique index over NOT NULL columns, or if it is published so that UPDATE or DELETE fails, as fails says. Give it a primary key."
-- notes   = "UPDATE or DELETE fails on a published table that has no replica identity, or whose row filter or column list needs other columns than its replica identity has. Instead of a primary key, ALTER TABLE ... REPLICA IDENTITY USING INDEX takes the index that is shown in key; REPLICA IDENTITY FULL needs no index, but is slow on large tables. Partitions are counted in members of their partitioned table."
-- key     = ["schema", "name"]
-- doubt   = "state"
-- columns = ["schema text", "name text", "rows_estimate int8", "total_bytes int8", "replica_identity text", "publication text", "fails text", "key text", "members int8", "state text"]
-- wide    = ["members", "key", "replica_identity", "publication"]
-- usual   = { schema = "public", members = "1", replica_identity = "default" }
-- [[param]]
-- name       = "pattern"
-- type       = "pattern[]"
-- positional = true
-- help       = "Tables to show, as in psql: name, schema.name, with * and ?"
-- [[param]]
-- name = "published"
-- type = "bool"
-- help = "Show only tables that a publication contains"
-- [[param]]
-- name = "system"
-- type = "bool"
-- help = "Include system catalogs, and tables that belong to an extension"
-- include patterns
), tables AS (
    SELECT c.oid, c.relkind, c.relname, c.relpages, c.reltuples, c.reltoastrelid, c.relreplident, c.relpersistence, n.oid AS nspoid, n.nspname,
           n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_toast' AND e.objid IS NULL AS of_users,
           c.relpersistence = 'p' AND n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AS can_be_published,
           c.oid IN (SELECT h.inhrelid FROM pg_catalog.pg_inherits h) AS has_parent, c.oid IN (SELECT h.inhparent FROM pg_catalog.pg_inherits h) AS has_children
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_depend e ON e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.objsubid = 0
                                     AND e.refclassid = 'pg_catalog.pg_extension'::regclass AND e.deptype = 'e'
    WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_temp_'
), lines (oid, ancestor) AS (
    -- Every table with itself and all that stand above it as partitioned tables or parents.
    SELECT t.oid, t.oid FROM tables t
    UNION
    SELECT l.oid, h.inhparent
    FROM lines l
    JOIN pg_catalog.pg_inherits h ON h.inhrelid = l.ancestor
), keys AS (
    SELECT i.indrelid, i.indexrelid, i.indisprimary, i.indisreplident, c.relname
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    CROSS JOIN LATERAL (SELECT i.indnkeyatts AS keys) AS k  -- pg11..
    CROSS JOIN LATERAL (SELECT i.indnatts AS keys) AS k  -- pg..10
    WHERE i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (
          SELECT
          FROM pg_catalog.unnest((i.indkey::int2[])[0 : k.keys - 1]) AS x (attnum)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = x.attnum
          WHERE NOT a.attnotnull
             OR EXISTS (SELECT FROM pg_catalog.pg_constraint v WHERE v.conrelid = a.attrelid AND v.contype = 'n' AND v.conkey[1] = a.attnum AND NOT v.convalidated)  -- pg18..
      )
), keyed AS (
    SELECT DISTINCT ON (k.indrelid) k.indrelid, pg_catalog.bool_or(k.indisprimary) OVER (PARTITION BY k.indrelid) AS has_primary, k.relname::text AS key
    FROM keys k
    ORDER BY k.indrelid, k.indisprimary DESC, k.indexrelid
), identities AS (
    SELECT i.indrelid, pg_catalog.min(c.relname::text COLLATE "C") AS name
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    WHERE i.indisreplident AND i.indisvalid
    GROUP BY i.indrelid
), families AS (
    -- The topmost partitioned table above each, and whether a table above it has a key.
    SELECT l.oid, pg_catalog.max(CASE WHEN t.relkind = 'p' AND NOT t.has_parent THEN t.oid::int8 END)::oid AS root,
           pg_catalog.bool_or(l.ancestor <> l.oid AND k.indrelid IS NOT NULL) AS is_keyed_above
    FROM lines l
    JOIN tables t ON t.oid = l.ancestor
    LEFT JOIN keyed k ON k.indrelid = l.ancestor
    GROUP BY l.oid
), contained (oid, pubid, container) AS (
    -- A partition belongs to what contains it or one of the partitioned tables above it.
    SELECT l.oid, r.prpubid, t.oid
    FROM lines l
    JOIN tables t ON t.oid = l.ancestor AND (t.oid = l.oid OR t.relkind = 'p')
    JOIN pg_catalog.pg_publication_rel r ON r.prrelid = t.oid
    UNION ALL  -- pg15..
    SELECT l.oid, s.pnpubid, t.oid  -- pg15..
    FROM lines l  -- pg15..
    JOIN tables t ON t.oid = l.ancestor AND (t.oid = l.oid OR t.relkind = 'p')  -- pg15..
    JOIN pg_catalog.pg_publication_namespace s ON s.pnnspid = t.nspoid  -- pg15..
    UNION ALL
    SELECT t.oid, p.oid, t.oid
    FROM pg_catalog.pg_publication p
    CROSS JOIN tables t
    WHERE p.puballtables
), published AS (
    SELECT x.oid, pg_catalog.string_agg(DISTINCT p.pubname::text, ', ') AS names, pg_catalog.bool_or(p.pubupdate) AS updates, pg_catalog.bool_or(p.pubdelete) AS deletes
    FROM contained x
    JOIN pg_catalog.pg_publication p ON p.oid = x.pubid
    GROUP BY x.oid
), narrowed AS (
    SELECT NULL::oid AS oid, NULL::text AS why, NULL::bool AS updates, NULL::bool AS deletes WHERE false  -- pg..14
    -- A row filter may use only columns of the replica identity, and a list of columns must hold all of them. What counts is
    -- that of the topmost table of the publication if it publishes by that, else the table's own.
    SELECT f.oid, CASE WHEN pg_catalog.bool_or(f.by_filter) THEN 'a column of the publication''s row filter is not part of the replica identity'  -- pg15..
                       ELSE 'the publication''s list of columns does not cover the replica identity' END AS why,  -- pg15..
           pg_catalog.bool_or(f.pubupdate) AS updates, pg_catalog.bool_or(f.pubdelete) AS deletes  -- pg15..
    FROM (SELECT t.oid, p.pubupdate, p.pubdelete,  -- pg15..
                 t.relreplident <> 'f' AND EXISTS (  -- pg15..
                     SELECT FROM pg_catalog.regexp_matches(r.prqual::text, ':varattno ([0-9]+)', 'g') AS v (found)  -- pg15..
                     JOIN pg_catalog.pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = v.found[1]::int2  -- pg15..
                     WHERE a.attname <> ALL (y.names)) AS by_filter,  -- pg15..
                 r.prattrs IS NOT NULL AND (t.relreplident = 'f' OR EXISTS (  -- pg15..
                     SELECT FROM pg_catalog.unnest(y.names) AS m (name)  -- pg15..
                     WHERE m.name NOT IN (SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[])))) AS by_list  -- pg15..
          FROM (SELECT DISTINCT ON (c.oid, c.pubid) c.oid, c.pubid,  -- pg15..
                       CASE WHEN p.pubviaroot THEN c.container ELSE c.oid END AS container  -- pg15..
                FROM contained c  -- pg15..
                JOIN pg_catalog.pg_publication p ON p.oid = c.pubid  -- pg15..
                LEFT JOIN (SELECT l.oid, pg_catalog.count(*) AS count FROM lines l GROUP BY l.oid) AS d ON d.oid = c.container  -- pg15..
                WHERE p.oid IN (SELECT r.prpubid FROM pg_catalog.pg_publication_rel r WHERE r.prqual IS NOT NULL OR r.prattrs IS NOT NULL)  -- pg15..
                ORDER BY c.oid, c.pubid, d.count) AS c  -- pg15..
          JOIN pg_catalog.pg_publication p ON p.oid = c.pubid AND (p.pubupdate OR p.pubdelete)  -- pg15..
          JOIN pg_catalog.pg_publication_rel r ON r.prpubid = c.pubid AND r.prrelid = c.container  -- pg15..
          JOIN pg_catalog.pg_class t ON t.oid = c.oid AND t.relkind = 'r' AND t.relpersistence = 'p'  -- pg15..
          CROSS JOIN LATERAL (  -- pg15..
              SELECT ARRAY(SELECT a.attname  -- pg15..
                           FROM pg_catalog.pg_index i  -- pg15..
                           JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY ((i.indkey::int2[])[0 : i.indnkeyatts - 1])  -- pg15..
                           WHERE i.indrelid = t.oid AND CASE t.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END) AS names  -- pg15..
          ) AS y) AS f  -- pg15..
    WHERE f.by_filter OR f.by_list  -- pg15..
    GROUP BY f.oid  -- pg15..
), judged AS (
    SELECT t.*, coalesce(r.root, t.oid) AS root, k.key, r.is_keyed_above, p.names AS publication,
           CASE t.relreplident WHEN 'd' THEN 'default' WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' ELSE coalesce('index ' || i.name, 'index that is gone') END AS identity,
           k.key IS NULL AS has_no_key,
           t.can_be_published AND t.relkind = 'r' AND (p.updates OR p.deletes)
           AND (w.oid IS NOT NULL OR u.is_unknown) AS fails,
           pg_catalog.concat_ws(' and ', CASE WHEN x.updates THEN 'UPDATE' END, CASE WHEN x.deletes THEN 'DELETE' END)
           || CASE WHEN x.updates AND x.deletes THEN ' fail: ' ELSE ' fails: ' END
           || CASE WHEN x.updates THEN 'cannot update table ' ELSE 'cannot delete from table ' END || pg_catalog.quote_ident(t.relname)
           || CASE WHEN u.is_unknown THEN ' because it does not have a replica identity and publishes ' || CASE WHEN x.updates THEN 'updates' ELSE 'deletes' END
                   ELSE ': ' || w.why END AS error
    FROM tables t
    LEFT JOIN families r ON r.oid = t.oid
    LEFT JOIN keyed k ON k.indrelid = t.oid
    LEFT JOIN identities i ON i.indrelid = t.oid
    LEFT JOIN published p ON p.oid = t.oid AND t.can_be_published
    LEFT JOIN narrowed w ON w.oid = t.oid
    CROSS JOIN LATERAL (
        SELECT CASE t.relreplident WHEN 'f' THEN false WHEN 'd' THEN k.has_primary IS NOT true WHEN 'i' THEN i.name IS NULL ELSE true END AS is_unknown OFFSET 0
    ) AS u
    CROSS JOIN LATERAL (
        SELECT CASE WHEN u.is_unknown THEN p.updates ELSE w.updates END AS updates, CASE WHEN u.is_unknown THEN p.deletes ELSE w.deletes END AS deletes
    ) AS x
), chosen AS (
    -- A partition belongs to what its partitioned table matches. A partitioned table counts by its partitions, unless it has none.
    SELECT j.*, m.nspname AS root_schema, h.relname AS root_name
    FROM judged j
    -- By the catalog's index: the planner expects so few rows here that it would read all tables for each.
    JOIN pg_catalog.pg_class h ON h.oid = j.root
    JOIN pg_catalog.pg_namespace m ON m.oid = h.relnamespace
    -- Rows of a table that inherits from one with a key are found by that key.
    WHERE ((j.has_no_key AND NOT j.is_keyed_above) OR j.fails)
      AND (j.relkind = 'r' OR (j.root = j.oid AND NOT j.has_children))
      AND (NOT $3 OR j.publication IS NOT NULL)
      AND CASE
            -- A pattern that names a schema searches that schema, even a system schema.
            WHEN $2 IS NOT NULL THEN EXISTS (
                SELECT FROM patterns x
                WHERE CASE WHEN x.schema_regex IS NULL THEN j.of_users OR $4 ELSE j.nspname ~ (x.schema_regex COLLATE "default") OR m.nspname ~ (x.schema_regex COLLATE "default") END
                  AND (j.relname ~ (x.name_regex COLLATE "default") OR h.relname ~ (x.name_regex COLLATE "default")))
            ELSE j.of_users OR $4
          END
), exclusive (oid) AS (
-- include exclusive
), locked (oid) AS (
    -- A lock on an index, a TOAST table or that one's index keeps the size of the table waiting.
    SELECT e.oid FROM exclusive e
    UNION
    SELECT i.indrelid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indexrelid = e.oid
    UNION
    SELECT c.oid FROM exclusive e JOIN pg_catalog.pg_class c ON c.reltoastrelid = e.oid
    UNION
    SELECT c.oid FROM exclusive e JOIN pg_catalog.pg_index i ON i.indexrelid = e.oid JOIN pg_catalog.pg_class c ON c.reltoastrelid = i.indrelid
), weighed AS MATERIALIZED (  -- pg12..
), weighed AS (  -- pg..11
    SELECT c.*, l.oid IS NOT NULL AS is_locked,
           CASE
               WHEN c.relkind = 'p' OR (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()) THEN NULL
               WHEN l.oid IS NULL THEN pg_catalog.pg_total_relation_size(c.oid)
               ELSE nullif(c.relpages + (SELECT coalesce(pg_catalog.sum(x.relpages), 0) FROM pg_catalog.pg_class x
                                         WHERE x.oid = c.reltoastrelid OR x.oid IN (SELECT i.indexrelid FROM pg_catalog.pg_index i WHERE i.indrelid IN (c.oid, c.reltoastrelid))), 0)
                    * pg_catalog.current_setting('block_size')::int8
           END AS size
    FROM chosen c
    LEFT JOIN locked l ON l.oid = c.oid
), added AS (
    SELECT w.root_schema, w.root_name,
           pg_catalog.sum(CASE WHEN w.reltuples >= 0 AND (w.reltuples > 0 OR w.relpages > 0) THEN w.reltuples::int8 END)::int8 AS rows,
           pg_catalog.sum(w.size)::int8 AS size,
           pg_catalog.string_agg(DISTINCT w.identity, ', ') AS identity,
           pg_catalog.string_agg(DISTINCT w.publication, ', ') AS publication,
           pg_catalog.min(w.error COLLATE "C") FILTER (WHERE w.fails) AS error,
           pg_catalog.min(w.key COLLATE "C") AS key,
           pg_catalog.count(*) FILTER (WHERE w.relkind = 'r') AS members,
           CASE WHEN pg_catalog.bool_or(w.is_locked) THEN 'locked' ELSE '' END AS state
    FROM weighed w
    GROUP BY w.root, w.root_schema, w.root_name
)
SELECT a.root_schema::text AS schema, a.root_name::text AS name, a.rows AS rows_estimate, a.size AS total_bytes,
       a.identity AS replica_identity, a.publication, a.error AS fails, a.key, a.members, a.state
FROM added a
ORDER BY a.error IS NULL, a.size DESC NULLS LAST, a.root_schema, a.root_name
