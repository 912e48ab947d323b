-- The progress of request $1, and whether the runner that has taken it still runs: $2 how long after it was last seen a
-- runner counts as gone.
SELECT r.taken_by, r.events, r.outcome,
       EXISTS (SELECT FROM :"schema".pgkit_runner w
               WHERE w.id = r.taken_by AND w.ended IS NULL AND w.seen >= pg_catalog.clock_timestamp() - $2::text::interval) AS is_there
FROM :"schema".pgkit_request r
WHERE r.id = $1::int8
