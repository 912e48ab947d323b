), namespaces AS (
    SELECT n.oid, n.nspname,
           n.nspname <> 'pg_catalog' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_toast' AS of_users
    FROM pg_catalog.pg_namespace n
