-- Unlogged tables are notes while no standby is connected. Their sequences are not reported.
--
-- since = 10
-- checks = ["unlogged-with-standby"]
-- expect = ["note unlogged-with-standby public.u \"q", "note unlogged-with-standby s.parted"]
CREATE UNLOGGED TABLE "u ""q" (a serial PRIMARY KEY, b text);
CREATE TABLE logged (a serial);
CREATE TEMPORARY TABLE t (a int);
CREATE SCHEMA s;
-- A partitioned table is reported once.
CREATE TABLE s.parted (a int) PARTITION BY RANGE (a);
CREATE UNLOGGED TABLE s.p1 PARTITION OF s.parted FOR VALUES FROM (1) TO (2);
CREATE UNLOGGED TABLE s.p2 PARTITION OF s.parted FOR VALUES FROM (2) TO (3);
CREATE TABLE s.p3 PARTITION OF s.parted FOR VALUES FROM (3) TO (4);
-- @healthy
ALTER TABLE "u ""q" SET LOGGED;
ALTER TABLE s.p1 SET LOGGED;
ALTER TABLE s.p2 SET LOGGED;
