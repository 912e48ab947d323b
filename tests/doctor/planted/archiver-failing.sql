-- An archive command that fails again in the second sample is critical, and what waits is counted.
--
-- since = 10
-- settings = ["archive_mode = on", "archive_command = 'false'"]
-- for = "3s"
-- checks = ["archiver-failing", "archive-backlog", "archive-without-command"]
-- expect = ["critical archiver-failing ", "warning archive-backlog "]
CREATE TABLE t (a int);
DO $$ BEGIN FOR i IN 1..12 LOOP PERFORM pg_switch_wal(); PERFORM txid_current(); INSERT INTO t VALUES (1); PERFORM pg_logical_emit_message(true, 'x', 'y'); END LOOP; END $$;
-- @sleep 2s
-- @healthy
ALTER SYSTEM SET archive_command = 'test -f %p';
SELECT pg_reload_conf();
SELECT pg_switch_wal();
-- @sleep 5s
