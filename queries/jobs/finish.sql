-- Ends a run, if the job's row still carries its claim: crontabber's row as crontabber writes it, its log, the attempt. Once:
-- if the attempt has already ended that way, nothing changes. An attempt that is held because others have seen its lock free
-- ends too: its result is known now. A run for a date that a user has named does not count for the schedule: it
-- leaves the row as it was, and creates none.
-- $1 job, $2 the attempt's mark, $3 its id, $4 when the job's turn began, $5 next_run, $6 the success for the log and for
-- last_success, $7 whether it failed, $8 type, $9 message and $10 traceback of the failure, $11 parents, $12 duration,
-- $13 bytes of output, $14 its head, $15 its tail, $16 the state of the attempt, $17 whether it is in the job's own
-- transaction: then it fails if the claim is gone, $18 whether it counts for the schedule.
WITH attempt AS (
    SELECT CASE WHEN state IN ('running', 'held') THEN claim END AS claim,
           state IN ('succeeded', 'failed', 'superseded') AS has_ended, state = 'lost claim' AS is_lost
    FROM :"schema".pgkit_run
    WHERE id = $3::int8 AND app_name = $1::text AND mark = $2::text
), gone AS (
    DELETE FROM :"schema".crontabber
    WHERE NOT $18::bool AND app_name = $1 AND ongoing = (SELECT claim FROM attempt)
      AND first_run IS NULL AND next_run IS NULL AND last_success IS NULL
    RETURNING 1
), kept AS (
    UPDATE :"schema".crontabber
    SET next_run = CASE WHEN $18 THEN $5::timestamptz ELSE next_run END,
        first_run = CASE WHEN $18 THEN coalesce(first_run, $4::timestamptz) ELSE first_run END,
        last_run = CASE WHEN $18 THEN $4 ELSE last_run END,
        last_success = CASE WHEN $18 THEN coalesce($6::timestamptz, last_success) ELSE last_success END,
        ongoing = NULL,
        error_count = CASE WHEN NOT $18 THEN coalesce(error_count, 0)
                           WHEN $7::bool THEN least(coalesce(error_count, 0), 2147483646) + 1 ELSE 0 END,
        depends_on = $11::text[],
        last_error = CASE WHEN NOT $18 THEN last_error
                          WHEN $7 THEN pg_catalog.json_build_object('type', $8::text, 'value', $9::text,
                                                                    'traceback', $10::text)
                          ELSE '{}' END
    WHERE app_name = $1 AND ongoing = (SELECT claim FROM attempt)
      AND ($18 OR first_run IS NOT NULL OR next_run IS NOT NULL OR last_success IS NOT NULL)
    RETURNING 1
), state AS (
    SELECT FROM gone UNION ALL SELECT FROM kept
), known AS (
    SELECT EXISTS (SELECT FROM state) AS mine, coalesce((SELECT has_ended FROM attempt), false) AS has_ended,
           coalesce((SELECT is_lost FROM attempt), false) AS is_lost
), log AS (
    INSERT INTO :"schema".crontabber_log (app_name, duration, success, exc_type, exc_value, exc_traceback)
    SELECT $1, $12::interval, CASE WHEN mine AND NOT $7 THEN $6 END,
           CASE WHEN NOT mine THEN 'lost claim' WHEN $7 THEN $8 END,
           CASE WHEN NOT mine THEN coalesce($9, 'it succeeded when its claim was gone') WHEN $7 THEN $9 END,
           CASE WHEN $7 THEN $10 END
    FROM known
    WHERE NOT has_ended AND NOT is_lost
), run AS (
    UPDATE :"schema".pgkit_run
    SET state = CASE WHEN mine THEN $16::text ELSE 'lost claim' END, duration = $12,
        error_type = $8, message = $9, output_bytes = $13::int8, output_head = $14::text, output_tail = $15::text,
        logged = pg_catalog.now()
    FROM known
    WHERE id = $3 AND app_name = $1 AND mark = $2 AND NOT has_ended
)
SELECT CASE WHEN mine OR has_ended THEN 1 WHEN $17::bool THEN 1 / (SELECT pg_catalog.count(*) FROM state) ELSE 0 END
FROM known
