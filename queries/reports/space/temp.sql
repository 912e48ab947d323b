-- Temporary files by session, and the size of the folders for WAL and log.
--
-- since   = 10
-- needs   = "pg_monitor, or EXECUTE on pg_ls_waldir, pg_ls_logdir, pg_ls_tmpdir and pg_ls_archive_statusdir"
-- include temp_header
-- [[hidden]]
-- when = "true"
-- says = "temporary files and the folders for WAL and log are hidden; pg_monitor shows them"
SELECT x.kind, NULL::text AS database, NULL::int4 AS pid, NULL::int8 AS files, NULL::int8 AS total_bytes, NULL::text AS statement
FROM (VALUES ('wal'), ('log'), ('archive status'), ('temporary')) AS x (kind)
ORDER BY x.kind COLLATE "C"
