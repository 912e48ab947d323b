-- Records that a process that ran jobs has ended: $1 its id.
WITH
-- include unhurried
UPDATE :"schema".pgkit_runner r SET ended = pg_catalog.clock_timestamp(), seen = pg_catalog.clock_timestamp(), running = 0
FROM unhurried
WHERE r.id = $1::text
