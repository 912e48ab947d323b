-- Every row of crontabber's, at one instant of the server's clock, with the columns of snapshot.sql. If there is none, one row
-- without a name.
SELECT clock.now, NULL::text AS shape, c.app_name AS name, c.app_name IS NOT NULL AS has_row, c.next_run, c.first_run,
       c.last_run, c.last_success, c.ongoing, coalesce(c.error_count, 0)::int8 AS error_count,
       CASE WHEN c.last_error::text <> '{}'::text THEN c.last_error::text END AS last_error,
       NULL::timestamptz AS first_seen, NULL::timestamptz AS paused, NULL::text AS paused_by,
       NULL::timestamptz AS done_through, NULL::float8 AS max_ongoing_age_s, NULL::timestamptz[] AS done,
       NULL::text AS claim
FROM (SELECT pg_catalog.clock_timestamp() AS now) clock
LEFT JOIN :"schema".crontabber c ON true
