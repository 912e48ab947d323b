-- Finds running attempts, and how often a date was tried.
CREATE INDEX pgkit_run_attempts ON :"schema".pgkit_run (app_name, run_date) WHERE state <> 'succeeded'
