-- Databases whose name it cannot hand on, databases that pg_upgrade cannot connect to, and a template0 that it could. From pg_upgrade's check.c
-- (check_proper_datallowconn); a database with the limit -2 is one whose DROP was interrupted.
SELECT 'stops' AS severity,
       d.datname::text AS database,
       'database ' || pg_catalog.quote_ident(d.datname) AS object,
       CASE WHEN d.datconnlimit = -2 THEN 'is invalid: its DROP DATABASE was interrupted'
            WHEN d.datname = 'template0' THEN 'allows connections'
            ELSE 'refuses connections' END AS problem,
       CASE WHEN d.datconnlimit = -2 THEN 'drop it'
            WHEN d.datname = 'template0' THEN 'let it refuse them'
            ELSE 'let it allow them, or drop it' END AS fix,
       CASE WHEN d.datname = 'template0' AND d.datconnlimit <> -2
            THEN 'pg_upgrade leaves template0 as initdb made it, and stops where anybody may have changed it'
            ELSE 'pg_upgrade connects to every database but template0; what is in this one cannot be looked at' END AS why,
       CASE WHEN d.datconnlimit = -2 THEN pg_catalog.format('DROP DATABASE %I;', d.datname)
            ELSE pg_catalog.format('ALTER DATABASE %I WITH ALLOW_CONNECTIONS %s;', d.datname,
                                   CASE WHEN d.datname = 'template0' THEN 'false' ELSE 'true' END) END AS sql,
       NULL::text AS run_in,
       d.datconnlimit = -2 AS choice
FROM pg_catalog.pg_database d
WHERE d.datconnlimit = -2 OR d.datallowconn = (d.datname = 'template0')
UNION ALL
SELECT 'stops', d.datname::text, 'database ' || pg_catalog.quote_ident(d.datname), 'has a line break in its name', 'rename it',
       'pg_upgrade hands the name to a shell, and takes no line breaks there',
       NULL, NULL, true
FROM pg_catalog.pg_database d
WHERE d.datname ~ '[\n\r]'
UNION ALL
SELECT 'stops', NULL, 'database template1', 'does not exist', 'make it again',
       'pg_upgrade connects to template1', 'CREATE DATABASE template1 TEMPLATE template0 IS_TEMPLATE true;', NULL, true
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_database d WHERE d.datname = 'template1')
ORDER BY 2, 3
