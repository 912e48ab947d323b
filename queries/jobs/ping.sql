-- Does the job's row still carry this claim? $1 job, $2 claim.
SELECT EXISTS (SELECT FROM :"schema".crontabber WHERE app_name = $1::text AND ongoing = $2::timestamptz)
