-- Invalid indexes that no session is building or dropping.
--
-- since   = 10
-- needs   = "CONNECT on the database"
-- lock_timeout = "100ms"
-- retry   = ["55P03", "XX000"]
-- key     = ["schema", "name"]
-- columns = ["schema text", "table text", "name text", "partitioned bool", "guards bool", "on_standby bool", "size_bytes int8", "detail text", "remedy text"]
-- [[check]]
-- name     = "index-invalid"
-- object   = "{schema}.{name}"
-- value    = "size_bytes"
-- critical = "guards and not partitioned and not on_standby"
-- warning  = "not partitioned and not on_standby"
-- note     = ["partitioned", "on_standby"]
-- finding  = "the index {schema}.{name} on {table} is invalid: {detail}"
-- remedy   = "{remedy}"
-- proof    = "pgkit index-problems --reason invalid"
-- why      = "No query uses an invalid index, but from a certain point of its build on, every write still updates it. If the index is unique, the table may contain duplicates."
-- source   = "PostgreSQL's manual, CREATE INDEX, Building Indexes Concurrently; pg_index.indisvalid, indisready, indislive"
-- ignore   = "A partitioned index that was created by CREATE INDEX ON ONLY is invalid until an index of each partition is attached to it."
WITH building (index_oid, table_oid) AS (
    -- A session that drops or rebuilds an index concurrently holds a lock on it.
    SELECT l.relation, NULL::oid
    FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'relation' AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
      AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    UNION
    SELECT p.index_relid, NULL  -- pg12..
    FROM pg_catalog.pg_stat_progress_create_index p  -- pg12..
    WHERE p.index_relid <> 0  -- pg12..
    UNION  -- pg12..
    -- The build of a new index locks only the table. The server shows which index it is only to roles with the privilege.
    SELECT NULL, l.relation
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_stat_progress_create_index p ON p.pid = l.pid AND p.index_relid IS NULL  -- pg12..
    WHERE l.locktype = 'relation' AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
      AND l.mode IN ('ShareUpdateExclusiveLock', 'ShareLock')
      -- VACUUM and ANALYZE take the same lock.
      AND l.pid NOT IN (SELECT v.pid FROM pg_catalog.pg_stat_progress_vacuum v)  -- pg..11
      AND l.pid NOT IN (SELECT a.pid FROM pg_catalog.pg_stat_activity a WHERE a.backend_type = 'autovacuum worker')  -- pg..11
), exclusive (oid) AS (
-- include exclusive
), broken AS (
    SELECT i.indexrelid AS oid, i.indrelid, i.indisunique OR i.indisexclusion AS is_unique, i.indisready, i.indislive, i.indkey, i.indisexclusion,
           c.relname, c.relkind, c.relpages, c.relpersistence, n.nspname, t.relname AS table_name, t.relkind AS table_kind, t.relnamespace AS table_space,
           pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS full_name,
           h.inhparent AS parent, c.relname ~ '_cc(new|old)[0-9]*$' AS is_leftover,
           EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) AS has_constraint,
           (SELECT pg_catalog.min((pg_catalog.quote_ident(m.nspname) || '.' || pg_catalog.quote_ident(d.relname)) COLLATE "C")
            FROM pg_catalog.pg_index x
            JOIN pg_catalog.pg_class d ON d.oid = x.indexrelid AND d.relam = c.relam
            JOIN pg_catalog.pg_namespace m ON m.oid = d.relnamespace
            WHERE x.indrelid = i.indrelid AND x.indexrelid <> i.indexrelid AND x.indisvalid AND x.indisready AND x.indislive
              AND (x.indisunique OR NOT i.indisunique) AND x.indisexclusion = i.indisexclusion
              AND x.indnullsnotdistinct = i.indnullsnotdistinct  -- pg15..
              AND x.indnkeyatts = i.indnkeyatts  -- pg11..
              AND x.indkey::text = i.indkey::text AND x.indclass::text = i.indclass::text AND x.indcollation::text = i.indcollation::text AND x.indoption::text = i.indoption::text
              -- The position of an expression in its statement does not matter.
              AND pg_catalog.regexp_replace(x.indexprs::text, ' :location -?[0-9]+', '', 'g') COLLATE "C" IS NOT DISTINCT FROM pg_catalog.regexp_replace(i.indexprs::text, ' :location -?[0-9]+', '', 'g')
              AND pg_catalog.regexp_replace(x.indpred::text, ' :location -?[0-9]+', '', 'g') COLLATE "C" IS NOT DISTINCT FROM pg_catalog.regexp_replace(i.indpred::text, ' :location -?[0-9]+', '', 'g')
           ) AS twin
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
    LEFT JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.indexrelid
    WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)
      AND n.nspname !~ '^pg_(temp|toast_temp)_'
), left_behind AS (
    SELECT b.*, b.relkind = 'I' AS is_partitioned, pg_catalog.pg_is_in_recovery() AS on_standby,
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits h WHERE h.inhparent = b.indrelid) AS parts,
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits h WHERE h.inhparent = b.oid) AS attached
    FROM broken b
    WHERE NOT EXISTS (SELECT FROM building g WHERE g.index_oid = b.oid OR g.table_oid = b.indrelid)
      -- If several levels of partitioned indexes lack the same index, only the topmost one is reported.
      AND NOT (b.relkind = 'I' AND EXISTS (SELECT FROM broken p WHERE p.oid = b.parent))
), weighed AS MATERIALIZED (  -- pg12..
), weighed AS (  -- pg..11
    SELECT b.*,
           CASE WHEN b.is_partitioned OR (b.relpersistence = 'u' AND b.on_standby) THEN NULL
                WHEN e.oid IS NULL THEN pg_catalog.pg_relation_size(b.oid)
                ELSE nullif(b.relpages, 0)::int8 * pg_catalog.current_setting('block_size')::int8 END AS size
    FROM left_behind b
    LEFT JOIN exclusive e ON e.oid = b.oid
)
SELECT w.nspname::text AS schema,
       CASE WHEN w.table_kind = 't' THEN 'the TOAST table of ' || coalesce((SELECT m.nspname::text || '.' || o.relname::text FROM pg_catalog.pg_class o JOIN pg_catalog.pg_namespace m ON m.oid = o.relnamespace WHERE o.reltoastrelid = w.indrelid), '?')
            ELSE w.table_name::text END AS "table",
       w.relname::text AS name,
       w.is_partitioned AS partitioned,
       w.is_unique AND w.twin IS NULL AND NOT w.is_leftover AS guards,
       w.on_standby,
       w.size AS size_bytes,
       CASE
           WHEN w.is_partitioned THEN (w.parts - w.attached)::text || ' of ' || w.parts::text || CASE WHEN w.parts - w.attached = 1 THEN ' partitions has' ELSE ' partitions have' END || ' no index attached to it'
           WHEN NOT w.indislive THEN 'DROP INDEX CONCURRENTLY was interrupted'
           WHEN w.is_leftover THEN 'an interrupted REINDEX CONCURRENTLY left it behind'
           WHEN w.twin IS NOT NULL THEN 'its build was interrupted, and ' || w.twin || ' has the same definition'
           WHEN w.is_unique THEN 'its build was interrupted, perhaps by duplicate values'
           ELSE 'its build was interrupted'
       END
       || CASE WHEN w.is_partitioned OR NOT w.indisready THEN '' ELSE ', and every write updates it' END
       || CASE WHEN w.on_standby THEN '; the primary may still be building it' ELSE '' END AS detail,
       CASE
           WHEN w.is_partitioned THEN 'create the missing indexes, then attach each of them with ALTER INDEX ' || w.full_name || ' ATTACH PARTITION; pgkit index-problems shows the statements'
           WHEN w.parent IS NOT NULL OR w.has_constraint THEN 'REINDEX INDEX ' || CASE WHEN w.indisexclusion THEN '' ELSE 'CONCURRENTLY ' END || w.full_name  -- pg12..
           WHEN w.parent IS NOT NULL OR w.has_constraint THEN 'REINDEX INDEX ' || w.full_name  -- pg..11
           WHEN NOT w.indislive OR w.is_leftover OR w.twin IS NOT NULL THEN 'DROP INDEX CONCURRENTLY ' || w.full_name
           -- If duplicate values made the build fail, REINDEX fails again and leaves another invalid index behind.
           WHEN w.is_unique THEN 'DROP INDEX CONCURRENTLY ' || w.full_name || ', remove duplicate values, then create it again'
           ELSE 'REINDEX INDEX CONCURRENTLY ' || w.full_name  -- pg12..
           ELSE 'DROP INDEX CONCURRENTLY ' || w.full_name || ', then create it again'  -- pg..11
       END AS remedy
FROM weighed w
ORDER BY w.is_partitioned, w.is_unique AND w.twin IS NULL DESC, w.size DESC NULLS LAST, w.nspname, w.relname
