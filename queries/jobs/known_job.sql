-- Is anything known of a job in the tables? $1 job.
SELECT EXISTS (SELECT FROM :"schema".crontabber WHERE app_name = $1)
       OR EXISTS (SELECT FROM :"schema".pgkit_job WHERE app_name = $1) AS known
