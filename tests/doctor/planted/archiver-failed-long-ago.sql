-- A failure of the archiver is not reported if the file was archived later.
--
-- since = 10
-- settings = ["archive_mode = on", "archive_command = 'false'"]
-- checks = ["archiver-failing", "archive-backlog", "archive-without-command"]
-- expect = []
CREATE TABLE t (a int);
SELECT pg_switch_wal();
-- @sleep 2s
ALTER SYSTEM SET archive_command = 'test -f %p';
SELECT pg_reload_conf();
INSERT INTO t VALUES (1);
SELECT pg_switch_wal();
-- @sleep 5s
