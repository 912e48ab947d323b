-- Records a process that runs jobs. Also deletes the rows of processes that are gone: those of the same kind, host and
-- file that had no jobs besides these, and all that were last seen more than a week ago. $1 id, $2 kind, $3 host, $4
-- pid, $5 version, $6 file, $7 its hash, $8 its jobs, $9 slots, $10 why its programs are not contained, $11 how long
-- after it was last seen a process counts as gone, $12 whether it ends at once.
WITH
-- include unhurried
, gone AS (
    DELETE FROM :"schema".pgkit_runner r
    WHERE r.id <> $1::text AND r.kind <> 'init'::text
      AND (r.seen < pg_catalog.clock_timestamp() - '7 days'::interval
           OR (r.kind = $2::text AND r.host = $3::text AND r.file = $6::text
               AND (pg_catalog.array_eq(r.jobs, $8::text[])
                    OR NOT EXISTS (SELECT o.name FROM pg_catalog.unnest(r.jobs) AS o (name)
                                   EXCEPT
                                   SELECT n.name FROM pg_catalog.unnest($8::text[]) AS n (name)))
               AND (r.ended IS NOT NULL OR r.seen < pg_catalog.clock_timestamp() - $11::text::interval)))
)
INSERT INTO :"schema".pgkit_runner AS mine (id, kind, host, pid, version, file, file_hash, jobs, slots, running, uncontained, since, seen, ended)
SELECT $1::text, $2::text, $3::text, $4::int8, $5::text, $6::text, $7::text, $8::text[], $9::int8, 0, $10::text,
       pg_catalog.clock_timestamp(), pg_catalog.clock_timestamp(),
       CASE WHEN $12::bool THEN pg_catalog.clock_timestamp() END
FROM unhurried
ON CONFLICT (id) DO UPDATE SET version = excluded.version, file = excluded.file, file_hash = excluded.file_hash,
                               jobs = excluded.jobs, slots = excluded.slots, uncontained = excluded.uncontained, seen = excluded.seen, ended = excluded.ended
