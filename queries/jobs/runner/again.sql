-- Records that a process has begun to run jobs once. If an earlier such process had the same jobs and has ended, this one takes over
-- its row, because a file may have thousands of jobs, whose names need not be written again. The jobs are the same if the file, its
-- hash, the host and the version are. Otherwise nothing is recorded. Also deletes the other rows of such processes that are gone,
-- and all rows that were last seen more than a week ago.
-- $1 id, $2 host, $3 pid, $4 version, $5 file, $6 its hash, $7 slots, $8 why its programs are not contained, $9 whether it ends at
-- once, $10 how long after it was last seen a process counts as gone. Returns JSON.
WITH
-- include unhurried
, alike AS (
    SELECT r.id, r.ended IS NOT NULL AS has_ended
    FROM :"schema".pgkit_runner r
    WHERE r.kind = 'pass'::text AND r.host = $2::text AND r.version = $4::text AND r.file = $5::text
      AND r.file_hash = $6::text
      AND (r.ended IS NOT NULL OR r.seen < pg_catalog.clock_timestamp() - $10::text::interval)
    ORDER BY r.seen DESC
    FOR UPDATE SKIP LOCKED
), chosen AS (
    SELECT a.id FROM alike a WHERE a.has_ended LIMIT 1
), gone AS (
    DELETE FROM :"schema".pgkit_runner r
    WHERE r.id NOT IN (SELECT c.id FROM chosen c)
      AND (r.id IN (SELECT a.id FROM alike a)
           OR (r.kind <> 'init'::text AND r.seen < pg_catalog.clock_timestamp() - '7 days'::interval))
      AND EXISTS (SELECT FROM chosen c)
)
UPDATE :"schema".pgkit_runner r
SET id = $1::text, pid = $3::int8, slots = $7::int8, running = 0, uncontained = $8::text,
    since = pg_catalog.clock_timestamp(), seen = pg_catalog.clock_timestamp(),
    ended = CASE WHEN $9::bool THEN pg_catalog.clock_timestamp() END
FROM unhurried, chosen c
WHERE r.id = c.id
RETURNING pg_catalog.json_build_object('id', r.id)
