SELECT d.datname::text
FROM pg_catalog.pg_database d
WHERE d.datallowconn AND pg_catalog.left(d.datname::text, pg_catalog.length($1)) = $1
ORDER BY d.datname
LIMIT 500
