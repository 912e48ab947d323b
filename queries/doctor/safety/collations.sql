-- Collations whose rules may have changed since indexes were built with them.
--
-- since   = 10
-- needs   = "no special privilege"
-- scope   = "database"
-- key     = ["object"]
-- columns = ["object text", "recorded text", "actual text", "is_changed bool", "indexes int8", "unique_indexes int8", "named text", "remedy text", "unknown_because text"]
-- [[check]]
-- name     = "collation-version-changed"
-- object   = "{object}"
-- critical = "is_changed and indexes > 0"
-- note     = "is_changed"
-- unseen   = "is_changed is null"
-- unseen_because = "{unknown_because}"
-- finding  = "the collation {object} was version {recorded} and is now version {actual}; indexes that may be out of order: {indexes}, {unique_indexes} of them unique ({named})"
-- remedy   = "{remedy}"
-- why      = "A new version of the system's library or of ICU may sort differently. An index that was built with the old order no longer finds some rows, and unique indexes let duplicates in."
-- source   = "pg_collation.collversion, pg_database.datcollversion (15 and later); the manual, ALTER COLLATION"
-- ignore   = "After the indexes have been rebuilt, REFRESH VERSION clears the finding."
WITH used AS (
    -- The collations of indexes. Catalogs are sorted by C, all of them from 12 on.
    SELECT c.used AS oid, pg_catalog.count(*) AS indexes, pg_catalog.count(*) FILTER (WHERE c.indisunique) AS unique_indexes, (pg_catalog.array_agg(c.indexrelid ORDER BY c.indisunique DESC, c.indexrelid))[1 : 3] AS first
    FROM (SELECT DISTINCT i.indexrelid, i.indisunique, u.oid AS used
          FROM pg_catalog.pg_index i
          CROSS JOIN LATERAL pg_catalog.unnest(i.indcollation::oid[]) AS u (oid)
          WHERE i.indrelid >= '16384'::oid AND u.oid <> '0'::oid) AS c
    GROUP BY c.used
), own AS (
    SELECT d.datname, d.oid,
           d.datcollversion AS recorded, pg_catalog.pg_database_collation_actual_version(d.oid) AS actual,  -- pg15..
           NULL::text AS recorded, NULL::text AS actual,  -- pg..14
           -- C and POSIX have no version.
           d.datcollate::text ~* '^(C|POSIX)$|^C\.'
           AND d.datlocprovider = 'c'  -- pg15..
           AS is_plain
    FROM pg_catalog.pg_database d
    WHERE d.datname = pg_catalog.current_database()
), judged AS (
    SELECT 1 AS place, o.datname::text AS object, o.recorded, o.actual, u.indexes, u.unique_indexes, u.first,
           CASE WHEN o.is_plain THEN false ELSE o.recorded <> o.actual END AS is_changed,
           pg_catalog.format('ALTER DATABASE %I REFRESH COLLATION VERSION', o.datname) AS refresh,
           'servers before 15 do not record the version of a database''s own collation'  -- pg..14
           'no version was recorded for the database''s own collation, or the system does not report one'  -- pg15..
           AS unknown_because
    FROM own o
    LEFT JOIN used u ON u.oid = '100'::oid
    UNION ALL
    SELECT 2, pg_catalog.format('%s.%s', n.nspname, c.collname), c.collversion, a.actual, u.indexes, u.unique_indexes, u.first,
           CASE WHEN c.collprovider = 'c' AND c.collcollate::text ~* '^(C|POSIX)$|^C\.' THEN false ELSE c.collversion <> a.actual END,
           pg_catalog.format('ALTER COLLATION %I.%I REFRESH VERSION', n.nspname, c.collname),
           'no version was recorded for it, or the system does not report one'
    FROM used u
    JOIN pg_catalog.pg_collation c ON c.oid = u.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_collation_actual_version(c.oid) AS actual OFFSET 0) AS a
    WHERE c.oid <> '100'::oid AND c.collprovider IN ('c', 'i')
)
SELECT j.object,
       j.recorded,
       j.actual,
       j.is_changed,
       coalesce(j.indexes, 0) AS indexes,
       coalesce(j.unique_indexes, 0) AS unique_indexes,
       coalesce(n.named, 'none') AS named,
       pg_catalog.concat(CASE WHEN j.unique_indexes > 0 THEN 'Check for duplicates first, then ' END, n.statements, j.refresh) AS remedy,
       j.unknown_because
FROM judged j
LEFT JOIN LATERAL (
    SELECT pg_catalog.concat(pg_catalog.string_agg(pg_catalog.format('%s.%s', s.nspname, c.relname), ', ' ORDER BY f.place), CASE WHEN j.indexes > 3 THEN ', ...' END) AS named,
           pg_catalog.concat(pg_catalog.string_agg(pg_catalog.format('REINDEX INDEX %I.%I; ', s.nspname, c.relname), '' ORDER BY f.place),
                             CASE WHEN j.indexes > 3 THEN pg_catalog.format('the same for %s more; ', j.indexes - 3) END) AS statements
    FROM pg_catalog.unnest(j.first) WITH ORDINALITY AS f (oid, place)
    JOIN pg_catalog.pg_class c ON c.oid = f.oid
    JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
) AS n ON j.first IS NOT NULL AND j.is_changed
WHERE j.is_changed IS NOT FALSE
ORDER BY j.place, j.object COLLATE "C"
