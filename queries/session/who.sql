-- Which server this session is on, and what kind of session it is.
SELECT pg_catalog.pg_backend_pid() AS pid,
       CURRENT_USER <> SESSION_USER AS has_other_role,
       pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.current_setting('default_transaction_read_only') = 'on' AS read_only
