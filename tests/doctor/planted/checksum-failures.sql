-- A page with a wrong checksum is critical. It remains in the counter until the statistics are reset.
--
-- since = 18
-- own = true
-- checks = ["checksum-failures"]
-- expect = ["critical checksum-failures {database}"]
CREATE TABLE t (a int);
INSERT INTO t SELECT generate_series(1, 1000);
CREATE TABLE sound AS SELECT * FROM t;
CHECKPOINT;
-- Appends a page of random bytes to the table.
DO $$ BEGIN EXECUTE format('COPY (SELECT 1) TO PROGRAM %L', 'cat >/dev/null; head -c 8192 /dev/urandom >> ' || pg_relation_filepath('t')); END $$;
-- @fails
SELECT count(*) FROM t;
-- @main
SELECT count(*) FROM sound;
-- @healthy
DROP TABLE t;
SELECT pg_stat_reset();
