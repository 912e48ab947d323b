-- A published partition tree is reported once. All tables of a published schema count.
--
-- since = 15
-- checks = ["publication-without-identity"]
-- expect = ["warning publication-without-identity public.parted", "warning publication-without-identity s.in_schema", "warning publication-without-identity public.half_2"]
CREATE SCHEMA s;
CREATE TABLE parted (a int) PARTITION BY RANGE (a);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (10) TO (20);
CREATE TABLE keyed (a int PRIMARY KEY) PARTITION BY RANGE (a);
CREATE TABLE keyed_1 PARTITION OF keyed FOR VALUES FROM (0) TO (10);
CREATE TABLE half (a int) PARTITION BY RANGE (a);
CREATE TABLE half_1 PARTITION OF half FOR VALUES FROM (0) TO (10);
CREATE TABLE half_2 PARTITION OF half FOR VALUES FROM (10) TO (20);
CREATE TABLE s.in_schema (a int);
CREATE PUBLICATION p FOR TABLE parted, keyed, half_2;
CREATE PUBLICATION q FOR TABLES IN SCHEMA s;
-- @healthy
DROP PUBLICATION p;
DROP PUBLICATION q;
