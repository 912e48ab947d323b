-- Integer keys without a sequence are found near their end, and so are foreign keys narrower than what they reference.
--
-- since = 10
-- checks = ["integer-key-near-end", "foreign-key-narrower"]
-- expect = ["warning integer-key-near-end public.k70.id", "critical integer-key-near-end public.k85.id", "critical integer-key-near-end Od d.\"K\".I d", "critical integer-key-near-end public.sparse.id", "warning integer-key-near-end public.uniq.a", "warning foreign-key-narrower public.c51.c51_fk", "warning foreign-key-narrower Od d.C.C fk"]
CREATE TABLE k69 (id int PRIMARY KEY);
INSERT INTO k69 SELECT 1481000000 + n FROM generate_series(1, 1000) AS n;
CREATE TABLE k70 (id int PRIMARY KEY);
INSERT INTO k70 SELECT 1504000000 + n FROM generate_series(1, 1000) AS n;
CREATE TABLE k85 (id int PRIMARY KEY);
INSERT INTO k85 SELECT 1826000000 + n FROM generate_series(1, 1000) AS n;
CREATE SCHEMA "Od d";
CREATE DOMAIN "Od d".small AS smallint;
CREATE TABLE "Od d"."""K""" ("I d" "Od d".small, b int, PRIMARY KEY ("I d", b));
INSERT INTO "Od d"."""K""" VALUES (32000, 1);
CREATE TABLE uniq (a int UNIQUE, b int);
INSERT INTO uniq VALUES (1600000000, 2100000000);
-- These keys rise in the order of insertion, with gaps, up to the end of the type.
CREATE TABLE sparse (id int PRIMARY KEY);
INSERT INTO sparse SELECT n * 2000000 FROM generate_series(1, 1000) AS n;
-- These keys are hashes, once with negative values and once without. They are not found.
CREATE TABLE hashed (id int PRIMARY KEY);
INSERT INTO hashed SELECT hashint4(n) FROM generate_series(1, 3000) AS n;
CREATE TABLE positive (id int PRIMARY KEY);
INSERT INTO positive SELECT hashint4(n) & 2147483647 FROM generate_series(1, 3000) AS n;
CREATE TABLE unanalyzed (id int PRIMARY KEY);
INSERT INTO unanalyzed SELECT hashint4(n) FROM generate_series(1, 3000) AS n;
CREATE TABLE few (id int PRIMARY KEY);
INSERT INTO few SELECT hashint4(n) & 2147483647 FROM generate_series(1, 60) AS n;
ANALYZE hashed;
ANALYZE positive;
ANALYZE sparse;
-- A bigint key, a column that is no key and an empty table are not found either.
CREATE TABLE big (id bigint PRIMARY KEY);
INSERT INTO big VALUES (2147483000);
CREATE TABLE nokey (id int);
INSERT INTO nokey VALUES (2147483000);
CREATE TABLE empty (id int PRIMARY KEY);
-- These foreign keys have a smaller type than what they reference. They are found above 50 % of it.
CREATE TABLE p51 (id bigint PRIMARY KEY);
INSERT INTO p51 VALUES (1100000000);
CREATE TABLE c51 (p int CONSTRAINT c51_fk REFERENCES p51);
CREATE TABLE p49 (id bigint PRIMARY KEY);
INSERT INTO p49 VALUES (1050000000);
CREATE TABLE c49 (p int REFERENCES p49);
CREATE TABLE same (p bigint REFERENCES p51);
CREATE TABLE "Od d"."P" (a int, id int UNIQUE);
INSERT INTO "Od d"."P" VALUES (1, 20000);
CREATE TABLE "Od d"."C" ("P id" smallint CONSTRAINT "C fk" REFERENCES "Od d"."P" (id));
-- @healthy
ALTER TABLE k70 ALTER id TYPE bigint;
ALTER TABLE k85 ALTER id TYPE bigint;
ALTER TABLE sparse ALTER id TYPE bigint;
ALTER TABLE uniq ALTER a TYPE bigint;
ALTER TABLE c51 ALTER p TYPE bigint;
DROP SCHEMA "Od d" CASCADE;
