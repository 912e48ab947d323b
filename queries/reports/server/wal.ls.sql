-- How much WAL is written, and whether it is archived.
--
-- since   = 10
-- needs   = "no special privilege; pg_monitor (before 12, a superuser) counts the files that wait for the archiver"
-- when    = "coalesce(pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('pg_catalog.pg_ls_archive_statusdir()')::pg_catalog.oid, 'EXECUTE'), pg_catalog.has_function_privilege('pg_catalog.pg_ls_dir(text,boolean,boolean)', 'EXECUTE'))"
-- retry   = ["58P01"]
-- source  = "pg_stat_wal (from 14), pg_stat_archiver, pg_ls_archive_statusdir (from 12)"
-- include wal_header
WITH ready (files) AS (
    SELECT pg_catalog.count(*)
    FROM pg_catalog.pg_ls_archive_statusdir() AS f  -- pg12..
    FROM pg_catalog.pg_ls_dir('pg_wal/archive_status', true, false) AS f (name)  -- pg..11
    WHERE f.name LIKE '%.ready'
-- include wal_answer
