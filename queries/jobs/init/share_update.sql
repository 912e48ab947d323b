-- Takes the same locks that CREATE INDEX CONCURRENTLY takes.
LOCK TABLE :"schema".crontabber_log, :"schema".pgkit_run IN SHARE UPDATE EXCLUSIVE MODE
