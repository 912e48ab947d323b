-- An interrupted DETACH PARTITION CONCURRENTLY is found. One that is still running is not.
--
-- since = 14
-- checks = ["detach-pending"]
-- expect = ["warning detach-pending public.P 1"]
CREATE TABLE p (a int) PARTITION BY RANGE (a);
CREATE TABLE "P 1" PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE q (a int) PARTITION BY RANGE (a);
CREATE TABLE q_1 PARTITION OF q FOR VALUES FROM (0) TO (10);
-- @session a
BEGIN;
SELECT count(*) FROM p;
-- @fails
SET statement_timeout = '500ms';
ALTER TABLE p DETACH PARTITION "P 1" CONCURRENTLY;
-- @main
RESET statement_timeout;
-- @session c
BEGIN;
SELECT count(*) FROM q;
-- @start b
ALTER TABLE q DETACH PARTITION q_1 CONCURRENTLY;
-- @healthy
-- @session a
COMMIT;
-- @session c
COMMIT;
-- @main
SELECT pg_sleep(0.5);
ALTER TABLE p DETACH PARTITION "P 1" FINALIZE;
