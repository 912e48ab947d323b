-- An archive command that began to fail a moment ago is a warning.
--
-- since = 10
-- settings = ["archive_mode = on", "archive_command = 'false'"]
-- checks = ["archiver-failing", "archive-backlog"]
-- expect = ["warning archiver-failing "]
CREATE TABLE t (a int);
SELECT pg_switch_wal();
-- @sleep 2s
