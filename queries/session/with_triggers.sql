-- Lets triggers and constraints work, whatever was set for the database or the role. Refused if the role may not set it.
SELECT pg_catalog.set_config('session_replication_role', 'origin', false)
WHERE pg_catalog.current_setting('session_replication_role') <> 'origin'
