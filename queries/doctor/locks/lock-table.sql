-- How full the shared lock table is.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["limit"]
-- columns = ["used int8", "limit int8", "used_pct float8", "holder text"]
-- [[check]]
-- name     = "lock-table-full"
-- object   = ""
-- value    = "used_pct"
-- critical = "used_pct >= 85"
-- warning  = "used_pct >= 60"
-- finding  = "{used} of about {limit} locks are in use ({used_pct}){holder}"
-- remedy   = "ALTER SYSTEM SET max_locks_per_transaction = twice its value, and restart; or use fewer partitions in one transaction"
-- why      = "When the table is full, any session that needs another lock fails with \"out of shared memory\", which affects other sessions than the one that filled it."
-- source   = "the manual, max_locks_per_transaction: times (max_connections + max_prepared_transactions); pg_locks without the fast path and without predicate locks"
-- ignore   = "A dump of very many tables at night, when nothing else runs. The table has some reserve beyond the limit."
-- proof    = "pgkit locks --all"
WITH held AS (
    -- An object takes one entry, however many sessions hold it, and each holder takes half of another one: there is room for two per lock.
    SELECT l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid, l.virtualtransaction, l.pid, pg_catalog.count(*) AS modes
    FROM pg_catalog.pg_locks l
    WHERE NOT l.fastpath AND l.mode <> 'SIReadLock'
    GROUP BY l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid, l.objsubid, l.virtualtransaction, l.pid
), counted AS (
    SELECT (SELECT pg_catalog.count(*) FROM (SELECT DISTINCT h.locktype, h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid, h.classid, h.objid, h.objsubid FROM held h) AS o) AS objects,
           (SELECT pg_catalog.count(*) FROM held h) AS holders
), first AS (
    SELECT h.pid, h.virtualtransaction, pg_catalog.count(*) AS locks
    FROM held h
    GROUP BY h.pid, h.virtualtransaction
    ORDER BY locks DESC, h.virtualtransaction COLLATE "C"
    LIMIT 1
)
SELECT u.used,
       m.most AS "limit",
       pg_catalog.round(100.0 * u.used / m.most, 1)::float8 AS used_pct,
       coalesce((SELECT pg_catalog.format(CASE WHEN f.locks = 1 THEN '; %s of them is held by %s' ELSE '; %s of them are held by %s' END, f.locks, coalesce('process ' || f.pid::text, 'a prepared transaction')) FROM first f), '') AS holder
FROM counted c
CROSS JOIN LATERAL (SELECT greatest(c.objects, c.holders / 2) AS used) AS u
CROSS JOIN (SELECT pg_catalog.current_setting('max_locks_per_transaction')::int8
                   * (pg_catalog.current_setting('max_connections')::int8 + pg_catalog.current_setting('max_prepared_transactions')::int8) AS most) AS m
ORDER BY u.used
