-- More than ten sessions behind one blocker are critical. DDL that waits is a warning, because others queue behind it.
--
-- since = 10
-- checks = ["lock-queue", "ddl-waiting"]
-- expect = ["critical lock-queue public.Busy \"t", "warning ddl-waiting public.Busy \"t"]
-- text = ["blocks other sessions: 11 waiting", "10 sessions are queued behind it"]
CREATE TABLE "Busy ""t" (a int);
-- A short queue that has existed for seconds is not reported yet.
CREATE TABLE other (a int PRIMARY KEY);
INSERT INTO other VALUES (1);
-- @session head
BEGIN;
SELECT * FROM "Busy ""t";
-- @session short
BEGIN;
UPDATE other SET a = 2;
-- @start s1
UPDATE other SET a = 3;
-- @start w0
ALTER TABLE "Busy ""t" ADD COLUMN b int;
-- @start w1
SELECT * FROM "Busy ""t";
-- @start w2
SELECT * FROM "Busy ""t";
-- @start w3
SELECT * FROM "Busy ""t";
-- @start w4
SELECT * FROM "Busy ""t";
-- @start w5
SELECT * FROM "Busy ""t";
-- @start w6
SELECT * FROM "Busy ""t";
-- @start w7
SELECT * FROM "Busy ""t";
-- @start w8
SELECT * FROM "Busy ""t";
-- @start w9
SELECT * FROM "Busy ""t";
-- @start w10
INSERT INTO "Busy ""t" VALUES (1);
-- @sleep 6s
-- @healthy
-- @session head
COMMIT;
-- @session short
COMMIT;
-- @sleep 1s
