-- An index that is being built is not reported, although PostgreSQL 10 has no progress view of CREATE INDEX.
--
-- until = 10
-- checks = ["index-invalid"]
-- expect = ["warning index-invalid public.old"]
CREATE TABLE t (a int, b int);
CREATE TABLE other (a int);
CREATE INDEX old ON other (a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'old'::regclass;
-- @session a
BEGIN;
INSERT INTO t VALUES (2, 2);
-- @start b
CREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a);
-- @main
SELECT pg_sleep(0.5);
-- @healthy
DROP INDEX old;
