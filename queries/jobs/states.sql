-- Every row of crontabber's.
SELECT c.app_name AS name, c.next_run AS next_run, c.first_run AS first_run, c.last_run AS last_run,
       c.last_success AS last_success, c.ongoing AS ongoing, coalesce(c.error_count, 0) AS error_count,
       CASE WHEN c.last_error::text OPERATOR(pg_catalog.<>) '{}'::text THEN c.last_error::text END AS last_error
FROM :"schema".crontabber c
ORDER BY c.app_name
