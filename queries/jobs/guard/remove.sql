-- Takes the trigger away; its function goes after it.
DROP TRIGGER IF EXISTS pgkit_guard ON :"schema".crontabber
