-- Removes request $1, because nobody waits for it any more. Returns, as JSON, whether a runner has taken it and goes on.
DELETE FROM :"schema".pgkit_request r
WHERE r.id = $1::int8
RETURNING pg_catalog.json_build_object('goes_on', r.taken_by IS NOT NULL AND r.outcome IS NULL)
