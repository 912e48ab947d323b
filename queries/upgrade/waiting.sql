-- How many sessions wait for a lock that sessions of the name $1 hold.
SELECT pg_catalog.count(DISTINCT w.pid) AS waiting
FROM pg_catalog.pg_locks w
WHERE NOT w.granted
  AND pg_catalog.pg_blocking_pids(w.pid) && ARRAY(SELECT a.pid FROM pg_catalog.pg_stat_activity a WHERE a.application_name = $1)
