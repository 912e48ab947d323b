-- Those of some jobs that are ongoing elsewhere which may be free by now: $1 names, $2 keys of their locks. Such a job has no
-- claim any more, or a claim of pgkit's whose lock is free. A claim of crontabber's has no lock.
WITH held AS (
    SELECT (l.classid::int8 << 32) | l.objid::int8 AS key
    FROM pg_catalog.pg_locks l
    WHERE l.locktype = 'advisory'::text AND l.granted AND l.objsubid = 1::int2
      AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
)
SELECT n.name
FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS n (name, key)
LEFT JOIN :"schema".crontabber c ON c.app_name = n.name
WHERE c.ongoing IS NULL
   OR (EXISTS (SELECT FROM :"schema".pgkit_run r
               WHERE r.app_name = n.name AND r.state = ANY (ARRAY['running', 'held']::text[]) AND r.state <> 'succeeded'::text
                 AND r.claim = c.ongoing)
       AND NOT EXISTS (SELECT FROM held WHERE held.key = n.key::int8))
