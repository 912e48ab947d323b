-- A foreign key without an index is a warning only if the table is large and the parent's rows are deleted or rekeyed.
--
-- since = 10
-- also = ["index-invalid"]
-- checks = ["foreign-key-without-index"]
-- expect = ["warning foreign-key-without-index public.large.large_gone_fkey", "warning foreign-key-without-index public.large.large_rekeyed_fkey", "note foreign-key-without-index public.large.large_kept_fkey", "note foreign-key-without-index public.small.small_gone_fkey", "note foreign-key-without-index public.members.members_of", "note foreign-key-without-index Od d.Chil\"d.F k", "note foreign-key-without-index public.pairs.pairs_second", "note foreign-key-without-index public.pairs.pairs_some", "note foreign-key-without-index public.pairs.pairs_brin"]
CREATE TABLE gone (id int PRIMARY KEY);
CREATE TABLE kept (id int PRIMARY KEY, what int);
CREATE TABLE rekeyed (id int PRIMARY KEY);
INSERT INTO gone SELECT generate_series(1, 100);
INSERT INTO kept SELECT generate_series(1, 100), 0;
INSERT INTO rekeyed SELECT generate_series(1, 100);
CREATE TABLE large (id int PRIMARY KEY REFERENCES kept, gone int REFERENCES gone, kept int REFERENCES kept, rekeyed int REFERENCES rekeyed, served int REFERENCES gone);
ALTER TABLE large DROP CONSTRAINT large_id_fkey;
CREATE INDEX large_served ON large (served, kept);
INSERT INTO large SELECT n, 1, 1, 1, 1 FROM generate_series(1, 10001) AS n;
-- An index on one column of the key that finds few rows is enough.
CREATE TABLE tenants (tenant int, id int, PRIMARY KEY (tenant, id));
INSERT INTO tenants SELECT 1, generate_series(1, 10010);
CREATE TABLE members (tenant int, id int, CONSTRAINT members_of FOREIGN KEY (tenant, id) REFERENCES tenants);
INSERT INTO members SELECT 1, generate_series(1, 10005);
CREATE INDEX ON members (id);
DELETE FROM tenants WHERE id > 10005;
ANALYZE members;
ANALYZE tenants;
CREATE TABLE small (id int REFERENCES gone PRIMARY KEY, gone int REFERENCES gone);
INSERT INTO small SELECT n, 1 FROM generate_series(1, 100) AS n;
DELETE FROM small WHERE id > 90;
DELETE FROM gone WHERE id > 90;
UPDATE rekeyed SET id = id + 1000 WHERE id > 50;
ANALYZE large;
ANALYZE small;
-- An index with the key's columns in any order serves it, and so does a partial index without NULLs or a hash index.
-- An index with the key as its second column, a partial index with another predicate, or a BRIN index does not.
CREATE TABLE pair (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE pairs (a int, b int, c int, d int, e int, f int, g int,
    CONSTRAINT pairs_any FOREIGN KEY (a, b) REFERENCES pair,
    CONSTRAINT pairs_notnull FOREIGN KEY (c) REFERENCES gone,
    CONSTRAINT pairs_hash FOREIGN KEY (d) REFERENCES gone,
    CONSTRAINT pairs_second FOREIGN KEY (e) REFERENCES gone,
    CONSTRAINT pairs_some FOREIGN KEY (f) REFERENCES gone,
    CONSTRAINT pairs_brin FOREIGN KEY (g) REFERENCES gone);
CREATE INDEX ON pairs (b, a, c);
CREATE INDEX ON pairs (c) WHERE c IS NOT NULL;
CREATE INDEX ON pairs USING hash (d);
CREATE INDEX ON pairs (a, e);
CREATE INDEX ON pairs (f) WHERE f > 10;
CREATE INDEX ON pairs USING brin (g);
CREATE SCHEMA "Od d";
CREATE TABLE "Od d"."Par.ent" (id int PRIMARY KEY);
CREATE TABLE "Od d"."Chil""d" ("A b" int CONSTRAINT "F k" REFERENCES "Od d"."Par.ent");
CREATE INDEX "in valid" ON "Od d"."Chil""d" ("A b");
UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"Od d"."in valid"'::regclass;
-- @sleep 1s
SELECT pg_stat_clear_snapshot();
-- @healthy
CREATE INDEX ON large (gone);
CREATE INDEX ON large (rekeyed);
CREATE INDEX ON large (kept);
CREATE INDEX ON small (gone);
CREATE INDEX ON members (tenant, id);
CREATE INDEX ON pairs (e);
CREATE INDEX ON pairs (f);
CREATE INDEX ON pairs (g);
DROP SCHEMA "Od d" CASCADE;
