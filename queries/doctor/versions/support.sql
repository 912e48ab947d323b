-- The server's version, compared with the end of support of its major version and with the newest minor version.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "server"
-- key     = ["version"]
-- columns = ["version text", "major int4", "supported_until text", "left_days int4", "newest text", "behind int4", "table_age_days int4", "table_from text"]
-- [[check]]
-- name     = "major-out-of-support"
-- object   = "PostgreSQL {major}"
-- value    = "left_days"
-- critical = "left_days < 0"
-- warning  = "left_days < 180"
-- unseen   = ["left_days is null"]
-- unseen_because = "this pgkit does not know how long PostgreSQL {major} is supported: its table is from {table_from}"
-- finding  = "PostgreSQL {major} gets fixes only until {supported_until}"
-- remedy   = "pgkit upgrade-check --to 18, then pg_upgrade"
-- proof    = "pgkit settings --all --grep server_version"
-- why      = "After that day its bugs are no longer fixed, not even security holes."
-- source   = "The dates of the PostgreSQL project's versioning policy. Half a year is the time that an upgrade takes if it has to be planned."
-- ignore   = "A vendor that provides fixes for longer: ignore it until the end of that contract."
-- [[check]]
-- name     = "minor-behind"
-- object   = "PostgreSQL {version}"
-- value    = "behind"
-- critical = "table_age_days <= 100 and behind >= 2"
-- warning  = "table_age_days <= 100 and behind >= 1"
-- unseen   = ["table_age_days > 100", "newest is null"]
-- unseen_because = "this pgkit cannot know the newest minor version of PostgreSQL {major}: its table is from {table_from}, and a new one comes out every three months; update pgkit"
-- finding  = "PostgreSQL {version} lacks the fixes up to {newest}; minor releases behind: {behind}"
-- remedy   = "Install {newest} and restart the server: a minor update needs no dump and no pg_upgrade"
-- proof    = "pgkit settings --all --grep server_version"
-- why      = "Minor releases contain only fixes, including fixes for data loss and security holes."
-- source   = "The releases up to the date of the table. They are published in February, May, August and November."
-- ignore   = "A managed server, whose vendor decides when it is updated."
WITH releases (as_of) AS (VALUES ('2026-11-12'::pg_catalog.date)),
majors (major, until, minor) AS (
    VALUES (10, '2022-11-10'::pg_catalog.date, 23),
           (11, '2023-11-09'::pg_catalog.date, 22),
           (12, '2024-11-21'::pg_catalog.date, 22),
           (13, '2025-11-13'::pg_catalog.date, 23),
           (14, '2026-11-12'::pg_catalog.date, 25),
           (15, '2027-11-11'::pg_catalog.date, 20),
           (16, '2028-11-09'::pg_catalog.date, 16),
           (17, '2029-11-08'::pg_catalog.date, 12),
           (18, '2030-11-14'::pg_catalog.date, 7)
), server AS (
    SELECT v.number / 10000 AS major, v.number % 10000 AS minor, pg_catalog.now()::pg_catalog.date AS today
    FROM (SELECT pg_catalog.current_setting('server_version_num')::int4 AS number) AS v
)
SELECT s.major::text || '.' || s.minor::text AS version,
       s.major,
       m.until::text AS supported_until,
       m.until - s.today AS left_days,
       m.major::text || '.' || m.minor::text AS newest,
       greatest(m.minor - s.minor, 0) AS behind,
       s.today - r.as_of AS table_age_days,
       r.as_of::text AS table_from
FROM server s
CROSS JOIN releases r
LEFT JOIN majors m ON m.major = s.major
ORDER BY s.major
