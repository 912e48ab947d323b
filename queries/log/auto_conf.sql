-- The settings that pgkit switches as in postgresql.auto.conf, where the last one of a name wins; and the file's errors.
SELECT pg_catalog.lower(f.name) AS name, f.setting AS value, f.error AS error
FROM pg_catalog.pg_file_settings f
WHERE f.sourcefile = pg_catalog.current_setting('data_directory') || '/postgresql.auto.conf'
  AND (pg_catalog.lower(f.name) IN ('log_statement', 'log_min_duration_statement', 'pgkit.log')
       OR (f.name IS NULL AND f.error IS NOT NULL))
ORDER BY f.seqno
