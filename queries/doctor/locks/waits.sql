-- Sessions that make others of this database wait for locks, and DDL statements that wait for a lock.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows what other roles' sessions do and, before 14, how long they have waited"
-- scope   = "database"
-- key     = ["kind", "object", "pid"]
-- private = ["behind", "what"]
-- columns = ["kind text", "object text", "pid int8", "waiting int8", "wait_s float8", "is_mutex bool", "is_wraparound bool", "behind text", "what text", "remedy text"]
-- [[check]]
-- name     = "lock-queue"
-- only     = "kind = 'head'"
-- object   = "{object}"
-- value    = "wait_s"
-- critical = ["wait_s >= 5min and not is_mutex", "waiting > 10 and wait_s >= 1s and not is_mutex"]
-- warning  = "wait_s >= 30s and not is_mutex"
-- note     = "wait_s >= 30s"
-- unseen   = "wait_s is null"
-- unseen_because = "how long sessions have waited for {object} is visible only to members of pg_read_all_stats"
-- finding  = "{what} blocks other sessions: {waiting} waiting, the longest for {wait_s}"
-- remedy   = "{remedy}"
-- why      = "Every session that comes later queues too, until no connections are left. The wait ends when the blocking session ends its transaction."
-- source   = "pg_blocking_pids, pg_locks.waitstart (14 and later; before that, the start of the statement); check_postgres, temboard, cloudnative-pg"
-- ignore   = "Jobs that wait for their turn on purpose, for example with advisory locks."
-- proof    = "pgkit locks"
-- [[check]]
-- name     = "ddl-waiting"
-- only     = "kind = 'ddl'"
-- object   = "{object}"
-- value    = "wait_s"
-- critical = "wait_s >= 30s"
-- warning  = "wait_s >= 5s"
-- unseen   = "wait_s is null"
-- unseen_because = "how long a statement has waited for {object} is visible only to members of pg_read_all_stats"
-- finding  = "{what} has waited {wait_s} for an exclusive lock on {object}{behind}"
-- remedy   = "{remedy}"
-- why      = "While a session waits for an exclusive lock, every other session that needs the table queues behind it, even for a SELECT: nobody can use the table."
-- source   = "pg_locks, mode AccessExclusiveLock, not granted; the manual, explicit locking"
-- ignore   = "Nothing to ignore: with lock_timeout and a later retry, no other session is blocked."
-- proof    = "pgkit locks"
-- [[check]]
-- name     = "antiwraparound-blocking"
-- only     = "kind = 'head'"
-- object   = "{object}"
-- value    = "wait_s"
-- warning  = "is_wraparound and wait_s >= 1s"
-- unseen   = "is_wraparound is null"
-- unseen_because = "what the autovacuum worker {pid} does is visible only to members of pg_read_all_stats"
-- finding  = "a vacuum to prevent wraparound blocks other sessions on {object}, and it does not give way as other vacuums do: {waiting} waiting"
-- remedy   = "Let it finish, or cancel the waiting DDL so that everything behind it continues; next time VACUUM {object} at a quiet time before its age reaches autovacuum_freeze_max_age"
-- why      = "An ordinary autovacuum is canceled when another session waits for its lock. This one is not, and it may take hours: canceling it only makes it start again from the beginning."
-- source   = "deadlock.c and proc.c: PROC_VACUUM_FOR_WRAPAROUND is not canceled"
-- ignore   = "A vacuum that will finish in minutes: pgkit progress shows how far it is."
-- proof    = "pgkit progress"
WITH RECURSIVE clock AS (
    SELECT pg_catalog.clock_timestamp() AS now OFFSET 0
), locks AS (
    -- One snapshot of the lock table.
    SELECT l.*, pg_catalog.concat_ws('/', l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid) AS tag
    FROM pg_catalog.pg_locks l
), sessions AS (
    SELECT a.pid, a.datid, a.usename, a.state, a.query, a.query_start, a.backend_type,
           coalesce(a.leader_pid, a.pid) AS node  -- pg13..
           a.pid AS node  -- pg..12
    FROM pg_catalog.pg_stat_activity a
), waiting AS (
    -- The sessions that wait in this database. A worker of a parallel statement counts as its leader.
    SELECT s.node, l.pid, l.locktype, l.mode, l.relation, l.database, l.tag, s.usename, s.query,
           l.waitstart AS since  -- pg14..
           s.query_start AS since  -- pg..13
    FROM locks l
    JOIN sessions s ON s.pid = l.pid
    WHERE NOT l.granted AND s.datid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
), edges AS (
    -- Each call of pg_blocking_pids locks the whole lock table, so it is made only for waiting sessions.
    SELECT DISTINCT w.node AS waiter, b.blocker
    FROM (SELECT DISTINCT w.node, w.pid FROM waiting w) AS w
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_blocking_pids(w.pid) AS pids OFFSET 0) AS p
    CROSS JOIN LATERAL pg_catalog.unnest(p.pids) AS b (blocker)
    WHERE b.blocker <> w.node
), reached (head, node) AS (
    SELECT e.blocker, e.waiter FROM edges e WHERE e.blocker NOT IN (SELECT x.waiter FROM edges x)
    UNION
    SELECT r.head, e.waiter FROM reached r JOIN edges e ON e.blocker = r.node
), named AS (
    -- What each session waits for. A session that waits for a transaction waits for one of its rows, and often holds the tuple lock of that row.
    SELECT w.node, w.pid, w.locktype, w.mode, w.tag, w.usename, w.query,
           -- At the moment when the wait begins, waitstart is still NULL.
           coalesce(w.since, c.now) AS since,  -- pg14..
           w.since,  -- pg..13
           coalesce((SELECT pg_catalog.format('%s.%s', n.nspname, k.relname)
                     FROM pg_catalog.pg_class k
                     JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
                     WHERE k.oid = coalesce(w.relation, (SELECT pg_catalog.min(t.relation::int8) FROM locks t WHERE t.pid = w.pid AND t.locktype = 'tuple')::oid)),
                    CASE w.locktype WHEN 'transactionid' THEN 'transaction' ELSE w.locktype END) AS object
    FROM waiting w
    CROSS JOIN clock c
), heads AS (
    SELECT r.head, pg_catalog.count(DISTINCT n.node) AS waiting,
           pg_catalog.min(n.since) AS since, pg_catalog.count(*) FILTER (WHERE n.since IS NULL) AS untold,
           pg_catalog.bool_and(n.locktype = 'advisory') AS is_mutex,
           (pg_catalog.array_agg(n.object ORDER BY n.since, n.pid))[1] AS object,
           (pg_catalog.array_agg(n.tag ORDER BY n.since, n.pid))[1] AS tag
    FROM reached r
    JOIN named n ON n.node = r.node
    GROUP BY r.head
), prepared AS (
    -- A prepared transaction has no process. Its locks are found through the lock on its own transaction ID.
    SELECT h.tag, pg_catalog.min(p.gid) AS gid
    FROM heads h
    JOIN locks l ON l.tag = h.tag AND l.granted AND l.pid IS NULL
    JOIN locks o ON o.virtualtransaction = l.virtualtransaction AND o.locktype = 'transactionid' AND o.pid IS NULL
    JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = o.transactionid
    WHERE h.head = 0
    GROUP BY h.tag
), found AS (
    SELECT 'head' AS kind, h.object, h.head::int8 AS pid, h.waiting,
           CASE WHEN h.untold = 0 THEN h.since END AS since, h.is_mutex,
           CASE WHEN s.query = '<insufficient privilege>' AND s.backend_type IS NULL AND s.usename IS NULL THEN NULL
                ELSE coalesce(s.backend_type = 'autovacuum worker' AND s.query LIKE '%(to prevent wraparound)%', false) END AS is_wraparound,
           '' AS behind,
           CASE WHEN h.head = 0 THEN 'the prepared transaction ' || coalesce(p.gid, 'whose name is unknown')
                ELSE pg_catalog.concat('session ', h.head, ' of ' || coalesce(s.usename::text, s.backend_type), ' (' || s.state || ')') END
           || CASE WHEN h.object IN ('transaction', 'advisory', 'virtualxid') THEN '' ELSE ' on ' || h.object END AS what,
           CASE WHEN h.head = 0 THEN coalesce(pg_catalog.format('In its database: COMMIT PREPARED %1$L if its coordinator has committed, otherwise ROLLBACK PREPARED %1$L', p.gid), 'End it with COMMIT PREPARED or ROLLBACK PREPARED: pgkit prepared lists it')
                WHEN s.state = 'active' THEN 'SELECT pg_cancel_backend(' || h.head::text || ')'
                ELSE 'SELECT pg_terminate_backend(' || h.head::text || ')' END AS remedy
    FROM heads h
    LEFT JOIN sessions s ON s.pid = h.head
    LEFT JOIN prepared p ON p.tag = h.tag
    UNION ALL
    SELECT 'ddl', n.object, n.pid::int8, b.waiting, n.since, false, false,
           CASE WHEN b.waiting > 0 THEN pg_catalog.format(CASE WHEN b.waiting = 1 THEN '; %s session is queued behind it' ELSE '; %s sessions are queued behind it' END, b.waiting) ELSE '' END,
           pg_catalog.concat('session ', n.pid, ' of ' || n.usename::text, CASE WHEN n.query <> '<insufficient privilege>' THEN ' (' || pg_catalog.left(pg_catalog.btrim(pg_catalog.regexp_replace(n.query, '\s+', ' ', 'g')), 60) || ')' END),
           'SELECT pg_cancel_backend(' || n.pid::text || '), then SET lock_timeout = ''2s'' and try again'
    FROM named n
    CROSS JOIN LATERAL (SELECT pg_catalog.count(DISTINCT o.node) AS waiting FROM named o WHERE o.tag = n.tag AND o.node <> n.node) AS b
    WHERE n.mode = 'AccessExclusiveLock' AND n.locktype = 'relation'
)
SELECT f.kind, f.object, f.pid, f.waiting,
       pg_catalog.round(extract(epoch FROM greatest(c.now, f.since) - f.since)::numeric, 3)::float8 AS wait_s,
       f.is_mutex, f.is_wraparound, f.behind, f.what, f.remedy
FROM found f
CROSS JOIN clock c
ORDER BY f.kind, f.waiting DESC, f.since, f.pid
