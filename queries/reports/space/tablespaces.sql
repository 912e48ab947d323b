-- Tablespaces: where they are, their size, and which databases use them.
--
-- since   = 10
-- needs   = "no special privilege; pg_read_all_stats shows the size of tablespaces in which the role may not create objects"
-- retry   = ["42704", "58P01", "XX000"]
-- source  = '''psql \db+'''
-- example = "pgkit tablespaces"
-- reading = "total_bytes is the size of the files of all databases. relations is the number of relations of this database, databases that of all databases with files there."
-- notes   = "The server does not tell the location of pg_default and pg_global, because they are in its data directory."
-- key     = ["tablespace"]
-- wide    = ["options", "owner"]
-- columns = ["tablespace text", "location text", "total_bytes int8", "relations int8", "databases int8", "owner text", "options text"]
-- [[hidden]]
-- when = "EXISTS (SELECT FROM pg_catalog.pg_tablespace t WHERE NOT pg_catalog.has_tablespace_privilege(t.oid, 'CREATE') AND t.oid <> (SELECT d.dattablespace FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())) AND NOT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')"
-- says = "the size of tablespaces in which this role may not create objects is not shown; pg_read_all_stats shows it"
WITH here AS (
    SELECT d.dattablespace FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
), sized AS (  -- pg..11
), sized AS MATERIALIZED (  -- pg12..
    SELECT t.oid, t.spcname, t.spcowner, t.spcoptions,
           nullif(pg_catalog.pg_tablespace_location(t.oid), '') AS location,
           CASE WHEN pg_catalog.has_tablespace_privilege(t.oid, 'CREATE') OR t.oid = h.dattablespace OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')
                THEN pg_catalog.pg_tablespace_size(t.oid) END AS total_bytes,
           -- What all databases share is in no database.
           CASE WHEN t.spcname <> 'pg_global' THEN (SELECT pg_catalog.count(*) FROM pg_catalog.pg_tablespace_databases(t.oid)) END AS databases
    FROM pg_catalog.pg_tablespace t
    CROSS JOIN here h
), counted AS (
    SELECT coalesce(nullif(c.reltablespace, 0), h.dattablespace) AS oid, pg_catalog.count(*) AS relations
    FROM pg_catalog.pg_class c
    CROSS JOIN here h
    WHERE c.relkind IN ('r', 'i', 'S', 't', 'm')
    GROUP BY 1
)
SELECT s.spcname::text AS tablespace,
       s.location,
       s.total_bytes,
       coalesce(c.relations, 0) AS relations,
       s.databases,
       pg_catalog.pg_get_userbyid(s.spcowner)::text AS owner,
       pg_catalog.array_to_string(s.spcoptions, ', ') AS options
FROM sized s
LEFT JOIN counted c ON c.oid = s.oid
ORDER BY s.total_bytes DESC NULLS LAST, s.spcname::text COLLATE "C"
