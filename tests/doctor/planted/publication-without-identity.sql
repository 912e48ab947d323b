-- Published tables without a replica identity are critical if rows were changed, and warnings otherwise.
--
-- since = 10
-- checks = ["publication-without-identity"]
-- expect = ["critical publication-without-identity public.Changed \"t", "warning publication-without-identity s.quiet", "warning publication-without-identity public.nothing", "warning publication-without-identity public.lost_index", "warning publication-without-identity public.later", "note publication-without-identity public.slow"]
CREATE SCHEMA s;
CREATE TABLE "Changed ""t" (a int);
INSERT INTO "Changed ""t" VALUES (1);
UPDATE "Changed ""t" SET a = 2;
CREATE TABLE s.quiet (a int);
CREATE TABLE nothing (a int PRIMARY KEY);
ALTER TABLE nothing REPLICA IDENTITY NOTHING;
CREATE TABLE lost_index (a int NOT NULL);
CREATE UNIQUE INDEX i ON lost_index (a);
ALTER TABLE lost_index REPLICA IDENTITY USING INDEX i;
DROP INDEX i;
CREATE TABLE later (a int PRIMARY KEY DEFERRABLE);
-- FULL is a note.
CREATE TABLE slow (a int);
ALTER TABLE slow REPLICA IDENTITY FULL;
-- Tables with a key or an identity index are not reported, and neither are publications of inserts only.
CREATE TABLE sound (a int PRIMARY KEY);
CREATE TABLE by_index (a int NOT NULL);
CREATE UNIQUE INDEX j ON by_index (a);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX j;
CREATE TABLE only_inserts (a int);
CREATE TABLE unpublished (a int);
CREATE PUBLICATION p FOR TABLE "Changed ""t", s.quiet, nothing, lost_index, later, slow, sound, by_index;
CREATE PUBLICATION q FOR TABLE only_inserts WITH (publish = 'insert');
-- @sleep 2s
SELECT 1;
-- @healthy
DROP PUBLICATION p;
