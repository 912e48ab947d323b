-- What of crontabber's and pgkit's tables is in a schema ($1), whose it is, and whether that is one of our roles.
SELECT c.relname::text AS name, c.relkind::text AS kind, pg_catalog.pg_get_userbyid(c.relowner)::text AS owner,
       pg_catalog.pg_has_role(c.relowner, 'MEMBER') AS mine,
       ARRAY(SELECT pg_catalog.concat(a.attname, ' ', pg_catalog.format_type(a.atttypid, NULL))
             FROM pg_catalog.pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             ORDER BY a.attnum) AS columns
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1
  AND c.relname IN ('crontabber', 'crontabber_unique_app_name_idx', 'crontabber_log', 'pgkit_meta', 'pgkit_job',
                    'pgkit_run', 'pgkit_run_succeeded', 'pgkit_run_attempts')
ORDER BY c.relname
