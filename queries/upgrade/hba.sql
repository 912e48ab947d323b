-- The lines of pg_hba.conf for the local socket, in their order, by which pg_upgrade connects; only a superuser sees them.
SELECT h.line_number AS line,
       h.database AS databases,
       h.user_name AS users,
       h.auth_method AS method
FROM pg_catalog.pg_hba_file_rules h
WHERE h.type = 'local' AND h.error IS NULL
ORDER BY h.line_number
