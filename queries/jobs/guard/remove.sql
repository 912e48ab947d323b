-- Removes the trigger; its function is removed afterwards.
DROP TRIGGER IF EXISTS pgkit_guard ON :"schema".crontabber
