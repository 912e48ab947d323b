-- Databases in which the server read pages with a wrong checksum.
--
-- since   = 12
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["object"]
-- columns = ["object text", "failures int8 counter", "last_failure timestamptz", "last_failure_s float8", "found_in text", "reset text"]
-- [[check]]
-- name     = "checksum-failures"
-- object   = "{object}"
-- value    = "failures"
-- critical = ["failures > 0 and last_failure is null", "failures > 0 and last_failure_s <= 30d", "change_failures > 0"]
-- warning  = "failures > 0"
-- finding  = "checksum failures {found_in}: {failures}, the last one at {last_failure}"
-- remedy   = "Find the damaged relations with pg_amcheck and in the server's log, and restore them from a backup{reset}"
-- why      = "A wrong checksum means that the disk, its controller or the memory returned something other than what PostgreSQL wrote. Rows of that page are lost or wrong, and the damage is seldom limited to one page."
-- source   = "pg_stat_database.checksum_failures (12 and later); the manual, chapter on data checksums"
-- ignore   = "After a repair, the counter stays until the statistics of the database are reset."
-- proof    = "pgkit databases"
SELECT coalesce(s.datname::text, 'shared catalogs') AS object,
       s.checksum_failures AS failures,
       s.checksum_last_failure AS last_failure,
       pg_catalog.round(extract(epoch FROM greatest(m.now, s.checksum_last_failure) - s.checksum_last_failure)::numeric, 3)::float8 AS last_failure_s,
       CASE WHEN s.datid = 0 THEN 'in the catalogs that all databases share' ELSE 'in database ' || s.datname::text END AS found_in,
       -- pg_stat_reset() does not reset what is counted for shared catalogs.
       CASE WHEN s.datid = 0 THEN '' ELSE ', then run SELECT pg_stat_reset() in ' || s.datname::text END AS reset
FROM pg_catalog.pg_stat_database s
CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now OFFSET 0) AS m
WHERE s.checksum_failures > 0
ORDER BY s.datid
