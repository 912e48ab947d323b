-- Collations whose version was another when they were made: their indexes may be in the wrong order.
SELECT 'hurts' AS severity,
       pg_catalog.current_database()::text AS database,
       'collation ' || pg_catalog.format('%I.%I', n.nspname, c.collname) AS object,
       pg_catalog.format('has the version %s, and its library now is %s', c.collversion, a.version) AS problem,
       'rebuild the indexes that use it, then refresh its version' AS fix,
       'text is in another order than when its indexes were built; pg_upgrade carries them over as they are' AS why,
       pg_catalog.format('ALTER COLLATION %I.%I REFRESH VERSION;', n.nspname, c.collname) AS sql,
       pg_catalog.current_database()::text AS run_in,
       true AS choice
FROM pg_catalog.pg_collation c
JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
CROSS JOIN LATERAL (SELECT CASE WHEN c.collversion IS NOT NULL THEN pg_catalog.pg_collation_actual_version(c.oid) END AS version) AS a
WHERE c.collversion IS NOT NULL AND a.version IS NOT NULL AND c.collversion <> a.version
ORDER BY 3
