-- Marks an attempt whose owner is gone as cut off; its job is taken over, or is held until a person decides.
-- $1 attempt's id, $2 job, $3 why, $4 whether it is held, $5 whether that counts as a failure of the job.
WITH log AS (
    INSERT INTO :"schema".crontabber_log (app_name, duration, exc_type, exc_value, exc_traceback)
    SELECT $2::text,
           CASE WHEN pg_catalog.isfinite(started) THEN pg_catalog.clock_timestamp() - started ELSE '0'::interval END,
           'interrupted', $3::text, coalesce(output_tail, '')
    FROM :"schema".pgkit_run WHERE id = $1::int8
), held AS (
    UPDATE :"schema".crontabber
    SET error_count = least(coalesce(error_count, 0), 2147483646) + 1,
        last_error = pg_catalog.json_build_object('type', 'interrupted', 'value', $3, 'traceback', '')
    WHERE $5::bool AND app_name = $2
)
UPDATE :"schema".pgkit_run
SET state = CASE WHEN $4::bool THEN 'held' ELSE 'interrupted' END, error_type = 'interrupted', message = $3,
    logged = pg_catalog.now()
WHERE id = $1
