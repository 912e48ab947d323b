-- An archive command that is told no file is a warning.
--
-- since = 10
-- settings = ["archive_mode = on", "archive_command = 'cd /tmp && ls > /dev/null; date \"+%%p\"'"]
-- checks = ["archive-without-command", "archiver-failing"]
-- expect = ["warning archive-without-command "]
-- text = ["neither by %p nor by %f"]
SELECT 1;
-- @healthy
ALTER SYSTEM SET archive_command = 'test "%%" = % -a -f pg_wal/%f || true';
SELECT pg_reload_conf();
-- @sleep 1s
