SELECT r.rolname::text
FROM pg_catalog.pg_roles r
WHERE r.rolname !~ '^pg_' AND pg_catalog.left(r.rolname, pg_catalog.length($1)) = $1
ORDER BY r.rolname
LIMIT 500
