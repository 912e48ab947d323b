-- The guard of crontabber's table in this schema ($1), if it exists, and whether it is enabled: O, A and R are as in
-- pg_trigger.
SELECT t.tgenabled::text AS enabled
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = 'crontabber' AND t.tgname = 'pgkit_guard' AND NOT t.tgisinternal
