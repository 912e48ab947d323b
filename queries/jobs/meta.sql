-- The version of pgkit's tables, and whether they have moved to another server or another timeline since that was last recorded.
SELECT m.version,
       (m.system_identifier, m.timeline)
           IS DISTINCT FROM (c.system_identifier, pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))
           AS has_moved
FROM :"schema".pgkit_meta m
CROSS JOIN pg_catalog.pg_control_system() c
