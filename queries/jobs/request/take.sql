-- Takes a request, unless another runner has taken it meanwhile: $1 request's id, $2 this runner's id, $3 the id of the
-- runner that took it before and is gone. Also deletes old requests that have ended. Returns JSON.
WITH old AS (
    DELETE FROM :"schema".pgkit_request o
    WHERE o.ended < pg_catalog.clock_timestamp() - '1 hour'::interval
       OR (o.waits = false AND o.asked < pg_catalog.clock_timestamp() - '1 day'::interval)
)
UPDATE :"schema".pgkit_request r SET taken_by = $2::text, taken = pg_catalog.clock_timestamp(), events = NULL
WHERE r.id = $1::int8 AND r.outcome IS NULL AND r.taken_by IS NOT DISTINCT FROM $3::text
RETURNING pg_catalog.json_build_object('id', r.id)
