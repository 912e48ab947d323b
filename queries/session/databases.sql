-- The databases that are not excluded, and whether the role may connect to them. $1 are regular expressions for names.
SELECT d.datname::text AS name,
       d.datallowconn AND pg_catalog.has_database_privilege(d.oid, 'CONNECT') AS is_open
FROM pg_catalog.pg_database d
WHERE NOT EXISTS (SELECT FROM pg_catalog.unnest($1) AS x (regex) WHERE d.datname ~ (x.regex COLLATE "default"))
ORDER BY d.datname
