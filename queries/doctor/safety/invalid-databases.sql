-- Databases whose DROP DATABASE was interrupted.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows the size of databases that the role may not connect to"
-- scope   = "server"
-- retry   = ["42704", "3D000", "58P01", "XX000"]
-- key     = ["database"]
-- columns = ["database text", "size_bytes int8", "size text", "xid_age int8"]
-- [[check]]
-- name     = "invalid-database"
-- object   = "{database}"
-- value    = "size_bytes"
-- database = "database"
-- critical = "size_bytes > 10GB"
-- warning  = "database <> ''"
-- finding  = "DROP DATABASE of {database} was interrupted: nobody can connect to it any more{size}"
-- remedy   = "DROP DATABASE {database:ident}"
-- why      = "Its files stay on the disk, the age of its transaction IDs keeps growing toward the wraparound limit, and tools that connect to every database fail on it."
-- source   = "pg_database.datconnlimit = -2: DATCONNLIMIT_INVALID_DB in PostgreSQL's sources (11.21, 12.16, 13.12, 14.9, 15.4, 16)"
-- ignore   = "Nothing to ignore: such a database can only be dropped."
-- proof    = "pgkit databases"
WITH sized AS (  -- pg..11
WITH sized AS MATERIALIZED (  -- pg12..
    SELECT d.datname, pg_catalog.age(d.datfrozenxid)::int8 AS xid_age,
           CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
                THEN pg_catalog.pg_database_size(d.oid) END AS size_bytes
    FROM pg_catalog.pg_database d
    WHERE d.datconnlimit = -2
)
SELECT s.datname::text AS database,
       s.size_bytes,
       CASE WHEN s.size_bytes IS NULL THEN '; its size cannot be read without the privilege to connect' ELSE ', and its ' || pg_catalog.pg_size_pretty(s.size_bytes) || ' are wasted' END AS size,
       s.xid_age
FROM sized s
ORDER BY s.size_bytes DESC NULLS LAST, s.datname::text COLLATE "C"
