-- A large table that is read in full again and again is a note. Small tables and index scans are not reported.
--
-- since = 10
-- for = "3s"
-- checks = ["sequential-scans"]
-- expect = ["note sequential-scans Big.T"]
CREATE SCHEMA "Big";
CREATE TABLE "Big"."T" (a int) WITH (autovacuum_enabled = false);
INSERT INTO "Big"."T" SELECT generate_series(1, 20000);
CREATE TABLE small (a int) WITH (autovacuum_enabled = false);
INSERT INTO small SELECT generate_series(1, 20000);
-- A bigint, because doctor itself reads small tables with integer keys.
CREATE TABLE searched (a bigint PRIMARY KEY) WITH (autovacuum_enabled = false);
INSERT INTO searched SELECT generate_series(1, 20000);
ANALYZE "Big"."T";
ANALYZE small;
ANALYZE searched;
UPDATE pg_class SET relpages = 13000 WHERE relname IN ('T', 'searched');
-- @during b
SELECT count(*) FROM "Big"."T";
SELECT count(*) FROM small;
SELECT count(*) FROM searched WHERE a = 7;
SELECT pg_sleep(0.1);
-- @healthy
DROP TABLE "Big"."T";
