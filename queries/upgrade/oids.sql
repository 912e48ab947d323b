-- Tables declared WITH OIDS. From pg_upgrade's check.c (check_for_tables_with_oids).
SELECT 'stops' AS severity,
       pg_catalog.current_database()::text AS database,
       'table ' || pg_catalog.format('%I.%I', n.nspname, c.relname) AS object,
       'was made WITH OIDS' AS problem,
       'take the OIDs away; copy them to a column of their own before, if anything uses them' AS fix,
       'the hidden column oid went away in 12' AS why,
       pg_catalog.format('ALTER TABLE %I.%I SET WITHOUT OIDS;', n.nspname, c.relname) AS sql,
       pg_catalog.current_database()::text AS run_in,
       true AS choice
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relhasoids AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_(toast_)?temp_'
ORDER BY 3
