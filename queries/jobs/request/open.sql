-- The requests that a runner can take: those that no runner has taken, and those whose runner is gone ($1: how long
-- after it was last seen a runner counts as gone). For a request with waits = false, somebody is waiting at a terminal,
-- who gives up when its runner is gone. So it is not taken a second time, nor after 10 seconds.
SELECT r.id, r.app_name AS name, r.forced, r.run_date, r.rerun, r.waits, r.taken_by
FROM :"schema".pgkit_request r
WHERE r.outcome IS NULL
  AND (r.waits OR (r.taken_by IS NULL AND r.asked > pg_catalog.clock_timestamp() - '10 seconds'::interval))
  AND (r.run_date IS NULL OR r.run_date BETWEEN '1000-01-01 00:00:00+00'::timestamptz AND '9000-01-01 00:00:00+00'::timestamptz)
  AND NOT EXISTS (SELECT FROM :"schema".pgkit_runner w
                  WHERE w.id = r.taken_by AND w.ended IS NULL AND w.seen >= pg_catalog.clock_timestamp() - $1::text::interval)
ORDER BY r.id
LIMIT 1000
