-- Which version of pgkit's tables these are, and whether they are now on another server, or on another timeline of it.
SELECT m.version,
       (m.system_identifier, m.timeline)
           IS DISTINCT FROM (c.system_identifier, pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))
           AS has_moved
FROM :"schema".pgkit_meta m
CROSS JOIN pg_catalog.pg_control_system() c
