-- Larger tables without statistics that autovacuum will not analyze are warnings. Partitioned parents are notes.
--
-- since = 10
-- own = true
-- settings = ["autovacuum = on"]
-- checks = ["never-analysed"]
-- expect = ["warning never-analysed public.Off \"t", "warning never-analysed s.st", "note never-analysed public.parted"]
CREATE SCHEMA s;
CREATE TABLE "Off ""t" (a int, b text) WITH (autovacuum_enabled = false);
INSERT INTO "Off ""t" SELECT g, 'x' FROM generate_series(1, 20000) g;
-- Small tables, analyzed tables and freshly loaded ones are not reported.
CREATE TABLE small (a int) WITH (autovacuum_enabled = false);
INSERT INTO small SELECT generate_series(1, 5000);
CREATE TABLE analysed (a int, b int) WITH (autovacuum_enabled = false);
INSERT INTO analysed SELECT g, g FROM generate_series(1, 20000) g;
ANALYZE analysed;
-- As after a crash, the time of the last ANALYZE is lost, but the statistics exist.
CREATE TABLE forgotten (a int) WITH (autovacuum_enabled = false);
INSERT INTO forgotten SELECT generate_series(1, 20000);
ANALYZE forgotten;
-- Autovacuum will analyze this table within minutes.
CREATE TABLE fresh (a int) WITH (autovacuum_analyze_threshold = 10);
INSERT INTO fresh SELECT generate_series(1, 11000);
CREATE STATISTICS s.st (dependencies) ON a, b FROM analysed;
CREATE TABLE parted (a int) PARTITION BY RANGE (a);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (15000);
CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (15000) TO (30000);
INSERT INTO parted SELECT generate_series(1, 20000);
ANALYZE part_1;
ANALYZE part_2;
-- @sleep 2s
SELECT pg_stat_reset_single_table_counters('forgotten'::regclass);
-- @healthy
ANALYZE;
