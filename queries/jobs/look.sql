-- The state of an attempt and, if there is more output than the reader has, the output so far: $1 attempt's id, $2 how
-- many bytes the reader has, $3 the key of the job's lock. The head is left out if the reader has all of it.
SELECT r.state, o.bytes,
       CASE WHEN $2::int8 < '65536'::int8 AND o.bytes > $2 THEN pg_catalog.encode(o.head, 'hex'::text) END AS head,
       CASE WHEN o.bytes > $2 THEN pg_catalog.encode(o.tail, 'hex'::text) END AS tail,
       EXISTS (SELECT FROM pg_catalog.pg_locks l
               WHERE l.locktype = 'advisory'::text AND l.granted AND l.objsubid = 1::int2
                 AND ((l.classid::int8 << 32) | l.objid::int8) = $3::int8
                 AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                                   WHERE d.datname = pg_catalog.current_database())) AS is_locked
FROM :"schema".pgkit_run r
LEFT JOIN :"schema".pgkit_output o ON o.run = r.id
WHERE r.id = $1::int8
