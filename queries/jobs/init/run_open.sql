-- Finds the attempts that are running or held. The index stays small, however many attempts there have been.
CREATE INDEX pgkit_run_open ON :"schema".pgkit_run (app_name) WHERE state = ANY (ARRAY['running', 'held']::text[])
