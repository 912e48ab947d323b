-- The database in which every pgkit takes the lock: advisory locks are a database's own, and this must hold for all.
SELECT d.datname::text AS name
FROM pg_catalog.pg_database d
WHERE d.datallowconn AND NOT d.datistemplate AND pg_catalog.has_database_privilege(d.oid, 'CONNECT')
ORDER BY d.oid
LIMIT 1
