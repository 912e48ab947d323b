-- Asks the guard of a running attempt to copy its output for some time: $1 attempt's id, $2 for how long. If nobody was
-- watching, the previous copy is out of date and is deleted. Returns until when the attempt is watched.
INSERT INTO :"schema".pgkit_output AS o (run, watched_until)
SELECT r.id, pg_catalog.clock_timestamp() + $2::text::interval
FROM :"schema".pgkit_run r
WHERE r.id = $1::int8 AND r.state = 'running'::text
ON CONFLICT (run) DO UPDATE
SET watched_until = greatest(o.watched_until, excluded.watched_until),
    head = CASE WHEN o.watched_until > pg_catalog.clock_timestamp() THEN o.head END,
    tail = CASE WHEN o.watched_until > pg_catalog.clock_timestamp() THEN o.tail END,
    bytes = CASE WHEN o.watched_until > pg_catalog.clock_timestamp() THEN o.bytes END
RETURNING pg_catalog.json_build_object('until', o.watched_until)
