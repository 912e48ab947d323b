-- Tables and indexes have much free space, on both sides of the limits.
--
-- since = 10
-- also = ["never-analysed"]
-- checks = ["table-bloat", "index-bloat"]
-- expect = ["critical table-bloat public.empty", "warning table-bloat public.half", "warning table-bloat Od d.Ta \"b\"", "warning index-bloat public.half_b", "unseen table-bloat public.unknown"]
CREATE TABLE half (a int NOT NULL, b int NOT NULL) WITH (autovacuum_enabled = false);
INSERT INTO half SELECT n, n FROM generate_series(1, 1000) AS n;
CREATE INDEX half_a ON half (a);
CREATE INDEX half_b ON half (b);
ANALYZE half;
CREATE TABLE full_enough (LIKE half INCLUDING ALL) WITH (autovacuum_enabled = false);
CREATE TABLE small (LIKE half) WITH (autovacuum_enabled = false);
CREATE TABLE empty (LIKE half) WITH (autovacuum_enabled = false);
CREATE TABLE filled (LIKE half) WITH (autovacuum_enabled = false, fillfactor = 40);
CREATE TABLE unknown (a text) WITH (autovacuum_enabled = false);
CREATE SCHEMA "Od d";
CREATE TABLE "Od d"."Ta ""b""" (LIKE half) WITH (autovacuum_enabled = false);
-- A row takes 4 + 24 + 8 bytes, so 226 rows fit into a page and 10 million rows need 44,248 pages.
-- Of 131,073 pages, 66 % are free.
UPDATE pg_class SET relpages = 131073, reltuples = 10000000 WHERE oid IN ('half'::regclass, '"Od d"."Ta ""b"""'::regclass);
UPDATE pg_class SET relpages = 131073, reltuples = 20000000 WHERE oid = 'full_enough'::regclass;
UPDATE pg_class SET relpages = 131071, reltuples = 1000 WHERE oid = 'small'::regclass;
UPDATE pg_class SET relpages = 1310721, reltuples = 1000 WHERE oid = 'empty'::regclass;
UPDATE pg_class SET relpages = 131073, reltuples = 10000000 WHERE oid = 'filled'::regclass;
UPDATE pg_class SET relpages = 131073, reltuples = 1000000 WHERE oid = 'unknown'::regclass;
-- An index entry takes 16 + 4 bytes, so 366 entries fit into a page that is 90 % full.
-- 10 million entries need 27,300 pages, and 70 million need 190,000.
UPDATE pg_class SET relpages = 131073, reltuples = 10000000 WHERE relname = 'half_b';
UPDATE pg_class SET relpages = 131073, reltuples = 40000000 WHERE relname = 'half_a';
-- @healthy
DROP TABLE half, full_enough, small, empty, filled, unknown;
DROP SCHEMA "Od d" CASCADE;
