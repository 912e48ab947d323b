-- The tables are on another server now, or on another timeline of it: $1 the server, $2 its timeline.
UPDATE :"schema".pgkit_meta
SET system_identifier = $1::text::int8, timeline = $2, changed_at = pg_catalog.clock_timestamp()
WHERE (system_identifier, timeline) IS DISTINCT FROM ($1::text::int8, $2)
