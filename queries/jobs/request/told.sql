-- Records the progress of a request: $1 id, $2 the runner that has taken it, $3 the events as JSON, $4 the outcome as
-- JSON.
UPDATE :"schema".pgkit_request r
SET events = $3::text, outcome = $4::text, ended = CASE WHEN $4::text IS NOT NULL THEN pg_catalog.clock_timestamp() END
WHERE r.id = $1::int8 AND r.taken_by = $2::text
