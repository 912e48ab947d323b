-- Waits for a record or a renewal that another session of ours may be in the middle of, so that the statement that comes next
-- sees it: $1 job.
SELECT FROM :"schema".crontabber WHERE app_name = $1::text FOR UPDATE
