-- Finds the latest attempts that did not succeed, of all jobs.
CREATE INDEX pgkit_run_failed ON :"schema".pgkit_run (id)
WHERE state <> ALL (ARRAY['succeeded', 'running', 'superseded']::text[])
