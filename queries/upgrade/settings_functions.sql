-- Settings of functions of this database, each with its value.
SELECT pg_catalog.format('function %s', p.oid::pg_catalog.regprocedure) AS place,
       pg_catalog.lower(pg_catalog.split_part(c.item, '=', 1)) AS name,
       pg_catalog.substr(c.item, pg_catalog.strpos(c.item, '=') + 1) AS value,
       pg_catalog.format('ALTER %s %s RESET %I;',
                         CASE WHEN pg_catalog.current_setting('server_version_num')::int < 110000 THEN 'FUNCTION' ELSE 'ROUTINE' END,
                         p.oid::pg_catalog.regprocedure, pg_catalog.split_part(c.item, '=', 1)) AS sql
FROM pg_catalog.pg_proc p
CROSS JOIN LATERAL pg_catalog.unnest(p.proconfig) AS c (item)
WHERE p.oid >= 16384 AND pg_catalog.split_part(c.item, '=', 1) !~ '[.]'
ORDER BY 1, 2
