-- Whether WAL is archived, and how much is waiting to be archived.
--
-- since   = 10
-- needs   = "pg_monitor (before 12, a superuser)"
-- scope   = "server"
-- when    = "pg_catalog.current_setting('archive_mode') <> 'off'"
-- retry   = ["58P01"]
-- key     = ["role"]
-- columns = ["role text", "archives bool", "has_command bool", "is_failing bool", "failed int8 counter", "archived int8 counter", "failing_s float8", "backlog int8", "what text"]
-- [[check]]
-- name     = "archiver-failing"
-- object   = ""
-- value    = "failed"
-- critical = ["archives and is_failing and has_command and failing_s >= 5min", "archives and is_failing and has_command and change_failed > 0 and change_archived = 0 and backlog > 0"]
-- warning  = "archives and is_failing and has_command and backlog > 0"
-- finding  = "the archive command fails{what}; files waiting: {backlog}"
-- remedy   = "Run the command by hand as the server's operating system user, with one of the waiting files; the server's log has its message"
-- why      = "WAL that is not archived is missing from every point-in-time restore, and it is kept until the disk of the WAL is full."
-- source   = "pg_stat_archiver; cloudnative-pg, pgmonitor, check_pgactivity"
-- ignore   = "One failure long ago: it counts only until a file is archived."
-- proof    = "pgkit wal --format vertical"
-- [[check]]
-- name     = "archive-backlog"
-- object   = ""
-- value    = "backlog"
-- critical = "archives and backlog >= 100"
-- warning  = "archives and backlog >= 10"
-- finding  = "{backlog} WAL files are waiting to be archived"
-- remedy   = "Use a faster archive_command (one that sends several files at once), or write less WAL"
-- why      = "They would be missing from a restore, and they fill the disk if there are more and more of them."
-- source   = "files .ready in pg_wal/archive_status; check_postgres and temboard"
-- ignore   = "A short burst: look again after a few minutes."
-- proof    = "pgkit wal --format vertical"
WITH ready AS (
    SELECT pg_catalog.count(*) AS files, pg_catalog.min(f.modification) AS oldest  -- pg12..
    FROM pg_catalog.pg_ls_archive_statusdir() AS f  -- pg12..
    WHERE f.name LIKE '%.ready'  -- pg12..
    SELECT f.files, (pg_catalog.pg_stat_file('pg_wal/archive_status/' || f.first, true)).modification AS oldest  -- pg..11
    FROM (SELECT pg_catalog.count(*) AS files, coalesce(pg_catalog.min(f.name COLLATE "C"), 'none') AS first  -- pg..11
          FROM pg_catalog.pg_ls_dir('pg_wal/archive_status', true, false) AS f (name)  -- pg..11
          WHERE f.name LIKE '%.ready') AS f  -- pg..11
), settings AS (
    SELECT pg_catalog.current_setting('archive_mode') AS mode, pg_catalog.pg_is_in_recovery() AS is_standby,
           -- A library replaces the command.
           pg_catalog.btrim(pg_catalog.current_setting('archive_command')) AS command, coalesce(pg_catalog.current_setting('archive_library', true), '') AS library
), archiver AS (
    SELECT a.*, a.failed_count > 0 AND coalesce(a.last_failed_time > a.last_archived_time, true) AS is_failing, pg_catalog.clock_timestamp() AS now
    FROM pg_catalog.pg_stat_archiver a
), judged AS (
    SELECT s.is_standby, s.mode = 'always' OR s.mode = 'on' AND NOT s.is_standby AS archives,
           s.command NOT IN ('', '(disabled)') OR s.library <> '' AS has_command,
           a.is_failing, a.failed_count, a.archived_count, a.last_failed_wal, a.last_archived_time, a.now,
           r.files AS backlog, r.oldest
    FROM settings s
    CROSS JOIN archiver a
    CROSS JOIN ready r
)
SELECT CASE WHEN j.is_standby THEN 'standby' ELSE 'primary' END AS role,
       j.archives,
       j.has_command,
       j.is_failing AND j.backlog > 0 AS is_failing,
       j.failed_count AS failed,
       j.archived_count AS archived,
       -- How long the oldest file has waited.
       pg_catalog.round(coalesce(extract(epoch FROM greatest(j.now, j.oldest) - j.oldest), 0)::numeric, 3)::float8 AS failing_s,
       j.backlog,
       pg_catalog.concat(CASE WHEN j.last_archived_time IS NULL THEN ' and has never worked' ELSE ': nothing has been archived since ' || pg_catalog.to_char(pg_catalog.timezone('UTC', j.last_archived_time), 'YYYY-MM-DD HH24:MI') || ' UTC' END,
                         '; the last file that failed is ' || j.last_failed_wal) AS what
FROM judged j
ORDER BY 1
