-- Temporary files by session, and the size of the folders for WAL and log.
--
-- since   = 10
-- needs   = "pg_monitor, or EXECUTE on pg_ls_waldir, pg_ls_logdir, pg_ls_tmpdir and pg_ls_archive_statusdir"
-- when    = "pg_catalog.has_function_privilege('pg_catalog.pg_ls_waldir()', 'EXECUTE') AND pg_catalog.has_function_privilege('pg_catalog.pg_ls_logdir()', 'EXECUTE')"
-- include temp_header
WITH temporary AS (
    -- A temporary file is called pgsql_tmpPID.NUMBER; those that parallel workers share are in a folder, which the server does
    -- not list.
    SELECT f.name, f.size, pg_catalog.substring(f.name, '^pgsql_tmp([0-9]+)')::int4 AS pid  -- pg12..
    FROM pg_catalog.pg_tablespace t  -- pg12..
    CROSS JOIN LATERAL pg_catalog.pg_ls_tmpdir(t.oid) AS f  -- pg12..
    WHERE t.spcname <> 'pg_global'  -- pg12..
    SELECT NULL::text AS name, NULL::int8 AS size, NULL::int4 AS pid WHERE false  -- pg..11
)
SELECT x.kind, x.database, x.pid, x.files, x.total_bytes, x.statement
FROM (
    SELECT 0 AS place, 'temporary'::text AS kind, a.datname::text AS database, t.pid, pg_catalog.count(*) AS files,
           pg_catalog.sum(t.size)::int8 AS total_bytes,
           nullif(pg_catalog.btrim(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g')), '') AS statement
    FROM temporary t
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = t.pid
    GROUP BY t.pid, a.datname, a.query
    UNION ALL
    -- Before 12 the server does not list temporary files.  -- pg..11
    SELECT 1, 'temporary', NULL, NULL, NULL, NULL, NULL  -- pg..11
    UNION ALL  -- pg..11
    SELECT 2, 'wal', NULL, NULL, pg_catalog.count(*), coalesce(pg_catalog.sum(f.size), 0)::int8, NULL FROM pg_catalog.pg_ls_waldir() AS f
    UNION ALL
    -- Without the logging collector there is no folder for the log.
    SELECT 3, 'log', NULL, NULL, pg_catalog.count(*), coalesce(pg_catalog.sum(f.size), 0)::int8, NULL
    FROM pg_catalog.pg_ls_logdir() AS f
    WHERE pg_catalog.current_setting('logging_collector') = 'on'
    HAVING pg_catalog.current_setting('logging_collector') = 'on'
    UNION ALL  -- pg12..
    SELECT 4, 'archive status', NULL, NULL, pg_catalog.count(*), coalesce(pg_catalog.sum(f.size), 0)::int8, NULL FROM pg_catalog.pg_ls_archive_statusdir() AS f  -- pg12..
) AS x
ORDER BY x.place, x.total_bytes DESC NULLS LAST, x.pid
