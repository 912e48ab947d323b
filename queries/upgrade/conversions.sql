-- Encoding conversions of one's own. From pg_upgrade's check.c (check_for_user_defined_encoding_conversions).
SELECT 'stops' AS severity,
       pg_catalog.current_database()::text AS database,
       'conversion ' || pg_catalog.format('%I.%I', n.nspname, c.conname) AS object,
       'is an encoding conversion of your own' AS problem,
       'drop it, and make it again after the upgrade with a function of the new kind' AS fix,
       'the arguments of conversion functions changed in 14' AS why,
       pg_catalog.format('DROP CONVERSION %I.%I;', n.nspname, c.conname) AS sql,
       pg_catalog.current_database()::text AS run_in,
       true AS choice
FROM pg_catalog.pg_conversion c
JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE c.oid >= 16384
ORDER BY 3
