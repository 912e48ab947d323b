-- A failing archive command is critical once the oldest file has waited five minutes. The backlog is counted too.
--
-- since = 10
-- settings = ["archive_mode = on", "archive_command = 'false'"]
-- checks = ["archiver-failing", "archive-backlog", "archive-without-command"]
-- expect = ["critical archiver-failing ", "warning archive-backlog "]
CREATE TABLE t (a int);
DO $$ BEGIN FOR i IN 1..12 LOOP INSERT INTO t VALUES (1); PERFORM pg_logical_emit_message(true, 'x', 'y'); PERFORM pg_switch_wal(); END LOOP; END $$;
-- @sleep 3s
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; touch -d "6 minutes ago" pg_wal/archive_status/*.ready';
-- @healthy
ALTER SYSTEM SET archive_command = 'test -f %p';
SELECT pg_reload_conf();
SELECT pg_switch_wal();
-- @sleep 5s
