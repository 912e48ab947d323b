-- Deadlocks, rollbacks, temporary files and recovery conflicts that the server has counted in each database, and since when.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["database"]
-- columns = ["database text", "deadlocks int8 counter", "commits int8 counter", "rollbacks int8 counter", "temp_bytes int8 counter", "conflicts int8 counter", "stats_age_s float8", "deadlocks_per_hour float8", "rollback_pct float8", "rollbacks_per_second float8", "temp_an_hour_bytes int8", "conflicts_per_hour float8", "what text", "is_standby bool"]
-- [[check]]
-- name     = "deadlocks"
-- object   = "{database}"
-- value    = "deadlocks"
-- database = "database"
-- critical = ["per_hour_deadlocks >= 60 and change_deadlocks >= 5", "deadlocks_per_hour >= 60 and stats_age_s > 1h"]
-- warning  = ["per_hour_deadlocks >= 5 and change_deadlocks >= 2", "deadlocks_per_hour >= 5 and stats_age_s > 1h"]
-- finding  = "sessions of {database} run into deadlocks too often: {deadlocks} since the counters began {stats_age_s} ago, {deadlocks_per_hour} an hour on average"
-- remedy   = "Lock tables and rows in the same order everywhere, for example with ORDER BY in UPDATE and SELECT ... FOR UPDATE; the server's log names the statements"
-- why      = "Each deadlock ends one of the transactions with an error after all of them have waited for deadlock_timeout."
-- source   = "pg_stat_database.deadlocks, as a rate; awesome-prometheus-alerts, cloudnative-pg (a lifetime sum there)"
-- ignore   = "Applications that retry by design."
-- proof    = "pgkit databases"
-- [[check]]
-- name     = "rollback-share"
-- object   = "{database}"
-- value    = "rollback_pct"
-- database = "database"
-- warning  = ["change_rollbacks > change_commits and rate_rollbacks >= 1", "rollback_pct >= 50 and rollbacks_per_second >= 1 and stats_age_s > 1h"]
-- note     = ["change_rollbacks * 9 > change_commits and rate_rollbacks >= 1", "rollback_pct >= 10 and rollbacks_per_second >= 1 and stats_age_s > 1h"]
-- finding  = "too many transactions of {database} are rolled back: {rollbacks} rollbacks and {commits} commits since the counters began {stats_age_s} ago ({rollback_pct})"
-- remedy   = "Look for the errors in the server's log: log_min_error_statement = error shows the statements"
-- why      = "Work that is rolled back is wasted, and it still leaves dead rows. A new version of an application that fails shows up here first."
-- source   = "pg_stat_database.xact_rollback, as a rate; temboard, awesome-prometheus-alerts, check_postgres"
-- ignore   = "Applications, drivers and health checks that end every read with ROLLBACK."
-- proof    = "pgkit databases"
-- [[check]]
-- name     = "temp-files-large"
-- object   = "{database}"
-- value    = "temp_bytes"
-- database = "database"
-- note     = ["per_hour_temp_bytes > 1GB", "temp_an_hour_bytes > 1GB and stats_age_s > 1h"]
-- finding  = "queries of {database} write many temporary files: {temp_bytes} since the counters began {stats_age_s} ago, {temp_an_hour_bytes} an hour on average"
-- remedy   = "log_temp_files = 0 shows the queries; raise work_mem for their role: ALTER ROLE ... SET work_mem"
-- why      = "Sorts and hashes that do not fit into work_mem are written to disk, which is slower and may fill the disk."
-- source   = "pg_stat_database.temp_bytes, as a rate; temboard, check_pgactivity"
-- ignore   = "Index builds and nightly reports."
-- proof    = "pgkit databases"
-- [[check]]
-- name     = "standby-conflicts"
-- only     = "is_standby"
-- object   = "{database}"
-- value    = "conflicts"
-- database = "database"
-- warning  = ["per_hour_conflicts >= 10 and change_conflicts >= 2", "conflicts_per_hour >= 10 and stats_age_s > 1h"]
-- finding  = "recovery cancels queries of {database} too often: {conflicts} since the counters began {stats_age_s} ago ({what})"
-- remedy   = "hot_standby_feedback = on (the primary keeps dead rows longer), or a longer max_standby_streaming_delay (the standby lags)"
-- why      = "The standby cancels queries that need rows that the primary has already removed. Their users see errors."
-- source   = "pg_stat_database_conflicts, as a rate"
-- ignore   = "Reports that are retried automatically."
-- proof    = "pgkit databases"
WITH since AS (
    -- From 15 on, a database has a reset time only if it was reset by hand. The server's other counters begin with the cluster or a crash.
    SELECT least(b.stats_reset, a.stats_reset
                 , w.stats_reset  -- pg14..
                ) AS began
    FROM pg_catalog.pg_stat_bgwriter b
    CROSS JOIN pg_catalog.pg_stat_archiver a
    CROSS JOIN pg_catalog.pg_stat_wal w  -- pg14..
), counted AS (
    SELECT s.datname, s.deadlocks, s.xact_commit, s.xact_rollback, s.temp_bytes,
           c.confl_tablespace + c.confl_lock + c.confl_snapshot + c.confl_bufferpin + c.confl_deadlock
               + c.confl_active_logicalslot  -- pg16..
               AS conflicts,
           nullif(pg_catalog.concat_ws(', ', CASE WHEN c.confl_snapshot > 0 THEN c.confl_snapshot::text || ' by old snapshots' END,
                                CASE WHEN c.confl_lock > 0 THEN c.confl_lock::text || ' by locks' END,
                                CASE WHEN c.confl_bufferpin > 0 THEN c.confl_bufferpin::text || ' by buffer pins' END,
                                CASE WHEN c.confl_deadlock > 0 THEN c.confl_deadlock::text || ' by deadlocks' END,
                                CASE WHEN c.confl_tablespace > 0 THEN c.confl_tablespace::text || ' by dropped tablespaces' END
                                , CASE WHEN c.confl_active_logicalslot > 0 THEN c.confl_active_logicalslot::text || ' by logical slots' END  -- pg16..
                               ), '') AS what,
           extract(epoch FROM greatest(m.now, coalesce(s.stats_reset, v.began)) - coalesce(s.stats_reset, v.began))::numeric AS age
    FROM pg_catalog.pg_stat_database s
    LEFT JOIN pg_catalog.pg_stat_database_conflicts c ON c.datid = s.datid
    CROSS JOIN since v
    CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
    WHERE s.datname IS NOT NULL
)
SELECT c.datname::text AS database,
       c.deadlocks,
       c.xact_commit AS commits,
       c.xact_rollback AS rollbacks,
       c.temp_bytes,
       c.conflicts,
       pg_catalog.round(c.age, 3)::float8 AS stats_age_s,
       pg_catalog.round(c.deadlocks * 3600 / greatest(c.age, 1), 1)::float8 AS deadlocks_per_hour,
       pg_catalog.round(100.0 * c.xact_rollback / greatest(c.xact_commit + c.xact_rollback, 1), 1)::float8 AS rollback_pct,
       pg_catalog.round(c.xact_rollback / greatest(c.age, 1), 2)::float8 AS rollbacks_per_second,
       pg_catalog.round(c.temp_bytes * 3600 / greatest(c.age, 1), 0)::int8 AS temp_an_hour_bytes,
       pg_catalog.round(c.conflicts * 3600 / greatest(c.age, 1), 1)::float8 AS conflicts_per_hour,
       coalesce(c.what, 'none yet') AS what,
       pg_catalog.pg_is_in_recovery() AS is_standby
FROM counted c
ORDER BY c.datname::text COLLATE "C"
