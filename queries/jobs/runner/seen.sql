-- Records that a process that runs jobs is still running: $1 its id, $2 how many jobs it runs. Returns JSON.
WITH
-- include unhurried
UPDATE :"schema".pgkit_runner r SET seen = pg_catalog.clock_timestamp(), running = $2::int8
FROM unhurried
WHERE r.id = $1::text
RETURNING pg_catalog.json_build_object('id', r.id)
