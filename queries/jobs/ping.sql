-- Whether the job's row still carries this attempt's claim: $1 job, $2 attempt's id, $3 its mark.
SELECT EXISTS (SELECT FROM :"schema".crontabber c
               JOIN :"schema".pgkit_run r ON r.app_name = c.app_name AND r.claim = c.ongoing
               WHERE c.app_name = $1::text AND r.id = $2::int8 AND r.mark = $3::text AND r.state = 'running')
