-- Who waits for whom, as a forest: blockers at the root, every waiter under its blockers.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows what other roles' sessions do, and replay that waits for a snapshot"
-- source  = "pg_blocking_pids, pg_safe_snapshot_blocking_pids, pg_locks, pg_stat_activity, pg_prepared_xacts"
-- scope   = "cluster"
-- example = "pgkit locks --watch 1"
-- tree    = { node = "pid", parent = "blocker", depth = "depth", below = "statement" }
-- reading = "A session that blocks others stands above those that wait for it. End the wait at the top: ask its user to finish, or pgkit locks cancel PID, or pgkit locks terminate PID."
-- notes   = "A session that is idle in a transaction cannot be cancelled, only terminated. --all lists every lock, even those of sessions that do not block anybody yet."
-- key     = ["pid", "blocker", "mode", "object"]
-- private = ["application", "statement"]
-- wide    = ["depth", "transaction_s", "session_state", "user", "application"]
-- columns = ["pid text", "blocker text", "depth int8", "user text", "application text", "session_state text", "mode text", "object text", "waiting_s float8", "transaction_s float8", "statement text", "granted bool"]
-- [[param]]
-- name = "all"
-- type = "bool"
-- help = "Show every lock held or awaited, by relation and mode"
WITH RECURSIVE conflicts (mode, modes) AS (
    VALUES ('AccessShareLock', '{AccessExclusiveLock}'::text[]),
           ('RowShareLock', '{ExclusiveLock,AccessExclusiveLock}'),
           ('RowExclusiveLock', '{ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
           ('ShareUpdateExclusiveLock', '{ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
           ('ShareLock', '{RowExclusiveLock,ShareUpdateExclusiveLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
           ('ShareRowExclusiveLock', '{RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
           ('ExclusiveLock', '{RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'),
           ('AccessExclusiveLock', '{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}')
), locks AS (
    -- One picture of the lock table.
    SELECT l.*, pg_catalog.concat_ws('/', l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid) AS tag
    FROM pg_catalog.pg_locks l
), prepared AS (
    -- A prepared transaction has no process; the number below zero stands for it. Its locks are known by that of its own number.
    SELECT -p.transaction::text::int8 AS node, 'prepared:' || p.gid AS name, p.owner, p.prepared, l.virtualtransaction
    FROM pg_catalog.pg_prepared_xacts p
    JOIN locks l ON l.pid IS NULL AND l.locktype = 'transactionid' AND l.transactionid = p.transaction
), sessions AS (
    SELECT a.pid,
           CASE a.backend_type WHEN 'parallel worker' THEN a.leader_pid END AS leader,  -- pg14..
           NULL::int4 AS leader,  -- pg..13
           a.usename, a.application_name, a.backend_type, a.state, a.xact_start, a.query_start AS since, a.query,
           a.wait_event, a.datid, a.backend_xmin
    FROM pg_catalog.pg_stat_activity a
), elsewhere AS (
    -- Waits that pg_locks does not show. What a hidden session waits for is hidden too, so all hidden sessions are asked.
    SELECT s.pid, 'SafeSnapshot' AS event, s.since, pg_catalog.pg_safe_snapshot_blocking_pids(s.pid) AS blockers
    FROM sessions s
    WHERE s.wait_event = 'SafeSnapshot' OR s.query = '<insufficient privilege>'
    UNION ALL
    -- The server does not tell which snapshot makes replay wait. The oldest one of the database in question always does,
    -- but it does not tell that database either, so the oldest of each database is taken.
    SELECT s.pid, s.wait_event, NULL, ARRAY(
        SELECT x.pid
        FROM (SELECT x.pid, pg_catalog.rank() OVER (PARTITION BY x.datid ORDER BY pg_catalog.age(x.backend_xmin) DESC) AS place
              FROM sessions x
              WHERE x.backend_xmin IS NOT NULL AND x.datid IS NOT NULL AND x.pid <> pg_catalog.pg_backend_pid()) AS x
        WHERE x.place = 1)
    FROM sessions s
    WHERE s.wait_event = 'RecoveryConflictSnapshot'
), asked AS (
    -- Asked once, and only of those that stand in a queue: each answer stops all of the lock table. It names sessions,
    -- never their parallel workers, and says 0 for a prepared transaction. Since when a session waits, servers tell from 14
    -- on, though not in the moment in which it begins; before, it waits since some time after its statement began.
    -- It does not know a standby's startup process; for that one the blockers are found by the locks that are granted.
    SELECT coalesce(s.leader, l.pid)::int8 AS node, l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid,
           l.transactionid, l.classid, l.objid, l.objsubid, l.pid, l.mode, l.tag,
           coalesce(l.waitstart, pg_catalog.clock_timestamp()) AS since,  -- pg14..
           s.since,  -- pg..13
           CASE WHEN pg_catalog.cardinality(b.pids) = 0 AND pg_catalog.pg_is_in_recovery() THEN ARRAY(
               SELECT DISTINCT coalesce(g.leader, h.pid)
               FROM conflicts c
               JOIN locks h ON h.tag = l.tag AND h.granted AND h.mode = ANY (c.modes)
               LEFT JOIN sessions g ON g.pid = h.pid
               WHERE c.mode = l.mode AND h.pid <> l.pid) ELSE b.pids END AS blockers
    FROM locks l
    LEFT JOIN sessions s ON s.pid = l.pid
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_blocking_pids(l.pid) AS pids OFFSET 0) AS b
    WHERE NOT l.granted
    UNION ALL
    SELECT e.pid, e.event, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid,
           l.objsubid, e.pid, e.event, e.event, e.since, e.blockers
    FROM elsewhere e
    LEFT JOIN locks l ON false
), queued AS (
    SELECT a.*, pg_catalog.cardinality(a.blockers) > 10 AS many
    FROM asked a
    WHERE pg_catalog.cardinality(a.blockers) > 0
), holders AS (
    -- Who holds what is waited for, where it must be known: to name a prepared transaction, and in a long queue, where
    -- everybody is blocked by everybody in front.
    SELECT q.tag, q.mode, pg_catalog.array_agg(DISTINCT coalesce(s.leader, l.pid, p.node)) AS nodes
    FROM (SELECT DISTINCT q.tag, q.mode FROM queued q WHERE q.many OR 0 = ANY (q.blockers)) AS q
    JOIN conflicts c ON c.mode = q.mode
    JOIN locks l ON l.tag = q.tag AND l.granted AND l.mode = ANY (c.modes)
    LEFT JOIN sessions s ON s.pid = l.pid
    LEFT JOIN prepared p ON l.pid IS NULL AND p.virtualtransaction = l.virtualtransaction
    GROUP BY q.tag, q.mode
), heads AS (
    SELECT DISTINCT ON (q.tag) q.tag, q.node
    FROM queued q
    WHERE q.tag IN (SELECT m.tag FROM queued m WHERE m.many)
    ORDER BY q.tag, q.since, q.node
), links AS (
    SELECT DISTINCT q.node AS waiter, b.blocker
    FROM queued q
    LEFT JOIN holders h ON h.tag = q.tag AND h.mode = q.mode
    LEFT JOIN heads f ON f.tag = q.tag
    CROSS JOIN LATERAL pg_catalog.unnest(
        CASE
            -- Of many blockers, those that hold the lock; where these are many too, the first of the queue.
            WHEN q.many AND pg_catalog.cardinality(pg_catalog.array_remove(h.nodes, q.node)) BETWEEN 1 AND 10 THEN h.nodes
            WHEN q.many AND f.node = ANY (q.blockers) THEN ARRAY[f.node]
            -- One that was prepared just now is 0 still.
            WHEN h.nodes[1] < 0 THEN pg_catalog.array_cat(pg_catalog.array_remove(q.blockers, 0)::int8[], ARRAY(SELECT n.node FROM pg_catalog.unnest(h.nodes) AS n (node) WHERE n.node < 0))
            ELSE q.blockers::int8[]
        END) AS b (blocker)
    WHERE b.blocker <> q.node
), leaders AS (
    -- Who stands in no queue and is blocked all the same waits for a parallel worker of its own.
    SELECT x.node, x.blockers
    FROM (SELECT b.blocker AS node, pg_catalog.pg_blocking_pids(b.blocker::int4) AS blockers
          FROM (SELECT DISTINCT l.blocker FROM links l
                -- A worker does not name its leader there: it may be any session with the same statement.  -- pg..13
                UNION  -- pg..13
                SELECT s.pid  -- pg..13
                FROM sessions s  -- pg..13
                JOIN sessions w ON w.backend_type <> 'client backend' AND w.query = s.query  -- pg..13
                WHERE w.pid IN (SELECT l.waiter FROM links l) AND s.backend_type = 'client backend'  -- pg..13
               ) AS b
          WHERE b.blocker > 0 AND b.blocker NOT IN (SELECT l.waiter FROM links l)) AS x
    WHERE pg_catalog.cardinality(x.blockers) > 0
), workers AS (
    -- Its worker has the same blockers: so it is known where the server does not tell.
    SELECT q.node, pg_catalog.min(l.node) AS leader
    FROM leaders l
    JOIN queued q ON q.blockers @> l.blockers AND q.blockers <@ l.blockers
    LEFT JOIN sessions s ON s.pid = q.pid
    WHERE s.leader IS NULL AND s.backend_type IS DISTINCT FROM 'client backend'
    GROUP BY q.node
), waits AS (
    -- What each session waits for; the longest wait, where several of its workers do.
    SELECT DISTINCT ON (coalesce(w.leader, q.node)) coalesce(w.leader, q.node) AS waiter, q.*
    FROM queued q
    LEFT JOIN workers w ON w.node = q.node
    ORDER BY coalesce(w.leader, q.node), q.since, q.pid
), edges AS (
    SELECT DISTINCT coalesce(w.leader, l.waiter) AS waiter, l.blocker
    FROM links l
    LEFT JOIN workers w ON w.node = l.waiter
    WHERE coalesce(w.leader, l.waiter) <> l.blocker
), reached (depth, level, seen) AS (
    -- Down from those that wait for nobody, one step after the other: there may be more ways than could be walked.
    SELECT 0, r.level, r.level
    FROM (SELECT ARRAY(SELECT DISTINCT e.blocker FROM edges e WHERE e.blocker NOT IN (SELECT e.waiter FROM edges e)) AS level) AS r
    UNION ALL
    SELECT r.depth + 1, n.level, pg_catalog.array_cat(r.seen, n.level)
    FROM reached r
    CROSS JOIN LATERAL (SELECT ARRAY(SELECT DISTINCT e.waiter FROM edges e WHERE e.blocker = ANY (r.level) AND e.waiter <> ALL (r.seen)) AS level OFFSET 0) AS n
    WHERE pg_catalog.cardinality(n.level) > 0
), upward (waiter, blocker) AS (
    -- What is not reached stands in a ring, or behind one: from each to its first blocker.
    SELECT e.waiter, pg_catalog.min(e.blocker)
    FROM edges e
    WHERE e.waiter NOT IN (SELECT pg_catalog.unnest(r.level) FROM reached r)
    GROUP BY e.waiter
), rings (waiter, above) AS (
    SELECT u.waiter, u.blocker FROM upward u
    UNION
    SELECT r.waiter, u.blocker FROM rings r JOIN upward u ON u.waiter = r.above
), starts (node, blocker) AS (
    -- The roots, and one of every ring.
    SELECT pg_catalog.unnest(r.level), NULL FROM reached r WHERE r.depth = 0
    UNION ALL
    SELECT u.waiter, u.blocker
    FROM upward u
    JOIN (SELECT r.waiter FROM rings r GROUP BY r.waiter HAVING pg_catalog.min(r.above) = r.waiter) AS first ON first.waiter = u.waiter
), closed (depth, level, seen) AS (
    SELECT 0, r.level, pg_catalog.array_cat(r.level, ARRAY(SELECT pg_catalog.unnest(x.level) FROM reached x))
    FROM (SELECT ARRAY(SELECT s.node FROM starts s WHERE s.blocker IS NOT NULL) AS level) AS r
    UNION ALL
    SELECT c.depth + 1, n.level, pg_catalog.array_cat(c.seen, n.level)
    FROM closed c
    CROSS JOIN LATERAL (SELECT ARRAY(SELECT DISTINCT e.waiter FROM edges e WHERE e.blocker = ANY (c.level) AND e.waiter <> ALL (c.seen)) AS level OFFSET 0) AS n
    WHERE pg_catalog.cardinality(n.level) > 0
), depths (node, depth) AS (
    SELECT pg_catalog.unnest(r.level), r.depth FROM reached r
    UNION ALL
    SELECT pg_catalog.unnest(c.level), c.depth FROM closed c
), branches AS (
    -- Every edge, with its place under its blocker. Of several edges of a waiter, its own waiters follow one: the nearest to a root.
    SELECT e.waiter, e.blocker, d.depth + 1 AS depth,
           pg_catalog.row_number() OVER (PARTITION BY e.blocker ORDER BY w.since, e.waiter) AS place,
           e.waiter NOT IN (SELECT s.node FROM starts s)
           AND pg_catalog.row_number() OVER (PARTITION BY e.waiter ORDER BY d.depth, e.blocker) = 1 AS leads
    FROM edges e
    JOIN depths d ON d.node = e.blocker
    LEFT JOIN waits w ON w.waiter = e.waiter
    WHERE NOT EXISTS (SELECT FROM starts s WHERE s.node = e.waiter AND s.blocker = e.blocker)
), placed (node, start, path) AS (
    SELECT s.node, s.node, '{}'::int8[] FROM starts s
    UNION ALL
    SELECT b.waiter, p.start, pg_catalog.array_append(p.path, b.place)
    FROM placed p
    JOIN branches b ON b.blocker = p.node AND b.leads
), forest AS (
    SELECT s.node, s.blocker, 0 AS depth, s.node AS start, '{}'::int8[] AS path FROM starts s
    UNION ALL
    SELECT b.waiter, b.blocker, b.depth, p.start, pg_catalog.array_append(p.path, b.place)
    FROM branches b
    JOIN placed p ON p.node = b.blocker
), trees AS (
    SELECT p.start, pg_catalog.count(*) AS members FROM placed p GROUP BY p.start
-- include locks_objects
)
SELECT coalesce(p.name, CASE f.node WHEN 0 THEN 'prepared:?' ELSE f.node::text END) AS pid,
       coalesce(bp.name, CASE f.blocker WHEN 0 THEN 'prepared:?' ELSE f.blocker::text END) AS blocker,
       f.depth::int8 AS depth,
       coalesce(s.usename, p.owner)::text AS "user",
       coalesce(nullif(s.application_name, ''), nullif(s.backend_type, 'client backend')) AS application,
       CASE WHEN p.node IS NOT NULL THEN 'prepared' ELSE s.state END AS session_state,
       w.mode,
       o.object,
       pg_catalog.round(extract(epoch FROM greatest(m.now, w.since) - w.since)::numeric, 3)::float8 AS waiting_s,
       pg_catalog.round(extract(epoch FROM greatest(m.now, x.began) - x.began)::numeric, 3)::float8 AS transaction_s,
       nullif(pg_catalog.btrim(pg_catalog.regexp_replace(s.query, '\s+', ' ', 'g')), '') AS statement,
       CASE WHEN w.waiter IS NOT NULL THEN false END AS granted
FROM forest f
JOIN trees t ON t.start = f.start
LEFT JOIN sessions s ON s.pid = f.node
LEFT JOIN prepared p ON p.node = f.node
LEFT JOIN prepared bp ON bp.node = f.blocker
LEFT JOIN waits w ON w.waiter = f.node
LEFT JOIN objects o ON o.waiter = f.node
CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
CROSS JOIN LATERAL (SELECT coalesce(s.xact_start, p.prepared) AS began) AS x
ORDER BY t.members DESC, f.start, f.path
