-- Every lock that is held or awaited, the strongest mode first.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows what other roles' sessions do"
-- flag    = "all"
-- source  = "pg_locks, pg_stat_activity, pg_prepared_xacts"
-- scope   = "cluster"
-- example = "pgkit locks --all --grep AccessExclusiveLock"
-- wide    = ["depth", "transaction_s", "session_state", "user", "application"]
-- columns = ["pid text", "blocker text", "depth int8", "user text", "application text", "session_state text", "mode text", "object text", "waiting_s float8", "transaction_s float8", "statement text", "granted bool"]
-- [[param]]
-- name = "all"
-- type = "bool"
-- help = "Show every lock held or awaited, by relation and mode"
WITH modes (mode, strength) AS (
    VALUES ('AccessExclusiveLock', 8), ('ExclusiveLock', 7), ('ShareRowExclusiveLock', 6), ('ShareLock', 5),
           ('ShareUpdateExclusiveLock', 4), ('RowExclusiveLock', 3), ('RowShareLock', 2), ('AccessShareLock', 1)
), locks AS (
    -- One picture of the lock table. Every session holds its own virtual transaction, which says nothing. A session may hold
    -- predicate locks of several transactions on the same thing.
    SELECT DISTINCT ON (l.pid, l.mode, l.granted, l.tag, CASE WHEN l.pid IS NULL THEN l.virtualtransaction END) l.*
    FROM (SELECT l.*, pg_catalog.concat_ws('/', l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid) AS tag
          FROM pg_catalog.pg_locks l) AS l
    WHERE l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
      AND NOT (l.locktype = 'virtualxid' AND l.granted AND l.virtualxid = l.virtualtransaction)
    ORDER BY l.pid, l.mode, l.granted, l.tag, CASE WHEN l.pid IS NULL THEN l.virtualtransaction END
), numbered AS (
    SELECT pg_catalog.row_number() OVER () AS waiter, l.* FROM locks l
), waits AS (
    -- Which row a transaction is awaited for is known only for locks that are not granted.
    SELECT n.waiter, n.locktype, n.database, n.relation, n.page, n.tuple, n.virtualxid, n.transactionid, n.classid, n.objid,
           n.objsubid, n.tag, CASE WHEN NOT n.granted THEN n.pid END AS pid
    FROM numbered n
), prepared AS (
    -- A prepared transaction has no process. Its locks are known by that of its own number.
    SELECT p.gid, p.owner, p.prepared, l.virtualtransaction
    FROM pg_catalog.pg_prepared_xacts p
    JOIN locks l ON l.pid IS NULL AND l.locktype = 'transactionid' AND l.transactionid = p.transaction
-- include locks_objects
)
SELECT CASE WHEN n.pid IS NULL THEN 'prepared:' || coalesce(p.gid, '?') ELSE n.pid::text END AS pid,
       NULL::text AS blocker,
       0::int8 AS depth,
       coalesce(a.usename, p.owner)::text AS "user",
       coalesce(nullif(a.application_name, ''), nullif(a.backend_type, 'client backend')) AS application,
       CASE WHEN n.pid IS NULL THEN 'prepared' ELSE a.state END AS session_state,
       n.mode,
       o.object,
       CASE WHEN NOT n.granted THEN pg_catalog.round(extract(epoch FROM greatest(m.now, x.since) - x.since)::numeric, 3) END::float8 AS waiting_s,
       pg_catalog.round(extract(epoch FROM greatest(m.now, x.began) - x.began)::numeric, 3)::float8 AS transaction_s,
       nullif(pg_catalog.btrim(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g')), '') AS statement,
       n.granted
FROM numbered n
JOIN objects o ON o.waiter = n.waiter
LEFT JOIN modes w ON w.mode = n.mode
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = n.pid
LEFT JOIN prepared p ON n.pid IS NULL AND p.virtualtransaction = n.virtualtransaction
CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
CROSS JOIN LATERAL (
    SELECT coalesce(a.xact_start, p.prepared) AS began,
           -- Servers tell from 14 on since when a session waits, though not in the moment in which it begins.
           coalesce(n.waitstart, m.now) AS since  -- pg14..
           a.query_start AS since  -- pg..13
) AS x
ORDER BY w.strength DESC NULLS LAST, o.object COLLATE "C", n.granted DESC, x.since, n.pid, n.waiter
