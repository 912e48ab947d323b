-- More than a hundred files that wait for a slow archive command are critical.
--
-- since = 10
-- settings = ["archive_mode = on", "archive_command = 'sleep 3; test -f %p'"]
-- checks = ["archive-backlog", "archiver-failing"]
-- expect = ["critical archive-backlog "]
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; cd pg_wal/archive_status && for i in $(seq 1001 1130); do touch 0000000100000000000F$i.ready; done';
-- @healthy
COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; cd pg_wal/archive_status && rm -f *.ready';
