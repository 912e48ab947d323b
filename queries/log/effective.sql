-- The settings that pgkit switches, as they are in a session, and where each comes from.
SELECT s.name AS name, s.setting AS value, s.source AS source, s.sourcefile AS file, s.sourceline AS line
FROM pg_catalog.pg_settings s
WHERE s.name IN ('log_statement', 'log_min_duration_statement')
ORDER BY s.name
