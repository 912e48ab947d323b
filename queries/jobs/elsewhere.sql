-- The session, in any database, that holds the lock for a job's SQL in another database; no row if there is none: $1
-- the job's part of the lock's key, $2 the pid of the session's backend (NULL: any). While there is such a session, the
-- SQL may be running.
SELECT pg_catalog.json_build_object('database', d.datname, 'pid', l.pid)
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_database d ON d.oid = l.database
WHERE l.locktype = 'advisory'::text AND l.granted AND l.objsubid = 1::int2
  AND ((l.classid::int8 << 32) | l.objid::int8) =
      (SELECT $1::int8 # (home.oid::int8 << 32) FROM pg_catalog.pg_database home
       WHERE home.datname = pg_catalog.current_database())
  AND ($2::int4 IS NULL OR l.pid = $2::int4)
LIMIT 1
