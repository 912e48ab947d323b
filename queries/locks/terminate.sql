-- Ends the session with pid $1 that began at $2, and no other that has got its pid meanwhile. $3 bool: only if it is still in
-- the state $4, with the statement that began at $5; 0 if that is not known.
SELECT pg_catalog.pg_terminate_backend(a.pid) AS sent
FROM pg_catalog.pg_stat_activity a
WHERE a.pid = $1
  AND a.pid <> pg_catalog.pg_backend_pid()
  AND (extract(epoch FROM a.backend_start) * 1000000)::int8 = $2
  AND (NOT $3 OR (coalesce(a.state, '') = $4 AND coalesce((extract(epoch FROM a.query_start) * 1000000)::int8, 0) = $5))
