-- Sessions of this database that have been in a transaction for long.
--
-- since   = 10
-- needs   = "pg_read_all_stats, to see other roles' sessions"
-- columns = ["pid int4", "user text", "application text", "transaction_s float8", "statement text"]
-- wide    = ["application"]
-- [[param]]
-- name    = "longer_than"
-- type    = "interval"
-- default = "1m"
-- help    = "Only those in a transaction for longer"
SELECT a.pid,
       a.usename::text AS "user",
       a.application_name AS application,
       extract(epoch FROM pg_catalog.now() - a.xact_start)::float8 AS transaction_s,
       a.query AS statement
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database()
  AND a.xact_start < pg_catalog.now() - $1
ORDER BY a.xact_start, a.pid
