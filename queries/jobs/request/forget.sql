-- Removes request $1, because nobody waits for it any more. Returns JSON: whether a runner has taken it and still works
-- on it.
DELETE FROM :"schema".pgkit_request r
WHERE r.id = $1::int8
RETURNING pg_catalog.json_build_object('goes_on', r.taken_by IS NOT NULL AND r.outcome IS NULL)
