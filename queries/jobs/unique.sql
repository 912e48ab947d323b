-- Unique indexes of crontabber's table in a schema ($1), except its own: crontabber recognizes a lost race only by its own.
SELECT i.indexrelid::pg_catalog.regclass::text AS name
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_class own ON own.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = 'crontabber' AND i.indisunique
  AND own.relname <> 'crontabber_unique_app_name_idx'
ORDER BY 1
