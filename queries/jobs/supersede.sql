-- Lets a date that succeeded run again: $1 job, $2 date.
UPDATE :"schema".pgkit_run SET state = 'superseded'
WHERE app_name = $1::text AND run_date = $2::timestamptz AND state = 'succeeded'
