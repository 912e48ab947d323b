SELECT a.pid::text
FROM pg_catalog.pg_stat_activity a
WHERE a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid()
  AND pg_catalog.left(a.pid::text, pg_catalog.length($1)) = $1
ORDER BY a.pid
LIMIT 500
