-- Releases of PostgreSQL that are known to damage data or to break extensions.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["number"]
-- columns = ["number int4", "version text", "harm text", "remedy text", "is_damage bool"]
-- [[check]]
-- name     = "known-bad-minor"
-- object   = "{version}"
-- critical = "is_damage"
-- warning  = "harm <> ''"
-- finding  = "{version} {harm}"
-- remedy   = "{remedy}"
-- why      = "The fault is in the release itself: the longer the server runs on it, the more is damaged. Updating to a newer minor release takes one restart."
-- source   = "release notes of 14.4 (CREATE INDEX CONCURRENTLY) and of 17.2, 16.6, 15.10, 14.15, 13.18 and 12.22 (ABI of 2024-11-14)"
-- ignore   = "A build whose vendor has included the fix without a new version number."
WITH server AS (
    SELECT pg_catalog.current_setting('server_version_num')::int4 AS number
)
SELECT s.number,
       (s.number / 10000)::text || '.' || (s.number % 10000)::text AS version,
       CASE WHEN b.is_damage THEN 'corrupts indexes that are built by CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY'
            ELSE 'changed the layout of a data structure in memory: extensions that were built for another minor release, such as TimescaleDB, may crash the server' END AS harm,
       CASE WHEN b.is_damage THEN 'Install the newest 14 and restart, then REINDEX CONCURRENTLY every index that was built CONCURRENTLY in the meantime: the update does not repair them (pg_amcheck --heapallindexed finds the damaged ones)'
            ELSE 'Install the next minor release and restart' END AS remedy,
       b.is_damage
FROM server s
JOIN (VALUES (140000, 140003, true), (170001, 170001, false), (160005, 160005, false), (150009, 150009, false), (140014, 140014, false), (130017, 130017, false), (120021, 120021, false)) AS b (first, last, is_damage)
  ON s.number BETWEEN b.first AND b.last
ORDER BY b.is_damage DESC
