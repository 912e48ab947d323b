-- Gives a claim back after a run that was cut off: no error is counted, and the job is due as it was before. A row that the
-- claim has created is removed, because crontabber never takes one without next_run; if a date was done it is due now. Or the
-- job is held: then the claim stays, and if a crash has cut it off, that is recorded as an error. An attempt that has already
-- ended stays as it is.
-- $1 job, $2 the attempt's mark, $3 its id, $4 why, $5 whether it is held, $6 duration, $7 bytes of output, $8 its
-- head, $9 its tail, $10 whether a crash has cut it off.
WITH attempt AS (
    SELECT id, claim FROM :"schema".pgkit_run
    WHERE id = $3::int8 AND app_name = $1::text AND mark = $2::text AND state = 'running'
), gone AS (
    DELETE FROM :"schema".crontabber
    WHERE app_name = $1 AND ongoing = (SELECT claim FROM attempt) AND NOT $5::bool AND first_run IS NULL
      AND next_run IS NULL AND last_success IS NULL
    RETURNING 1
), kept AS (
    UPDATE :"schema".crontabber
    SET ongoing = CASE WHEN $5 THEN ongoing END,
        next_run = CASE WHEN $5 THEN next_run ELSE coalesce(next_run, ongoing) END,
        error_count = least(coalesce(error_count, 0), 2147483646) + CASE WHEN $5 AND $10::bool THEN 1 ELSE 0 END,
        last_error = CASE WHEN $5 AND $10 THEN pg_catalog.json_build_object('type', 'interrupted', 'value', $4::text,
                                                                            'traceback', coalesce($9::text, $8::text, ''))
                          ELSE last_error END
    WHERE app_name = $1 AND ongoing = (SELECT claim FROM attempt)
      AND ($5 OR first_run IS NOT NULL OR next_run IS NOT NULL OR last_success IS NOT NULL)
    RETURNING 1
), log AS (
    INSERT INTO :"schema".crontabber_log (app_name, duration, exc_type, exc_value, exc_traceback)
    SELECT $1, coalesce($6::interval, '0'), 'interrupted', $4, coalesce($9, $8, '') FROM attempt
)
UPDATE :"schema".pgkit_run
SET state = CASE WHEN NOT EXISTS (SELECT FROM gone) AND NOT EXISTS (SELECT FROM kept) THEN 'lost claim'
                 WHEN $5 THEN 'held' ELSE 'interrupted' END,
    error_type = 'interrupted', message = $4, duration = $6, output_bytes = $7::int8, output_head = $8,
    output_tail = $9, logged = pg_catalog.now()
WHERE id = (SELECT id FROM attempt)
