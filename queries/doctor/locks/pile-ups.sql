-- Sessions that wait for the same lightweight lock.
--
-- since   = 10
-- needs   = "pg_read_all_stats"
-- scope   = "server"
-- key     = ["event"]
-- columns = ["event text", "sessions int8", "cause text", "hidden_sessions int8"]
-- [[check]]
-- name     = "wait-pile-up"
-- object   = "{event}"
-- value    = "sessions"
-- samples  = 3
-- warning  = "sessions > 4"
-- unseen   = "hidden_sessions > 0"
-- unseen_because = "what {hidden_sessions} sessions of other roles wait for is visible only to members of pg_read_all_stats"
-- finding  = "{sessions} sessions are waiting at the same time for the lightweight lock {event}: {cause}"
-- remedy   = "Find their statements with pgkit activity; {cause}"
-- why      = "Lightweight locks are held for microseconds. If sessions queue for one again and again, the server has reached its maximum throughput, even if its processors are not busy."
-- source   = "pg_stat_activity.wait_event; the manual, wait events of type LWLock"
-- ignore   = "A short peak of load. IO waits of a cold cache are not counted."
-- proof    = "pgkit activity --state active"
WITH sessions AS (
    SELECT a.*
    FROM pg_catalog.pg_stat_activity a
    WHERE a.pid <> pg_catalog.pg_backend_pid()
)
SELECT s.wait_event AS event,
       pg_catalog.count(*) AS sessions,
       CASE
           WHEN s.wait_event ~* '^lock_?manager$' THEN 'statements lock more relations than the fast path has room for (many partitions or indexes); prune partitions or use prepared statements'
           WHEN s.wait_event ~* 'subtrans' THEN 'savepoints or EXCEPTION blocks overflow the sessions'' caches during a long transaction; use fewer of them'
           WHEN s.wait_event ~* 'multixact' THEN 'many sessions lock the same rows in share mode, as foreign keys do with a frequently used parent row'
           WHEN s.wait_event ~* '^(buffer_?content|buffer_content)$' THEN 'many sessions write the same pages, such as one hot row or the last page of an index on a serial column'
           WHEN s.wait_event ~* '^(buffer_?mapping)$' THEN 'pages in shared_buffers are replaced too fast; look for large scans'
           WHEN s.wait_event ~* '^wal_?(write|insert|writelock)' THEN 'the disk of the WAL is the bottleneck; commit less often or in groups'
           WHEN s.wait_event ~* '^procarray' THEN 'there are too many connections and snapshots at once; use a connection pooler'
           WHEN s.wait_event ~* 'xact|clog' THEN 'the commit status of many old transactions is looked up; vacuum the tables'
           ELSE 'the manual describes this event among the wait events of type LWLock'
       END AS cause,
       0::int8 AS hidden_sessions
FROM sessions s
WHERE s.wait_event_type = 'LWLock'
GROUP BY s.wait_event
HAVING pg_catalog.count(*) > 4
UNION ALL
SELECT 'hidden', NULL, '', pg_catalog.count(*)
FROM sessions s
WHERE s.query = '<insufficient privilege>' AND s.backend_type IS NULL AND s.usesysid IS NOT NULL AND s.datid IS NOT NULL
HAVING pg_catalog.count(*) > 0
ORDER BY 2 DESC NULLS LAST, 1
