-- An archive command that only reports success is a warning.
--
-- since = 10
-- settings = ["archive_mode = on", "archive_command = '/bin/true'"]
-- checks = ["archive-without-command", "archiver-failing"]
-- expect = ["warning archive-without-command "]
-- text = ["archive_command does nothing (/bin/true)"]
SELECT 1;
-- @healthy
ALTER SYSTEM SET archive_command = 'true && test -f %p';
SELECT pg_reload_conf();
-- @sleep 1s
