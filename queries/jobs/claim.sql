-- Claims a job whose row is locked, or creates the row, and begins the first attempt. The claim is the value of ongoing.
-- $1 job, $2 claim, $3 date, $4 grace, $5 host, $6 boot, $7 pid namespace, $8 guard's pid, $9 its start, $10 parents,
-- $11 whether there is a row, $12 how many runs have failed in a row, $13 what the processes of the job carry, $14 their user.
WITH claimed AS (
    UPDATE :"schema".crontabber SET ongoing = $2::timestamptz
    WHERE $11::bool AND app_name = $1::text
), made AS (
    INSERT INTO :"schema".crontabber (app_name, ongoing, error_count, depends_on, last_error)
    SELECT $1, $2, 0, $10::text[], '{}'
    WHERE NOT $11
), run AS (
    INSERT INTO :"schema".pgkit_run (app_name, run_date, attempt, state, claim, grace, started, host, boot_id,
                                     pid_namespace, guard_pid, guard_ticks, mark, uid)
    SELECT $1, $3::timestamptz,
           1 + greatest(least($12::int8, 2147483646), (SELECT pg_catalog.count(*) FROM :"schema".pgkit_run r
                                                       WHERE r.app_name = $1 AND r.run_date = $3
                                                         AND r.state <> 'succeeded')),
           'running', $2, $4::interval, pg_catalog.clock_timestamp(), $5::text, $6::text, $7::text, $8::int4, $9::int8,
           $13::text, $14::int8
    RETURNING id, attempt
)
SELECT pg_catalog.row_to_json(run) FROM run
