-- archive_mode on and no command: nothing is archived and nothing is removed.
--
-- since = 10
-- settings = ["archive_mode = on", "archive_command = ''"]
-- checks = ["archive-without-command", "archiver-failing"]
-- expect = ["critical archive-without-command "]
-- text = ["there is no archive_command"]
SELECT 1;
-- @healthy
ALTER SYSTEM SET archive_command = 'test -f %p';
SELECT pg_reload_conf();
-- @sleep 1s
