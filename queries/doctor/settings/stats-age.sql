-- How long the server has collected statistics about its databases.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = []
-- columns = ["stats_age_s float8", "databases text"]
-- [[check]]
-- name     = "stats-too-young"
-- value    = "stats_age_s"
-- note     = "stats_age_s < 30d"
-- finding  = "statistics of {databases} go back only {stats_age_s}, so checks that need more, such as the one for unused indexes, skip it"
-- remedy   = "look again later, or keep snapshots and use --against"
-- proof    = "pgkit databases"
-- why      = "A reset, a crash, or a new cluster sets all counters to 0. What has been counted since then says nothing about last month."
-- source   = "pg_stat_database.stats_reset; from 15 on pg_stat_bgwriter.stats_reset where that is NULL"
SELECT pg_catalog.min(x.age) AS stats_age_s,
       CASE WHEN pg_catalog.count(*) > 3 THEN pg_catalog.count(*)::text || ' databases' ELSE pg_catalog.string_agg(x.datname::text, ', ' ORDER BY x.datname::text COLLATE "C") END AS databases
FROM (SELECT d.datname,
             -- From 15 on, a database's stats_reset is NULL until somebody resets its statistics: until then, the cluster's applies.
             extract(epoch FROM pg_catalog.now() - coalesce(pg_catalog.pg_stat_get_db_stat_reset_time(d.oid), pg_catalog.pg_stat_get_bgwriter_stat_reset_time()))::float8 AS age
      FROM pg_catalog.pg_database d
      WHERE d.datallowconn AND NOT d.datistemplate) AS x
WHERE x.age < 30 * 86400
HAVING pg_catalog.count(*) > 0
ORDER BY 1
