-- The server that a snapshot is of, its clock, and the role that takes the snapshot.
SELECT pg_catalog.clock_timestamp() AS taken,
       pg_catalog.pg_postmaster_start_time() AS started,
       pg_catalog.current_setting('server_version') AS server_version,
       pg_catalog.pg_is_in_recovery() AS standby,
       CURRENT_USER::text AS role
