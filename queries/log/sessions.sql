-- The sessions of clients, except pgkit's own, whose statements are marked. backend_start is hidden from roles without pg_read_all_stats.
SELECT a.pid AS pid, a.datname::text AS database, a.usename::text AS role, a.application_name AS application,
       a.backend_start AS since
FROM pg_catalog.pg_stat_activity a
WHERE a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid()
  AND a.query NOT LIKE '/* pgkit */%'
ORDER BY a.pid
