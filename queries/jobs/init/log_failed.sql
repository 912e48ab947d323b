-- Finds the latest failures in crontabber's log.
CREATE INDEX pgkit_log_failed ON :"schema".crontabber_log (log_time, id) WHERE exc_type IS NOT NULL
