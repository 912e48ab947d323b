-- Functions of contrib/isn on a server that hands 8-byte values over by reference, which no server from 13 on does. From
-- pg_upgrade's check.c (check_for_isn_and_int8_passing_mismatch).
SELECT 'stops' AS severity,
       pg_catalog.current_database()::text AS database,
       'library $libdir/isn' AS object,
       'keeps its values in another way than the new server' AS problem,
       'dump what uses it, drop the extension, and load it again after the upgrade' AS fix,
       pg_catalog.format('%s functions use it, and this server passes int8 by reference', pg_catalog.count(*)) AS why,
       'DROP EXTENSION isn;' AS sql,
       pg_catalog.current_database()::text AS run_in,
       true AS choice
FROM pg_catalog.pg_proc p
WHERE p.probin = '$libdir/isn'
  AND NOT (SELECT c.float8_pass_by_value FROM pg_catalog.pg_control_init() AS c)
HAVING pg_catalog.count(*) > 0
ORDER BY 3
