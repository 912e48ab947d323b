-- Notifies the runners of a new request.
SELECT pg_catalog.pg_notify('pgkit_jobs', '')
