-- Each date can succeed only once.
CREATE UNIQUE INDEX pgkit_run_succeeded ON :"schema".pgkit_run (app_name, run_date) WHERE state = 'succeeded'
