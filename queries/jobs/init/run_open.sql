-- Finds the attempts that run or are held. It stays small, whatever the ledger holds.
CREATE INDEX pgkit_run_open ON :"schema".pgkit_run (app_name) WHERE state = ANY (ARRAY['running', 'held']::text[])
