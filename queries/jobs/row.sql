-- Locks a job's row, or fails at once with 55P03.
SELECT FROM :"schema".crontabber WHERE app_name = $1::text FOR UPDATE NOWAIT
