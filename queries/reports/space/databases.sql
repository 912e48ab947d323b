-- Databases with their size, and what the server has counted in each.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows the size of databases that the role may not connect to"
-- scope   = "server"
-- retry   = ["42704", "3D000", "58P01", "XX000"]
-- source  = '''psql \l+ and pg_stat_database'''
-- example = "pgkit databases"
-- reading = "hit_pct is the share of blocks found in shared buffers. Many rollbacks, deadlocks or conflicts are worth a look into the log, and one checksum failure is an alarm."
-- notes   = "The counters started at the time in since."
-- key     = ["database"]
-- wide    = ["since", "xid_age", "encoding", "tablespace", "is_template", "allows_connections", "checksum_failures", "conflicts", "temp_bytes", "rollbacks", "owner", "commits"]
-- usual   = { is_template = "false", allows_connections = "true", tablespace = "pg_default" }
-- columns = ["database text", "owner text", "total_bytes int8", "sessions int8", "hit_pct float8", "commits int8 counter", "rollbacks int8 counter", "deadlocks int8 counter", "temp_bytes int8 counter", "conflicts int8 counter", "checksum_failures int8 counter", "since timestamptz", "tablespace text", "encoding text", "is_template bool", "allows_connections bool", "xid_age int8"]
-- [[hidden]]
-- when = "EXISTS (SELECT FROM pg_catalog.pg_database d WHERE NOT pg_catalog.has_database_privilege(d.oid, 'CONNECT')) AND NOT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')"
-- says = "the size of databases that this role may not connect to is not shown; pg_read_all_stats shows it"
WITH sized AS (  -- pg..11
WITH sized AS MATERIALIZED (  -- pg12..
    SELECT d.oid, d.datname, d.datdba, d.dattablespace, d.encoding, d.datistemplate, d.datallowconn, d.datfrozenxid,
           CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
                THEN pg_catalog.pg_database_size(d.oid) END AS total_bytes
    FROM pg_catalog.pg_database d
    UNION ALL  -- pg12..
    -- Catalogs that all databases share are listed only if something is wrong with them.  -- pg12..
    SELECT 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL  -- pg12..
    FROM pg_catalog.pg_stat_database s WHERE s.datid = 0 AND s.checksum_failures > 0  -- pg12..
)
SELECT d.datname::text AS database,
       pg_catalog.pg_get_userbyid(d.datdba)::text AS owner,
       d.total_bytes,
       s.numbackends::int8 AS sessions,
       pg_catalog.round(100.0 * s.blks_hit / nullif(s.blks_hit + s.blks_read, 0), 1)::float8 AS hit_pct,
       s.xact_commit AS commits,
       s.xact_rollback AS rollbacks,
       s.deadlocks,
       s.temp_bytes,
       s.conflicts,
       s.checksum_failures,  -- pg12..
       NULL::int8 AS checksum_failures,  -- pg..11
       -- From 15 on the time is known only after a reset by hand; the server's other statistics begin when these do.
       coalesce(s.stats_reset, (SELECT b.stats_reset FROM pg_catalog.pg_stat_bgwriter b)) AS since,
       t.spcname::text AS tablespace,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding,
       d.datistemplate AS is_template,
       d.datallowconn AS allows_connections,
       pg_catalog.age(d.datfrozenxid)::int8 AS xid_age
FROM sized d
LEFT JOIN pg_catalog.pg_stat_database s ON s.datid = d.oid
LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
ORDER BY d.total_bytes DESC NULLS LAST, d.datname::text COLLATE "C"
