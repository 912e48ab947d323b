-- Collations of one's own that are ICU's: for a new server without ICU.
SELECT 'stops' AS severity,
       pg_catalog.current_database()::text AS database,
       'collation ' || pg_catalog.format('%I.%I', n.nspname, c.collname) AS object,
       'is ICU''s, and the new server was built without ICU' AS problem,
       'take programs that were built with ICU, or drop the collation' AS fix,
       'pg_upgrade''s check does not see it; the restore fails' AS why,
       pg_catalog.format('DROP COLLATION %I.%I;', n.nspname, c.collname) AS sql,
       pg_catalog.current_database()::text AS run_in,
       true AS choice
FROM pg_catalog.pg_collation c
JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
WHERE c.oid >= 16384 AND c.collprovider = 'i'
ORDER BY 3
