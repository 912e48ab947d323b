-- The databases that are chosen, whether the role may connect to them, and whether anybody can. $1 and $2 are regular
-- expressions for the names of those that are excluded, and of those that are wanted; all are wanted if there is none of these.
SELECT d.datname::text AS name,
       d.datallowconn AND d.datconnlimit <> -2 AND pg_catalog.has_database_privilege(d.oid, 'CONNECT') AS is_open,
       d.datallowconn AND d.datconnlimit <> -2 AS accepts
FROM pg_catalog.pg_database d
WHERE NOT EXISTS (SELECT FROM pg_catalog.unnest($1) AS x (regex) WHERE d.datname ~ (x.regex COLLATE "default"))
  AND (pg_catalog.cardinality($2) = 0 OR EXISTS (SELECT FROM pg_catalog.unnest($2) AS x (regex) WHERE d.datname ~ (x.regex COLLATE "default")))
ORDER BY d.datname
