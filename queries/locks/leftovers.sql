-- Schemas of demonstrations whose janitor is gone: no session holds the lock of their number. $1 int8: the locks' class.
-- This session holds the lock from then on.
SELECT x.name
FROM (SELECT n.nspname::text AS name, ('x' || pg_catalog.right(n.nspname, 8))::bit(32)::int4 AS number
      FROM pg_catalog.pg_namespace n
      WHERE n.nspname ~ '^pgkit_locks_demo_[0-9a-f]{8}$' AND pg_catalog.pg_has_role(n.nspowner, 'USAGE')
      OFFSET 0) AS x
WHERE pg_catalog.pg_try_advisory_lock($1::int4, x.number)
ORDER BY x.name
