-- Every job's row, and what pgkit knows beside it.
-- The search path is the role's own here: operators are named in full.
SELECT coalesce(c.app_name, j.app_name) AS name, c.app_name IS NOT NULL AS has_row, c.next_run, c.first_run,
       c.last_run, c.last_success, c.ongoing, coalesce(c.error_count, 0) AS error_count,
       CASE WHEN c.last_error::text OPERATOR(pg_catalog.<>) '{}'::text THEN c.last_error::text END AS last_error,
       j.first_seen, j.paused, j.paused_by, j.done_through,
       CASE WHEN c.app_name IS NOT NULL THEN
           (SELECT pg_catalog.array_agg(r.run_date)
            FROM :"schema".pgkit_run r
            WHERE r.app_name OPERATOR(pg_catalog.=) c.app_name AND r.state OPERATOR(pg_catalog.=) 'succeeded'::text
              AND r.run_date OPERATOR(pg_catalog.>) coalesce(c.last_success, j.first_seen, '-infinity'::timestamptz))
       END AS done,
       CASE WHEN c.ongoing IS NOT NULL THEN
           (SELECT pg_catalog.row_to_json(claim)
            FROM (SELECT r.state, r.host, r.started, r.seen_free_at,
                         pg_catalog.date_part('epoch'::text, r.grace) AS grace_s
                  FROM :"schema".pgkit_run r
                  WHERE r.app_name OPERATOR(pg_catalog.=) c.app_name
                    AND r.state OPERATOR(pg_catalog.=) ANY (ARRAY['running', 'held']::text[])
                    AND r.state OPERATOR(pg_catalog.<>) 'succeeded'::text
                    AND r.claim OPERATOR(pg_catalog.=) c.ongoing
                  ORDER BY r.id DESC
                  LIMIT 1) claim)
       END AS claim
FROM :"schema".crontabber c
FULL JOIN :"schema".pgkit_job j ON j.app_name OPERATOR(pg_catalog.=) c.app_name
ORDER BY 1
