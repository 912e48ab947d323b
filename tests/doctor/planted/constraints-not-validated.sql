-- Constraints that were never validated are found once each, on tables, partitioned tables and domains.
--
-- since = 11
-- checks = ["constraints-not-validated"]
-- expect = ["warning constraints-not-validated Odd\"s.Child \n two.fk'1", "warning constraints-not-validated public.parted.positive", "warning constraints-not-validated public.dom.dom_check", "note constraints-not-validated public.remote.remote_check"]
CREATE TABLE parent (id int PRIMARY KEY);
CREATE SCHEMA "Odd""s";
CREATE TABLE "Odd""s"."Child 
 two" (id int, p int);
INSERT INTO "Odd""s"."Child 
 two" VALUES (1, 99);
ALTER TABLE "Odd""s"."Child 
 two" ADD CONSTRAINT "fk'1" FOREIGN KEY (p) REFERENCES parent NOT VALID;
-- Validated constraints are not found.
CREATE TABLE sound (id int CHECK (id > 0), p int REFERENCES parent);
ALTER TABLE sound ADD CONSTRAINT later CHECK (id > 1) NOT VALID;
ALTER TABLE sound VALIDATE CONSTRAINT later;
-- Partitions inherit the constraint from their parent, so only the parent is reported.
CREATE TABLE parted (id int) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
CREATE TABLE parted_2_1 PARTITION OF parted_2 FOR VALUES FROM (10) TO (15);
ALTER TABLE parted ADD CONSTRAINT positive CHECK (id >= 0) NOT VALID;
CREATE DOMAIN dom AS int;
ALTER DOMAIN dom ADD CONSTRAINT dom_check CHECK (VALUE > 0) NOT VALID;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE remote (a int) SERVER nowhere;
ALTER FOREIGN TABLE remote ADD CONSTRAINT remote_check CHECK (a > 0) NOT VALID;
CREATE TEMPORARY TABLE of_session (a int);
ALTER TABLE of_session ADD CHECK (a > 0) NOT VALID;
-- @healthy
DELETE FROM "Odd""s"."Child 
 two";
ALTER TABLE "Odd""s"."Child 
 two" VALIDATE CONSTRAINT "fk'1";
ALTER TABLE parted VALIDATE CONSTRAINT positive;
ALTER DOMAIN dom VALIDATE CONSTRAINT dom_check;
ALTER FOREIGN TABLE remote VALIDATE CONSTRAINT remote_check;
