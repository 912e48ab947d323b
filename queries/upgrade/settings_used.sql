-- Settings that are not at their defaults, in the server's files, at databases and roles, and at functions of this
-- database, each with its value; hidden ones are not among them.
SELECT 'server' AS place, s.name AS name, s.setting AS value, NULL::text AS sql
FROM pg_catalog.pg_settings s
WHERE s.source IN ('configuration file', 'command line', 'environment variable') AND s.name !~ '[.]'
UNION ALL
SELECT COALESCE('role ' || pg_catalog.quote_ident(r.rolname), 'every role')
           || COALESCE(' in database ' || pg_catalog.quote_ident(d.datname), ''),
       pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1)),
       pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1),
       CASE WHEN r.rolname IS NULL AND d.datname IS NULL THEN 'ALTER ROLE ALL'
            WHEN r.rolname IS NULL THEN pg_catalog.format('ALTER DATABASE %I', d.datname)
            ELSE pg_catalog.format('ALTER ROLE %I', r.rolname)
                 || COALESCE(' IN DATABASE ' || pg_catalog.quote_ident(d.datname), '') END
           || pg_catalog.format(' RESET %I;', pg_catalog.split_part(c.item, '=', 1))
FROM pg_catalog.pg_db_role_setting s
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item)
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
WHERE (s.setdatabase = 0 OR d.oid IS NOT NULL) AND (s.setrole = 0 OR r.oid IS NOT NULL)
  AND pg_catalog.split_part(c.item, '=', 1) !~ '[.]'
ORDER BY 1, 2
