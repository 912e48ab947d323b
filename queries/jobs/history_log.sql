-- Returns what history.sql returns, if crontabber's tables exist but pgkit's do not: the rows of crontabber's log.
SELECT
-- include logged
FROM :"schema".crontabber_log l
WHERE ($1 IS NULL OR l.app_name = ANY ($1))
  AND (NOT $3 OR l.exc_type IS NOT NULL)
ORDER BY l.id DESC
LIMIT $2
