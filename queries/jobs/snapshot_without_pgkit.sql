-- Every row of crontabber's, at one instant of the server's clock; where there is none, one row without a name.
SELECT clock.now, c.app_name AS name, c.app_name IS NOT NULL AS has_row, c.next_run, c.first_run, c.last_run,
       c.last_success, c.ongoing, coalesce(c.error_count, 0) AS error_count,
       CASE WHEN c.last_error::text <> '{}'::text THEN c.last_error::text END AS last_error
FROM (SELECT pg_catalog.clock_timestamp() AS now) clock
LEFT JOIN :"schema".crontabber c ON true
