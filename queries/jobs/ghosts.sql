-- Rows of jobs that are not in the file: those whose name is not among these ($1).
SELECT c.app_name AS name, c.last_run, c.last_success, c.next_run, coalesce(c.error_count, 0) AS error_count
FROM :"schema".crontabber c
WHERE c.app_name <> ALL ($1)
ORDER BY c.app_name
