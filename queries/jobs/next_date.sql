-- After a date of several: its log, its attempt, the job's last success; and the attempt for the next date. Once: where that
-- was done already, the attempt that it began is returned again.
-- $1 job, $2 the attempts' mark, $3 attempt's id, $4 date, $5 duration, $6 bytes of output, $7 its head, $8 its tail,
-- $9 next date, $10 whether it is in the job's own transaction: then it fails if the claim is gone.
WITH attempt AS (
    SELECT *, state IN ('running', 'held') AS is_open, state = 'succeeded' AS has_ended, state = 'lost claim' AS is_lost
    FROM :"schema".pgkit_run
    WHERE id = $3::int8 AND app_name = $1::text AND mark = $2::text
), state AS (
    UPDATE :"schema".crontabber SET last_success = $4::timestamptz
    WHERE app_name = $1 AND ongoing = (SELECT claim FROM attempt WHERE is_open)
    RETURNING ongoing
), log AS (
    INSERT INTO :"schema".crontabber_log (app_name, duration, success, exc_type, exc_value)
    SELECT $1, $5::interval, CASE WHEN mine THEN $4 END, CASE WHEN NOT mine THEN 'lost claim' END,
           CASE WHEN NOT mine THEN 'it succeeded when its claim was gone' END
    FROM (SELECT EXISTS (SELECT FROM state) AS mine) known
    LEFT JOIN attempt ON true
    WHERE NOT coalesce(has_ended OR is_lost, false)
), done AS (
    UPDATE :"schema".pgkit_run
    SET state = CASE WHEN EXISTS (SELECT FROM state) THEN 'succeeded' ELSE 'lost claim' END, duration = $5,
        output_bytes = $6::int8, output_head = $7::text, output_tail = $8::text,
        logged = pg_catalog.now()
    WHERE id = (SELECT id FROM attempt WHERE NOT has_ended)
), run AS (
    INSERT INTO :"schema".pgkit_run (app_name, run_date, attempt, state, claim, grace, started, host, uid, boot_id,
                                     pid_namespace, guard_pid, guard_ticks, mark)
    SELECT $1, $9::timestamptz,
           1 + (SELECT pg_catalog.count(*) FROM :"schema".pgkit_run r
                WHERE r.app_name = $1 AND r.run_date = $9 AND r.state <> 'succeeded'),
           'running', state.ongoing, a.grace, pg_catalog.clock_timestamp(), a.host, a.uid, a.boot_id,
           a.pid_namespace, a.guard_pid, a.guard_ticks, a.mark
    FROM state, attempt a
    RETURNING id, attempt
), began AS (
    SELECT id, attempt FROM run
    UNION ALL
    SELECT r.id, r.attempt
    FROM attempt a JOIN :"schema".pgkit_run r ON r.app_name = $1 AND r.run_date = $9 AND r.mark = $2
    WHERE a.has_ended AND r.id > $3 AND r.state = 'running' AND r.state <> 'succeeded'
)
SELECT CASE WHEN $10::bool AND 1 / (SELECT pg_catalog.count(*) FROM began) = 0 THEN NULL
            ELSE (SELECT pg_catalog.row_to_json(began) FROM began) END
