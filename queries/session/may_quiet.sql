-- Whether this role may keep its own statements out of the server's log.
SELECT pg_catalog.current_setting('is_superuser') = 'on' AS may_quiet
