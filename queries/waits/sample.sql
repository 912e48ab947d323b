-- What each session that is at work waits for in this moment. $1 bool: the server's own processes too, unless they are
-- idle in their main loop. What the role may not see of a session is NULL.
SELECT a.pid, a.wait_event_type AS event_type, a.wait_event AS event,
       nullif(pg_catalog.btrim(pg_catalog.regexp_replace(a.query, '\s+', ' ', 'g')), '') AS statement,
       a.query = '<insufficient privilege>' AS is_hidden
-- Within a transaction the server answers from what it saw first, unless it is told to look again. Passing the result on as
-- an argument (NULL: all sessions) makes sure that it looks again before it lists.
FROM (SELECT nullif(pg_catalog.length(pg_catalog.pg_stat_clear_snapshot()::text), 0) AS pid OFFSET 0) AS fresh
CROSS JOIN LATERAL pg_catalog.pg_stat_get_activity(fresh.pid) AS a
WHERE a.pid <> pg_catalog.pg_backend_pid()
  AND CASE
        WHEN a.query = '<insufficient privilege>' THEN a.datid IS NOT NULL AND a.usesysid IS NOT NULL
        WHEN a.backend_type IN ('client backend', 'parallel worker') THEN a.state IN ('active', 'fastpath function call')
        ELSE $1 AND a.wait_event_type IS DISTINCT FROM 'Activity'
      END
ORDER BY a.pid
