-- Cancels the statement that began at $3 in the session with pid $1 that began at $2, and no other.
SELECT pg_catalog.pg_cancel_backend(a.pid) AS sent
FROM pg_catalog.pg_stat_activity a
WHERE a.pid = $1
  AND a.pid <> pg_catalog.pg_backend_pid()
  AND (extract(epoch FROM a.backend_start) * 1000000)::int8 = $2
  AND (extract(epoch FROM a.query_start) * 1000000)::int8 = $3
  AND a.state IN ('active', 'fastpath function call')
