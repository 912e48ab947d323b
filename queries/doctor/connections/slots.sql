-- Whether walsenders, replication slots or worker processes are used up.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows worker processes"
-- scope   = "server"
-- key     = ["resource"]
-- columns = ["resource text", "setting text", "used int8", "limit int8", "left int8", "kind text", "lacking int8 counter", "launched int8 counter", "hidden_sessions int8"]
-- [[check]]
-- name     = "worker-slots-full"
-- object   = "{setting}"
-- value    = "used"
-- only     = "kind <> 'parallel'"
-- warning  = ["kind = 'slot' and used > 0 and left <= 1", "kind = 'worker' and left <= 0 and was_left <= 0"]
-- unseen   = "hidden_sessions > 0"
-- unseen_because = "worker processes of other roles are visible only to members of pg_read_all_stats"
-- finding  = "{used} of {limit} {resource} are in use ({setting})"
-- remedy   = "ALTER SYSTEM SET {setting} with a higher number, and restart (max_parallel_workers: reload)"
-- why      = "The next standby, base backup, subscription or parallel query does not get what it needs: it fails, or runs with fewer processes than planned. A base backup needs two walsenders."
-- source   = "max_wal_senders, max_replication_slots, max_worker_processes and related settings; the manual, replication and resource settings"
-- ignore   = "A limit that was set to exactly what is used, or a short peak."
-- proof    = "pgkit replication"
-- [[check]]
-- name     = "worker-slots-full"
-- object   = "{setting}"
-- only     = "kind = 'parallel'"
-- warning  = "change_lacking >= 100 and change_lacking > change_launched"
-- finding  = "{change_lacking} parallel workers that queries planned were not started since the earlier look, and {change_launched} were"
-- remedy   = "ALTER SYSTEM SET {setting} with a higher number, and SELECT pg_reload_conf(); max_worker_processes limits it and needs a restart"
-- why      = "The next standby, base backup, subscription or parallel query does not get what it needs: it fails, or runs with fewer processes than planned. A base backup needs two walsenders."
-- source   = "max_wal_senders, max_replication_slots, max_worker_processes and related settings; the manual, replication and resource settings"
-- ignore   = "A limit that was set to exactly what is used, or a short peak."
-- proof    = "pgkit replication"
WITH sessions AS (
    SELECT a.pid, a.backend_type, a.query, a.usesysid, a.datid
    FROM pg_catalog.pg_stat_activity a
), workers AS (
    SELECT pg_catalog.count(*) FILTER (WHERE s.backend_type NOT IN ('client backend', 'walsender', 'autovacuum launcher', 'autovacuum worker', 'checkpointer', 'background writer', 'walwriter', 'walreceiver',
                                                                    'startup', 'archiver', 'logger', 'io worker', 'walsummarizer', 'slotsync worker', 'standalone backend')) AS background,
           pg_catalog.count(*) FILTER (WHERE s.backend_type = 'parallel worker') AS parallel,
           pg_catalog.count(*) FILTER (WHERE s.backend_type LIKE 'logical replication %' AND s.backend_type <> 'logical replication launcher') AS logical,
           pg_catalog.count(*) FILTER (WHERE s.backend_type IS NULL AND s.query = '<insufficient privilege>') AS hidden
    FROM sessions s
), found AS (
    SELECT 'walsenders' AS resource, 'max_wal_senders' AS setting, (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_replication r) AS used, 'slot' AS kind
    UNION ALL
    SELECT 'replication slots', 'max_replication_slots', (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_slots s), 'slot'
    UNION ALL
    -- Each enabled subscription has an origin, and the initial copies of its tables have further ones.
    SELECT 'replication origins',
           'max_active_replication_origins',  -- pg18..
           'max_replication_slots',  -- pg..17
           (SELECT pg_catalog.count(*) FROM pg_catalog.pg_replication_origin o), 'slot'
    UNION ALL
    SELECT 'background workers', 'max_worker_processes', w.background, 'worker' FROM workers w
    UNION ALL
    SELECT 'parallel workers', 'max_parallel_workers', w.parallel, 'worker' FROM workers w
    UNION ALL
    SELECT 'logical replication workers', 'max_logical_replication_workers', w.logical, 'worker' FROM workers w
)
SELECT f.resource, f.setting, f.used, l.most AS "limit", l.most - f.used AS "left", f.kind, 0::int8 AS lacking, 0::int8 AS launched, 0::int8 AS hidden_sessions
FROM found f
CROSS JOIN LATERAL (SELECT pg_catalog.current_setting(f.setting)::int8 AS most) AS l
-- A limit of zero is deliberate.
WHERE l.most > 0
  AND NOT (f.resource = 'replication origins' AND f.used = 0)
UNION ALL  -- pg18..
SELECT 'parallel workers of a query', 'max_parallel_workers', NULL, NULL, NULL, 'parallel',  -- pg18..
       pg_catalog.sum(s.parallel_workers_to_launch - s.parallel_workers_launched)::int8, pg_catalog.sum(s.parallel_workers_launched)::int8, 0  -- pg18..
FROM pg_catalog.pg_stat_database s  -- pg18..
UNION ALL
SELECT 'hidden', 'worker processes', NULL, NULL, NULL, 'hidden', 0, 0, w.hidden
FROM workers w
WHERE w.hidden > 0
ORDER BY 1, 2
