-- All jobs, with their rows in crontabber's table and in pgkit's. The first row is about no job: it has the server's
-- clock and the shape of the tables ($1: the names of all tables that there can be). With a claim come the advisory
-- locks that are held in this database: the claim's own lock shows whether a process is behind it.
WITH
-- include held
, jobs AS (
    SELECT coalesce(c.app_name, j.app_name) AS name, c.app_name IS NOT NULL AS has_row, c.next_run, c.first_run,
           c.last_run, c.last_success, c.ongoing, coalesce(c.error_count, 0)::int8 AS error_count,
           CASE WHEN c.last_error::text <> '{}'::text THEN c.last_error::text END AS last_error,
           j.first_seen, j.paused, j.paused_by, j.done_through,
           pg_catalog.date_part('epoch'::text, j.max_ongoing_age) AS max_ongoing_age_s,
           CASE WHEN c.app_name IS NOT NULL THEN
               (SELECT pg_catalog.array_agg(r.run_date)
                FROM :"schema".pgkit_run r
                WHERE r.app_name = c.app_name
                  AND r.state = 'succeeded'::text
                  AND r.run_date >
                      -- A time that is far in the future is ignored. Then the dates are returned from the last one on
                      -- that has passed.
                      CASE WHEN coalesce(c.last_success, j.first_seen) > pg_catalog.now() + '10 minutes'::interval
                           THEN coalesce((SELECT pg_catalog.max(p.run_date)
                                          FROM :"schema".pgkit_run p
                                          WHERE p.app_name = c.app_name AND p.state = 'succeeded'::text
                                            AND p.run_date <= pg_catalog.now()) - '00:00:00.000001'::interval,
                                         '-infinity'::timestamptz)
                           ELSE coalesce(c.last_success, j.first_seen, '-infinity'::timestamptz) END)
           END AS done,
           CASE WHEN c.ongoing IS NOT NULL THEN
               (SELECT pg_catalog.row_to_json(claim)::text
                FROM (SELECT r.state, r.host, r.started, r.seen_free_at,
                             pg_catalog.date_part('epoch'::text, r.grace) AS grace_s,
                             (SELECT held.keys FROM held) AS held
                      FROM :"schema".pgkit_run r
                      WHERE r.app_name = c.app_name
                        AND r.state = ANY (ARRAY['running', 'held']::text[])
                        AND r.state <> 'succeeded'::text
                        AND r.claim = c.ongoing
                      ORDER BY r.id DESC
                      LIMIT 1) claim)
           END AS claim
    FROM :"schema".crontabber c
    FULL JOIN :"schema".pgkit_job j ON j.app_name = c.app_name
)
SELECT clock.now, clock.shape, NULL AS name, NULL AS has_row, NULL AS next_run, NULL AS first_run, NULL AS last_run,
       NULL AS last_success, NULL AS ongoing, NULL AS error_count, NULL AS last_error, NULL AS first_seen, NULL AS paused,
       NULL AS paused_by, NULL AS done_through, NULL AS max_ongoing_age_s, NULL AS done, NULL AS claim
FROM (SELECT pg_catalog.clock_timestamp() AS now,
             -- Changes whenever the tables or the rights on them change, so that a runner that stays checks them again.
             (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(':', c.oid, c.xmin, n.xmin), ' ' ORDER BY c.oid)
              FROM pg_catalog.pg_class c
              JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relname = ANY ($1) AND c.relkind = 'r'::"char"
                AND c.relnamespace = (SELECT own.relnamespace FROM pg_catalog.pg_class own
                                      WHERE own.oid = (SELECT m.tableoid FROM :"schema".pgkit_meta m))) AS shape) clock
UNION ALL
SELECT NULL, NULL, jobs.* FROM jobs
