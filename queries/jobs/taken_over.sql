-- Records that another process has taken the job over. An attempt that has already ended, or is held, stays as it is.
-- $1 attempt's id, $2 job, $3 its mark, $4 duration.
WITH run AS (
    UPDATE :"schema".pgkit_run
    SET state = 'stolen', error_type = 'stolen',
        message = 'somebody else has taken the job over, or reset it, while it ran', duration = $4::interval,
        logged = pg_catalog.now()
    WHERE id = $1::int8 AND app_name = $2::text AND mark = $3::text AND state IN ('running', 'interrupted')
    RETURNING message
)
INSERT INTO :"schema".crontabber_log (app_name, duration, exc_type, exc_value, exc_traceback)
SELECT $2, $4, 'stolen', message, '' FROM run
