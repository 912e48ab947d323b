-- With archive_mode on and no archive_command, WAL is neither archived nor removed, which is critical.
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
