-- Notifies the runners that a request has been made.
SELECT pg_catalog.pg_notify('pgkit_jobs', '')
