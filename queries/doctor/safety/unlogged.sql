-- Unlogged tables, which are empty after a crash and on every standby.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows whether a standby is connected"
-- scope   = "database"
-- key     = ["object"]
-- columns = ["object text", "what text", "has_standby bool", "is_passing bool", "tables int8", "estimated_bytes int8", "place text", "remedy text"]
-- [[check]]
-- name     = "unlogged-with-standby"
-- object   = "{object}"
-- value    = "estimated_bytes"
-- warning  = "has_standby and not is_passing"
-- note     = "tables > 0"
-- finding  = "{what} {object} is unlogged: it is empty after a crash{place}"
-- remedy   = "{remedy}"
-- why      = "Unlogged data is not in the WAL: a crash empties the table, and no standby and no base backup has its rows. After a failover, the table exists but is empty."
-- source   = "the manual, CREATE TABLE UNLOGGED; check_pgactivity (always critical there)"
-- ignore   = "Caches, queues and staging tables whose rows may be lost."
-- proof    = "pgkit relations"
WITH RECURSIVE server AS (
    SELECT pg_catalog.pg_is_in_recovery() AS is_standby,
           -- A standby reports what it has replayed; pg_receivewal, a base backup and a logical walsender do not, or they have a database.
           (SELECT pg_catalog.bool_or(CASE WHEN r.state IS NULL THEN NULL ELSE r.replay_lsn <> '0/0'::pg_lsn AND r.state <> 'backup' AND a.datid IS NULL END)
            FROM pg_catalog.pg_stat_replication r
            LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = r.pid) AS sends,
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication r WHERE r.state IS NULL) AS hidden
), unlogged AS (
    SELECT c.oid, c.relkind, c.relpages, c.relispartition
    FROM pg_catalog.pg_class c
    WHERE c.relpersistence = 'u' AND c.relkind IN ('r', 'm', 'S', 'p')
), owned AS (
    -- The sequence of an unlogged table's column is reported with its table.
    SELECT d.objid
    FROM pg_catalog.pg_depend d
    JOIN unlogged t ON t.oid = d.refobjid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND d.objid IN (SELECT s.oid FROM unlogged s WHERE s.relkind = 'S')
), climbed (oid, top, is_partition) AS (
    SELECT u.oid, u.oid, u.relispartition FROM unlogged u
-- include climbed
), summed AS (
    SELECT c.top, pg_catalog.count(*) AS tables, pg_catalog.sum(u.relpages)::int8 AS pages, pg_catalog.min(u.oid::int8) AS first
    FROM climbed c
    JOIN unlogged u ON u.oid = c.oid
    WHERE NOT c.is_partition AND u.oid NOT IN (SELECT o.objid FROM owned o) AND u.relkind <> 'p'
    GROUP BY c.top
)
SELECT pg_catalog.format('%s.%s', n.nspname, c.relname) AS object,
       CASE c.relkind WHEN 'S' THEN 'the sequence' WHEN 'm' THEN 'the materialized view' WHEN 'p' THEN 'the partitioned table' ELSE 'the table' END AS what,
       CASE WHEN v.is_standby OR v.sends THEN true WHEN v.hidden > 0 THEN NULL ELSE false END AS has_standby,
       c.relname::text ~* '(^|_|[0-9])(cache|cached|caches|staging|stage|stg|tmp|temp|temporary|scratch|queue|session|sessions|import|imports)(_|[0-9]|$)'
           OR n.nspname::text ~* '(^|_)(cache|staging|stage|stg|tmp|temp|scratch|import)(_|$)' AS is_passing,
       s.tables,
       s.pages * pg_catalog.current_setting('block_size')::int8 AS estimated_bytes,
       pg_catalog.concat(CASE WHEN s.tables > 1 THEN pg_catalog.format(' (%s partitions)', s.tables) END,
                         CASE WHEN v.is_standby THEN ', and it cannot be read on this standby' WHEN v.sends THEN ', and standbys have none of its rows' END) AS place,
       pg_catalog.format('ALTER %s %I.%I SET LOGGED', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, l.nspname, o.relname) || CASE WHEN s.tables > 1 THEN ', and the same for its other partitions' ELSE '' END AS remedy
FROM summed s
JOIN pg_catalog.pg_class c ON c.oid = s.top
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class o ON o.oid = CASE WHEN c.relkind = 'p' THEN s.first ELSE s.top::int8 END::oid
JOIN pg_catalog.pg_namespace l ON l.oid = o.relnamespace
CROSS JOIN server v
ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"
