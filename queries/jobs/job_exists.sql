-- Whether the tables know a job: $1 job.
SELECT EXISTS (SELECT FROM :"schema".crontabber WHERE app_name = $1)
       OR EXISTS (SELECT FROM :"schema".pgkit_job WHERE app_name = $1) AS known
