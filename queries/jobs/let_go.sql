-- Gives back the claim on a job ($1) that is not due, after its attempt was cut off. If no run of the job has ever ended, it becomes
-- due now, because crontabber never takes a row without next_run.
UPDATE :"schema".crontabber SET ongoing = NULL, next_run = coalesce(next_run, ongoing)
WHERE app_name = $1
