-- The processes that run jobs, and those that ran jobs before: $1 how long after it was last seen a process counts as
-- gone. The row of kind init says since when runners have been expected.
SELECT r.id, r.kind, r.host, r.pid::int8 AS pid, r.version, r.file, r.file_hash, r.jobs, r.slots::int8 AS slots,
       r.running::int8 AS running, r.uncontained, r.since, r.seen, r.ended,
       r.ended IS NULL AND r.seen >= clock.now - $1::text::interval AS is_there
FROM :"schema".pgkit_runner r
CROSS JOIN (SELECT pg_catalog.clock_timestamp() AS now) clock
ORDER BY r.kind, r.host, r.file, r.since, r.id
