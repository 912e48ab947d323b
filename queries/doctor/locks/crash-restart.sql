-- Whether the server restarted its processes after one of them crashed.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows when the server's own processes started"
-- scope   = "server"
-- key     = ["started"]
-- columns = ["started timestamptz", "restarted timestamptz", "age_s float8", "crashed bool"]
-- [[check]]
-- name     = "crash-restart"
-- object   = ""
-- value    = "age_s"
-- critical = "crashed and age_s < 1h"
-- warning  = "crashed and age_s < 24h"
-- unseen   = "crashed is null"
-- unseen_because = "the start time of the server's own processes is visible only to members of pg_read_all_stats"
-- finding  = "the server restarted all of its processes {age_s} ago, at {restarted}, although it was not restarted itself: one of them had crashed"
-- remedy   = "Read the server's log around {restarted}, and the kernel's log for a lack of memory (out of memory: killed process)"
-- why      = "When one process crashes, the server ends all sessions and runs recovery. Statistics counters start from zero, unlogged tables are empty, and the cause of the crash may occur again."
-- source   = "pg_stat_activity.backend_start of checkpointer and background writer against pg_postmaster_start_time()"
-- ignore   = "A start with more than a minute of recovery, after the machine itself crashed."
-- proof    = "pgkit activity --background"
WITH oldest AS (
    SELECT pg_catalog.min(a.backend_start) AS restarted
    FROM pg_catalog.pg_stat_activity a
    WHERE a.backend_type IN ('checkpointer', 'background writer')
)
SELECT p.started,
       o.restarted,
       pg_catalog.round(extract(epoch FROM greatest(m.now, o.restarted) - o.restarted)::numeric, 3)::float8 AS age_s,
       o.restarted > p.started + '60 s'::interval AS crashed
FROM oldest o
CROSS JOIN (SELECT pg_catalog.pg_postmaster_start_time() AS started) AS p
CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
ORDER BY p.started
