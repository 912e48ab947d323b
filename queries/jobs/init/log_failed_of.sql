-- Finds the latest failures of a job in crontabber's log.
CREATE INDEX pgkit_log_failed_of ON :"schema".crontabber_log (app_name, log_time, id) WHERE exc_type IS NOT NULL
