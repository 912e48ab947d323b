-- Every database, whether it lets somebody in, and whether that may be this role; and its encoding.
SELECT d.datname::text AS name,
       d.datallowconn AND d.datconnlimit <> -2 AS open,
       pg_catalog.has_database_privilege(d.oid, 'CONNECT') AS allowed,
       pg_catalog.pg_encoding_to_char(d.encoding)::text AS encoding
FROM pg_catalog.pg_database d
ORDER BY d.datname
