-- Records that the tables are now on another server, or on another timeline of it.
UPDATE :"schema".pgkit_meta m
SET system_identifier = s.system_identifier, timeline = s.timeline, changed_at = pg_catalog.clock_timestamp()
FROM (SELECT c.system_identifier,
             pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) AS timeline
      FROM pg_catalog.pg_control_system() c
      WHERE NOT pg_catalog.pg_is_in_recovery()) s
WHERE (m.system_identifier, m.timeline) IS DISTINCT FROM (s.system_identifier, s.timeline)
