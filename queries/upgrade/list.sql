-- Every database, whether it lets somebody in, and whether that may be this role.
SELECT d.datname::text AS name,
       d.datallowconn AND d.datconnlimit <> -2 AS open,
       pg_catalog.has_database_privilege(d.oid, 'CONNECT') AS allowed
FROM pg_catalog.pg_database d
ORDER BY d.datname
