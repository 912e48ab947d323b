-- In a table above 1 GB, more than ten times as many dead rows as start a vacuum are critical.
--
-- since = 10
-- own = true
-- settings = ["autovacuum = off"]
-- also = ["never-analysed", "table-bloat"]
-- checks = ["vacuum-behind"]
-- expect = ["critical vacuum-behind public.Large \"t"]
CREATE TABLE "Large ""t" (a int);
-- A small table is not reported, and the own options of a table are considered.
CREATE TABLE small (a int);
CREATE TABLE own_options (a int) WITH (autovacuum_vacuum_threshold = 10000);
INSERT INTO "Large ""t" SELECT generate_series(1, 20000);
INSERT INTO small SELECT generate_series(1, 20000);
INSERT INTO own_options SELECT generate_series(1, 20000);
DELETE FROM "Large ""t" WHERE a > 1000;
DELETE FROM small WHERE a > 1000;
DELETE FROM own_options WHERE a > 1000;
SELECT pg_stat_clear_snapshot();
UPDATE pg_class SET relpages = 200000, reltuples = 1000 WHERE relname IN ('Large "t', 'own_options');
UPDATE pg_class SET relpages = 20000, reltuples = 1000 WHERE relname = 'small';
-- @sleep 2s
SELECT 1;
-- @healthy
VACUUM "Large ""t";
