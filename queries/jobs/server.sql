-- Which server this is, and which of its lives; and who we are on it.
SELECT s.system_identifier::text AS system_identifier,
       CASE WHEN pg_catalog.pg_is_in_recovery() THEN ''
            ELSE pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END AS timeline,
       pg_catalog.pg_is_in_recovery() AS standby, pg_catalog.current_database()::text AS database,
       session_user::text AS role, pg_catalog.pg_backend_pid() AS pid
FROM pg_catalog.pg_control_system() s
