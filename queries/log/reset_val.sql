-- The settings that pgkit switches, as a session would have them after RESET, and where that comes from.
SELECT s.name AS name, s.reset_val AS value, 'the server''s settings' AS source,
       s.sourcefile AS file, s.sourceline AS line
FROM pg_catalog.pg_settings s
WHERE s.name IN ('log_statement', 'log_min_duration_statement')
ORDER BY s.name
