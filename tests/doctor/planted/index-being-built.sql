-- An index that is being built is not reported. An invalid one that was left behind on the same table is.
--
-- since = 12
-- checks = ["index-invalid"]
-- expect = ["warning index-invalid public.old"]
CREATE TABLE t (a int, b int);
INSERT INTO t VALUES (1, 1);
CREATE INDEX old ON t (b);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'old'::regclass;
CREATE TABLE r (a int PRIMARY KEY, b int);
CREATE INDEX r_b ON r (b);
CREATE TABLE d (a int);
CREATE INDEX dropped ON d (a);
-- @session a
BEGIN;
INSERT INTO t VALUES (2, 2);
INSERT INTO r VALUES (2, 2);
INSERT INTO d VALUES (2);
-- @start b
CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a);
-- @start c
REINDEX TABLE CONCURRENTLY r;
-- @start d
DROP INDEX CONCURRENTLY dropped;
-- @main
SELECT pg_sleep(0.5);
-- @healthy
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'old'::regclass;
