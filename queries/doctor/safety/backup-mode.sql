-- Backups that were started but not ended.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows when a base backup started"
-- scope   = "server"
-- key     = ["kind", "pid"]
-- private = ["what"]
-- columns = ["kind text", "pid int4", "started timestamptz", "age_s float8", "what text", "remedy text"]
-- # The server may be promoted, or the backup may end meanwhile.
-- retry   = ["55000", "58P01", "22P02"]
-- [[check]]
-- name     = "backup-mode-left-on"
-- object   = ""
-- value    = "age_s"
-- critical = ["kind = 'exclusive' and age_s >= 24h"]
-- warning  = ["kind = 'exclusive' and age_s >= 6h"]
-- note     = "kind = 'base backup' and age_s >= 24h"
-- unseen   = "age_s is null"
-- unseen_because = "when the backup started is visible only to members of pg_read_all_stats"
-- finding  = "{what} since {started}"
-- remedy   = "{remedy}"
-- why      = "If the server crashes in backup mode, the backup_label file makes it recover from the wrong place, or not start at all. All WAL since the start of the backup may be needed."
-- source   = "pg_is_in_backup (10 to 14), pg_stat_progress_basebackup (13 and later); check_pgactivity backup_label_age"
-- ignore   = "A base backup of a very large server that is still making progress: pgkit progress shows it."
-- proof    = "pgkit progress"
WITH found AS (
    SELECT 'exclusive' AS kind, NULL::int4 AS pid, b.started,  -- pg..14
           'the server has been in exclusive backup mode' AS what,  -- pg..14
           'SELECT pg_stop_backup()' AS remedy  -- pg..14
    FROM (SELECT CASE WHEN pg_catalog.pg_is_in_backup() THEN pg_catalog.pg_backup_start_time() END AS started OFFSET 0) AS b  -- pg..14
    WHERE b.started IS NOT NULL  -- pg..14
    UNION ALL  -- pg13..14
    SELECT 'base backup' AS kind, p.pid,  -- pg13..
           -- The walsender only shows since when it has been in its current state.  -- pg13..
           coalesce(a.query_start, a.backend_start) AS started,  -- pg13..
           'the base backup of process ' || p.pid::text || ' has been running' AS what,  -- pg13..
           'SELECT pg_terminate_backend(' || p.pid::text || '), if it makes no progress' AS remedy  -- pg13..
    FROM pg_catalog.pg_stat_progress_basebackup p  -- pg13..
    LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = p.pid  -- pg13..
)
SELECT f.kind, f.pid, f.started,
       pg_catalog.round(extract(epoch FROM greatest(m.now, f.started) - f.started)::numeric, 3)::float8 AS age_s,
       f.what,
       f.remedy
FROM found f
CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
ORDER BY f.kind, f.pid
