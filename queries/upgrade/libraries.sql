-- The libraries that functions of this database load, one row an extension, and one a function that is of none; from a
-- server of 17 on also those that decode for its logical slots. From pg_upgrade's function.c (get_loadable_libraries).
WITH uses AS (
    SELECT p.oid AS oid, p.probin AS library, e.extname::text AS extension,
           (SELECT l.lanname::text FROM pg_catalog.pg_language l
            WHERE p.oid IN (l.lanplcallfoid, l.laninline, l.lanvalidator) ORDER BY l.oid LIMIT 1) AS language
    FROM pg_catalog.pg_proc p
    LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
         AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
    LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
    WHERE p.prolang = 13 AND p.probin IS NOT NULL AND p.oid >= 16384
)
SELECT pg_catalog.current_database()::text AS database,
       u.library AS library,
       u.extension AS extension,
       CASE WHEN u.extension IS NULL THEN pg_catalog.max(u.language) END AS language,
       CASE WHEN u.extension IS NULL THEN pg_catalog.max(u.oid::pg_catalog.regprocedure::text) END AS function,
       NULL::text AS slot,
       pg_catalog.count(*) AS functions,
       (pg_catalog.array_agg(u.oid::pg_catalog.regprocedure::text ORDER BY u.oid::pg_catalog.regprocedure::text))[1:3] AS names,
       CASE WHEN u.extension IS NOT NULL THEN pg_catalog.format('DROP EXTENSION %I;', u.extension)
            ELSE COALESCE(E'DROP LANGUAGE ' || pg_catalog.quote_ident(pg_catalog.max(u.language)) || E';\n', '')
                 || pg_catalog.format('DROP %s %s;',
                                         CASE WHEN pg_catalog.current_setting('server_version_num')::int < 110000
                                              THEN 'FUNCTION' ELSE 'ROUTINE' END,
                                         pg_catalog.max(u.oid::pg_catalog.regprocedure::text)) END AS sql
FROM uses u
GROUP BY u.library, u.extension, CASE WHEN u.extension IS NULL THEN u.oid END
UNION ALL
SELECT s.database::text, s.plugin::text, NULL, NULL, NULL, s.slot_name::text, 0, '{}',
       pg_catalog.format('SELECT pg_catalog.pg_drop_replication_slot(%L);', s.slot_name)
FROM pg_catalog.pg_replication_slots s
WHERE s.slot_type = 'logical' AND NOT s.temporary AND s.database = pg_catalog.current_database()
  AND pg_catalog.current_setting('server_version_num')::int >= 170000
ORDER BY 2, 3, 5, 6
