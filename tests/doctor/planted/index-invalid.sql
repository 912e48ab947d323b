-- Leftovers of CREATE INDEX CONCURRENTLY, REINDEX CONCURRENTLY and DROP INDEX CONCURRENTLY are found.
--
-- since = 10
-- checks = ["index-invalid"]
-- expect = ["critical index-invalid odd \"S\".u\nniq", "critical index-invalid public.p_1_u", "warning index-invalid public.plain", "warning index-invalid public.keyed_a_ccnew", "warning index-invalid public.keyed_a_ccnew1", "critical index-invalid public.dead", "warning index-invalid public.gin"]
-- text = ["DROP INDEX CONCURRENTLY was interrupted", "an interrupted REINDEX CONCURRENTLY left it behind"]
CREATE SCHEMA "odd ""S""";
CREATE TABLE "odd ""S"""."T" (a int);
INSERT INTO "odd ""S"""."T" VALUES (1), (1);
-- @fails
CREATE UNIQUE INDEX CONCURRENTLY "u
niq" ON "odd ""S"""."T" (a);
-- @main
-- The index plain is an interrupted build that is not unique. The leftovers of REINDEX are harmless, because the
-- primary key still guards the column. The unique index dead no longer guards its rows, so it is critical.
CREATE TABLE keyed (a int PRIMARY KEY, b int, c int, d int[]);
CREATE INDEX plain ON keyed (b) WHERE c > 0;
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'plain'::regclass;
CREATE UNIQUE INDEX keyed_a_ccnew ON keyed (a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'keyed_a_ccnew'::regclass;
CREATE INDEX keyed_a_ccnew1 ON keyed (a);
UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid = 'keyed_a_ccnew1'::regclass;
CREATE UNIQUE INDEX dead ON keyed ((b + c));
UPDATE pg_index SET indisvalid = false, indisready = false, indislive = false WHERE indexrelid = 'dead'::regclass;
CREATE INDEX gin ON keyed USING gin (d);
UPDATE pg_index SET indisready = false WHERE indexrelid = 'gin'::regclass;
-- This index is on a partition.
CREATE TABLE p (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE UNIQUE INDEX p_1_u ON p_1 (a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'p_1_u'::regclass;
-- @healthy
DROP SCHEMA "odd ""S""" CASCADE;
DROP TABLE keyed, p;
