-- How full the file systems of the data, the WAL and the tablespaces are.
--
-- since   = 10
-- needs   = "a server on this machine, reached through its socket; pg_read_all_settings shows where its data is"
-- scope   = "server"
-- key     = ["path"]
-- columns = ["path text", "what text", "used_pct float8", "free_bytes int8", "total_bytes int8", "fault text"]
-- [[param]]
-- name = "client_disks"
-- type = "text"
-- help = "What the machine that runs pgkit knows about the file systems, as JSON"
-- [[check]]
-- name     = "disk-free"
-- object   = "{path}"
-- value    = "used_pct"
-- critical = "used_pct >= 90"
-- warning  = "used_pct >= 80"
-- unseen   = "used_pct is null"
-- unseen_because = "it is not known how full the disk of {what} is: {fault}"
-- elsewhere = true
-- finding  = "the file system of {what}, {path}, is {used_pct} full: {free_bytes} of {total_bytes} are free"
-- remedy   = "Find what grows: pgkit sizes, pgkit wal, pgkit temp and pgkit replication; never delete files of pg_wal"
-- proof    = "pgkit tablespaces"
-- why      = "When the file system of pg_wal is full, the server stops; when that of the data is full, every write fails."
-- source   = "statvfs(3) of the machine. The limits lie between those of check_postgres (90 and 95 %) and temboard (80 and 90 %)."
-- ignore   = "A file system that is meant to be full, such as one of an archive."
SELECT d.path,
       d.what,
       pg_catalog.round((100 * (d.total_bytes - d.free_bytes)::numeric / nullif(d.total_bytes, 0::int8)), 1)::float8 AS used_pct,
       d.free_bytes,
       d.total_bytes,
       d.fault
FROM pg_catalog.json_to_recordset(coalesce($1, '[{"what": "the data", "path": "", "fault": "the server is not on this machine, or was not reached through its socket"}]')::pg_catalog.json)
         AS d (path text, what text, free_bytes int8, total_bytes int8, fault text)
ORDER BY d.path COLLATE "C"
