-- The version of pgkit's tables, the cluster and the database that they are in, and whether they have moved to another server or
-- another timeline since that was last recorded.
SELECT m.version, c.system_identifier::text AS system_identifier, pg_catalog.current_database()::text AS database,
       (m.system_identifier, m.timeline)
           IS DISTINCT FROM (c.system_identifier, pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))
           AS has_moved
FROM :"schema".pgkit_meta m
CROSS JOIN pg_catalog.pg_control_system() c
