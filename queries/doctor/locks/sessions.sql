-- Sessions that are idle in a transaction, and transactions that have lasted for hours.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows what other roles' sessions do"
-- scope   = "server"
-- key     = ["pid"]
-- private = ["reason", "what"]
-- columns = ["pid int4", "object text", "user text", "database text", "state text", "idle_s float8", "transaction_s float8", "harms bool", "is_bare bool", "reason text", "what text", "hidden_sessions int8"]
-- [[check]]
-- name     = "idle-in-transaction"
-- object   = "{object}"
-- value    = "idle_s"
-- database = "database"
-- critical = ["idle_s >= 30min and not is_bare", "idle_s >= 6min and harms"]
-- warning  = ["idle_s >= 5min and not is_bare", "idle_s >= 1min and harms"]
-- note     = "idle_s >= 5min"
-- unseen   = "hidden_sessions > 0"
-- unseen_because = "the details of {hidden_sessions} sessions are not visible: {reason}"
-- finding  = "session {pid} of {object} has been {state} for {idle_s}{what}"
-- remedy   = "SELECT pg_terminate_backend({pid}), and set idle_in_transaction_session_timeout for the role"
-- why      = "It keeps its locks, and VACUUM cannot remove rows that it might still see. Usually a program has forgotten to end its transaction, or waits for something else in the middle of it."
-- source   = "pg_stat_activity.state_change; pgmonitor, pghero, check_postgres, check_pgactivity"
-- ignore   = "An open psql that has done nothing yet: it holds nothing, and is reported only as a note."
-- proof    = "pgkit activity --idle-in-transaction"
-- [[check]]
-- name     = "long-transaction"
-- object   = "{object}"
-- value    = "transaction_s"
-- database = "database"
-- critical = "transaction_s >= 12h and reason = ''"
-- warning  = "transaction_s >= 1h and reason = ''"
-- note     = "transaction_s >= 1h and reason <> 'idle'"
-- unseen   = "hidden_sessions > 0"
-- unseen_because = "the details of {hidden_sessions} sessions are not visible: {reason}"
-- finding  = "the transaction of session {pid} of {object} ({state}) has lasted {transaction_s}{reason}"
-- remedy   = "Ask its owner, or SELECT pg_cancel_backend({pid}); set statement_timeout, or transaction_timeout (17 and later), to end the next one"
-- why      = "While it lasts, it keeps its locks, and VACUUM removes no row of its database that was deleted since it began."
-- source   = "pg_stat_activity.xact_start; cloudnative-pg, pgmonitor, pghero, awesome-prometheus-alerts"
-- ignore   = "Dumps, index builds and reports that are known to take hours."
-- proof    = "pgkit activity"
WITH clock AS (
    SELECT pg_catalog.clock_timestamp() AS now OFFSET 0
), sessions AS (
    SELECT a.*, greatest(pg_catalog.age(a.backend_xid), pg_catalog.age(a.backend_xmin))::int8 AS xid_age
    FROM pg_catalog.pg_stat_activity a
    WHERE a.pid <> pg_catalog.pg_backend_pid()
), clients AS (
    SELECT s.*
    FROM sessions s
    WHERE s.backend_type = 'client backend' AND s.xact_start IS NOT NULL
), old AS (
    SELECT c.*, extract(epoch FROM greatest(t.now, c.xact_start) - c.xact_start)::float8 AS transaction_s,
           CASE WHEN c.state LIKE 'idle in transaction%' THEN extract(epoch FROM greatest(t.now, c.state_change) - c.state_change)::float8 END AS idle_s
    FROM clients c
    CROSS JOIN clock t
    WHERE c.state LIKE 'idle in transaction%' AND t.now - c.state_change > '1 min'::interval OR t.now - c.xact_start > '1 hour'::interval
), failed AS (
    -- A failed transaction no longer has a start time.
    SELECT s.*, extract(epoch FROM greatest(t.now, s.state_change) - s.state_change)::float8 AS transaction_s, extract(epoch FROM greatest(t.now, s.state_change) - s.state_change)::float8 AS idle_s
    FROM sessions s
    CROSS JOIN clock t
    WHERE s.backend_type = 'client backend' AND s.xact_start IS NULL AND s.state LIKE 'idle in transaction%' AND t.now - s.state_change > '1 min'::interval
), suspects AS (
    SELECT * FROM old UNION ALL SELECT * FROM failed
), locks AS (
    SELECT l.pid, pg_catalog.count(*) AS held
    FROM pg_catalog.pg_locks l
    WHERE l.granted AND l.locktype <> 'virtualxid' AND l.pid IN (SELECT x.pid FROM suspects x)
    GROUP BY l.pid
), blocked AS (
    -- Each call of pg_blocking_pids locks the whole lock table, so it is made only for waiting sessions, and only if there is a suspect.
    SELECT b.pid, pg_catalog.count(DISTINCT w.pid) AS waiting
    FROM (SELECT DISTINCT l.pid FROM pg_catalog.pg_locks l WHERE NOT l.granted AND l.pid IS NOT NULL AND EXISTS (SELECT FROM suspects)) AS w
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_blocking_pids(w.pid) AS pids OFFSET 0) AS p
    CROSS JOIN LATERAL pg_catalog.unnest(p.pids) AS b (pid)
    GROUP BY b.pid
), horizon AS (
    SELECT s.datid, pg_catalog.max(s.xid_age) AS xid_age FROM sessions s WHERE s.xid_age > 0 GROUP BY s.datid
), judged AS (
    SELECT x.pid, x.usename, x.datname, x.state, x.idle_s, x.transaction_s, coalesce(b.waiting, 0) AS waiting, coalesce(l.held, 0) AS held, x.xid_age,
           x.xid_age > 0 AND x.xid_age >= h.xid_age AS holds,
           CASE
               WHEN x.idle_s >= 300 THEN 'idle'
               WHEN x.application_name ~* '^(pg_dump|pg_dumpall|pg_basebackup|pg_restore|pg_upgrade|pg_amcheck|vacuumdb|reindexdb|clusterdb|pg_repack|pg_squeeze)' THEN '; it is ' || x.application_name
               WHEN x.query ~* '^\s*(/\*.*\*/\s*)?(vacuum|analyze|reindex|cluster|refresh|create(\s+unique)?\s+index|copy)\M'
                   THEN '; it runs ' || pg_catalog.upper(substring(x.query FROM '(?i)^\s*(?:/\*.*\*/\s*)?(vacuum|analyze|reindex|cluster|refresh|create(?:\s+unique)?\s+index|copy)\M'))
               ELSE ''
           END AS reason
    FROM suspects x
    LEFT JOIN locks l ON l.pid = x.pid
    LEFT JOIN blocked b ON b.pid = x.pid
    LEFT JOIN horizon h ON h.datid = x.datid
), hidden AS (
    SELECT 'those of other roles only members of pg_read_all_stats see' AS why, pg_catalog.count(*) AS number
    FROM sessions s
    WHERE s.query = '<insufficient privilege>' AND s.backend_type IS NULL AND s.usesysid IS NOT NULL AND s.datid IS NOT NULL
    UNION ALL
    SELECT 'track_activities is off for them', pg_catalog.count(*)
    FROM sessions s
    WHERE s.state = 'disabled' AND s.backend_type = 'client backend'
)
SELECT j.pid,
       coalesce(j.usename::text, 'unknown') || ' in ' || coalesce(j.datname::text, 'no database') AS object,
       j.usename::text AS "user",
       j.datname::text AS database,
       j.state,
       -- Zero while the session is working.
       pg_catalog.round(coalesce(j.idle_s, 0)::numeric, 3)::float8 AS idle_s,
       pg_catalog.round(j.transaction_s::numeric, 3)::float8 AS transaction_s,
       j.waiting > 0 OR coalesce(j.holds, false) AS harms,
       j.waiting = 0 AND j.held = 0 AND j.xid_age IS NULL AS is_bare,
       j.reason,
       CASE WHEN j.waiting > 0 THEN pg_catalog.format(CASE WHEN j.waiting = 1 THEN '; %s session waits for it' ELSE '; %s sessions wait for it' END, j.waiting)
            WHEN j.holds THEN '; it holds back VACUUM in its database'
            WHEN j.held = 0 AND j.xid_age IS NULL THEN '; it holds no lock and no snapshot'
            ELSE '' END AS what,
       0::int8 AS hidden_sessions
FROM judged j
UNION ALL
SELECT NULL, 'other sessions', NULL, NULL, NULL, NULL, NULL, false, false, h.why, '', h.number
FROM hidden h
WHERE h.number > 0
ORDER BY 6 DESC NULLS LAST, 7 DESC NULLS LAST, 1
