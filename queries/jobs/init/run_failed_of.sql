-- Finds the latest attempts of a job that did not succeed.
CREATE INDEX pgkit_run_failed_of ON :"schema".pgkit_run (app_name, logged)
WHERE state <> ALL (ARRAY['succeeded', 'running', 'superseded']::text[])
