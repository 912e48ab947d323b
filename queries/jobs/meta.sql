-- The version of pgkit's tables; which cluster and which database they are in; and whether that is another server, or another
-- timeline of it, than the one that was last recorded.
SELECT m.version, c.system_identifier::text AS system_identifier, pg_catalog.current_database()::text AS database,
       (m.system_identifier, m.timeline)
           IS DISTINCT FROM (c.system_identifier, pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))
           AS has_moved
FROM :"schema".pgkit_meta m
CROSS JOIN pg_catalog.pg_control_system() c
