-- Settings for PostgreSQL developers or for short debugging that were left on, and log settings that leave out important events.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_settings shows all settings"
-- scope   = "server"
-- key     = ["name"]
-- columns = ["name text", "value text", "default text", "reason text", "detail text", "is_known bool"]
-- [[check]]
-- name     = "debug-settings"
-- object   = "{name}"
-- only     = "reason = 'debug'"
-- warning  = "is_known"
-- unseen   = "not is_known"
-- unseen_because = "a setting of this role or this database hides the server's own value of {name}"
-- finding  = "{name} is {value}: {detail}"
-- remedy   = "ALTER SYSTEM RESET {name}; SELECT pg_reload_conf()"
-- proof    = "pgkit settings --grep {name}"
-- why      = "Each of these settings is meant for short debugging. Left on, it slows down the server or fills the disk with log output."
-- source   = "pg_settings; PostgreSQL's manual, Developer Options"
-- ignore   = "Debugging that is still going on."
-- [[check]]
-- name     = "logging-blind"
-- object   = "{name}"
-- only     = "reason = 'blind'"
-- note     = "is_known"
-- unseen   = "not is_known"
-- unseen_because = "a setting of this role or this database hides the server's own value of {name}"
-- finding  = "{name} is {value}: {detail}"
-- remedy   = "ALTER SYSTEM SET {name} = on, then reload; logging_collector needs a restart"
-- proof    = "pgkit settings --all --grep {name}"
-- why      = "When something has happened, the log is all that is left to explain it."
-- source   = "PostgreSQL's manual, Error Reporting and Logging; log_checkpoints is on by default from 15 on"
-- ignore   = "stderr is kept by journald or by the container's runtime."
WITH settings AS (
    -- The server's own values, below those that this session may have set for itself; NULL if a role or a database hides them.
    SELECT s.name, CASE WHEN s.source NOT IN ('user', 'database', 'database user') THEN coalesce(s.reset_val, s.setting) END AS value, s.boot_val, s.vartype, s.category, s.context
    FROM pg_catalog.pg_settings s
), judged AS (
    -- A value that is not known may be any.
    SELECT s.*,
           CASE
               WHEN s.context = 'internal' THEN NULL
               WHEN s.name IN ('pre_auth_delay', 'post_auth_delay') AND (s.value <> '0') IS NOT false THEN 'every new session waits'
               WHEN s.name IN ('force_parallel_mode', 'debug_parallel_query') AND (s.value <> 'off') IS NOT false THEN 'plans are made parallel for testing'
               WHEN s.name IN ('debug_discard_caches', 'debug_io_direct', 'debug_logical_replication_streaming', 'logical_replication_mode', 'debug_invalidate_system_caches_always')
                    AND (s.value <> s.boot_val) IS NOT false THEN 'it is for testing PostgreSQL itself'
               WHEN (s.name LIKE 'debug\_print\_%' OR s.name ~ '^trace_(notify|sort|locks|userlocks|lwlocks|syncscan|lock_)' OR s.name IN ('log_btree_build_stats', 'wal_debug')) AND (s.value = 'on') IS NOT false THEN 'it writes debugging output for developers to the log'
               WHEN s.name IN ('log_statement_stats', 'log_parser_stats', 'log_planner_stats', 'log_executor_stats') AND (s.value = 'on') IS NOT false THEN 'it writes several lines to the log for every statement'
               WHEN s.name = 'log_min_messages' AND (s.value ~ '^debug') IS NOT false THEN 'the log fills up with messages for developers'
               WHEN s.name = 'log_hostname' AND (s.value = 'on') IS NOT false THEN 'every new session waits for the DNS server'
           END AS debug,
           CASE
               WHEN s.name = 'logging_collector' AND s.value = 'off' AND (SELECT d.value FROM settings d WHERE d.name = 'log_destination') = 'stderr' THEN 'the server keeps no log files of its own, and the log goes only to stderr'
               WHEN s.name = 'log_lock_waits' AND (s.value = 'off') IS NOT false THEN 'sessions that wait for locks are not logged'
               WHEN s.name = 'log_checkpoints' AND (s.value = 'off') IS NOT false THEN 'checkpoints and their causes are not logged'
           END AS blind
    FROM settings s
)
SELECT j.name, j.value, j.boot_val AS "default", CASE WHEN j.debug IS NOT NULL THEN 'debug' ELSE 'blind' END AS reason, coalesce(j.debug, j.blind) AS detail,
       j.value IS NOT NULL AS is_known
FROM judged j
WHERE j.debug IS NOT NULL OR j.blind IS NOT NULL
ORDER BY j.debug IS NULL, j.name COLLATE "C"
