-- Finds the latest rows of a job in crontabber's log, and those that are to be pruned.
CREATE INDEX pgkit_log_time_of ON :"schema".crontabber_log (app_name, log_time, id)
