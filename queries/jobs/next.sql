-- After a date of several: its log, its attempt, the job's last success; and the attempt for the next date.
-- $1 job, $2 claim, $3 attempt's id, $4 date, $5 duration, $6 bytes of output, $7 its head, $8 its tail, $9 next date,
-- $10 whether it is a success that goes with the job's own statements: then it fails where the claim is gone.
WITH state AS (
    UPDATE :"schema".crontabber SET last_success = $4::timestamptz
    WHERE app_name = $1::text AND ongoing = $2::timestamptz
    RETURNING 1
), log AS (
    INSERT INTO :"schema".crontabber_log (app_name, duration, success)
    SELECT $1, $5::interval, $4 FROM state
), done AS (
    UPDATE :"schema".pgkit_run
    SET state = CASE WHEN EXISTS (SELECT FROM state) THEN 'succeeded' ELSE 'lost claim' END, duration = $5,
        output_bytes = $6::int8, output_head = $7::text, output_tail = $8::text,
        logged = pg_catalog.now()
    WHERE id = $3::int8
    RETURNING grace, host, uid, boot_id, pid_namespace, guard_pid, guard_ticks, mark
), run AS (
    INSERT INTO :"schema".pgkit_run (app_name, run_date, attempt, state, claim, grace, started, host, uid, boot_id,
                                     pid_namespace, guard_pid, guard_ticks, mark)
    SELECT $1, $9::timestamptz,
           1 + (SELECT pg_catalog.count(*) FROM :"schema".pgkit_run r
                WHERE r.app_name = $1 AND r.run_date = $9 AND r.state <> 'succeeded'),
           'running', $2, done.grace, pg_catalog.clock_timestamp(), done.host, done.uid, done.boot_id,
           done.pid_namespace, done.guard_pid, done.guard_ticks, done.mark
    FROM state, done
    RETURNING id, attempt
)
SELECT CASE WHEN $10::bool AND 1 / (SELECT pg_catalog.count(*) FROM run) = 0 THEN NULL
            ELSE (SELECT pg_catalog.row_to_json(run) FROM run) END
