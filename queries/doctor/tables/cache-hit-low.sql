-- How many of the blocks that queries of this database need are found in the server's cache.
--
-- since   = 10
-- needs   = "no special privilege"
-- when    = "pg_catalog.current_setting('track_counts')::bool"
-- key     = ["database"]
-- columns = ["database text", "reads int8 counter", "hits int8 counter", "hit_pct float8", "reads_per_second float8", "stats_age_s float8"]
-- [[check]]
-- name     = "cache-hit-low"
-- object   = "{database}"
-- value    = "hit_pct"
-- note     = ["rate_reads > 1000 and change_hits < change_reads * 9", "stats_age_s > 1h and reads_per_second > 1000 and hit_pct < 90"]
-- finding  = "less than 90 % of the blocks that queries need are in the server's cache, and more than 1000 blocks per second are read"
-- remedy   = "raise shared_buffers if there is memory, or add indexes where whole tables are read: pgkit cache and pgkit index-problems show them"
-- proof    = "pgkit cache"
-- why      = "Each block that is not in the cache is copied from the operating system's cache, or waits for the disk."
-- source   = "pg_stat_database.blks_read, blks_hit; ruby-pg-extras, pghero and others warn at 98 to 99 %, which even healthy servers do not reach"
-- ignore   = "A server that was just started, reports that read everything, or a disk cache that holds all of it."
SELECT d.datname::text AS database, x.fetched - x.hits AS reads, x.hits,
       (100.0 * x.hits / nullif(x.fetched, 0))::float8 AS hit_pct,
       (x.fetched - x.hits)::float8 / nullif(x.age, 0) AS reads_per_second,
       x.age AS stats_age_s
FROM pg_catalog.pg_database d
CROSS JOIN LATERAL (
    SELECT pg_catalog.pg_stat_get_db_blocks_fetched(d.oid) AS fetched, pg_catalog.pg_stat_get_db_blocks_hit(d.oid) AS hits,
           -- From 15 on, a database's stats_reset is NULL until somebody resets its statistics: until then, the cluster's applies.
           extract(epoch FROM pg_catalog.now() - coalesce(pg_catalog.pg_stat_get_db_stat_reset_time(d.oid), pg_catalog.pg_stat_get_bgwriter_stat_reset_time()))::float8 AS age
) AS x
WHERE d.datname = pg_catalog.current_database()
ORDER BY d.datname
