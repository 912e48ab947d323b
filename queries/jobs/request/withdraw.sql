-- Withdraws request $1, unless a runner has taken it. Returns JSON.
DELETE FROM :"schema".pgkit_request r
WHERE r.id = $1::int8 AND r.taken_by IS NULL
RETURNING pg_catalog.json_build_object('id', r.id)
