-- Finds the latest rows of crontabber's log.
CREATE INDEX pgkit_log_time ON :"schema".crontabber_log (log_time, id)
