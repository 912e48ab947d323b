-- The settings that pgkit switches, as set for databases and roles.
SELECT d.datname::text AS database, r.rolname::text AS role,
       pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1)) AS name,
       pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1) AS value
FROM pg_catalog.pg_db_role_setting s
CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c (item)
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
WHERE pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1))
      IN ('log_statement', 'log_min_duration_statement', 'pgkit.log')
  AND (s.setdatabase = 0 OR d.oid IS NOT NULL)
  AND (s.setrole = 0 OR r.oid IS NOT NULL)
ORDER BY 1 NULLS FIRST, 2 NULLS FIRST, 3
