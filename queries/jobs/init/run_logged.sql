-- Finds the latest attempts of a job, and the attempt that a row of crontabber_log belongs to.
CREATE INDEX pgkit_run_logged ON :"schema".pgkit_run (app_name, logged)
