-- Somebody else has the job now. $1 attempt's id, $2 job, $3 duration.
WITH log AS (
    INSERT INTO :"schema".crontabber_log (app_name, duration, exc_type, exc_value, exc_traceback)
    VALUES ($2::text, $3::interval, 'stolen', 'somebody else has taken the job over, or reset it, while it ran', '')
)
UPDATE :"schema".pgkit_run
SET state = 'stolen', error_type = 'stolen', message = 'somebody else has taken the job over, or reset it, while it ran',
    duration = $3, logged = pg_catalog.now()
WHERE id = $1::int8
