-- Indexes that equal another index, or the first columns of one, are found. Similar but useful indexes are not.
--
-- since = 10
-- also = ["index-bloat", "index-invalid"]
-- checks = ["index-duplicate", "index-redundant"]
-- expect = ["note index-duplicate public.t_a_2", "note index-duplicate public.t_id", "note index-duplicate public.t_lower_2", "note index-duplicate public.t_gin_2", "note index-duplicate public.t_u_u2", "note index-duplicate Ma in.Dup\n2", "warning index-duplicate public.large_2", "note index-redundant public.t_b", "note index-redundant public.t_part", "note index-redundant public.t_e", "warning index-redundant public.huge_s", "note index-duplicate public.idle_id", "note index-duplicate public.t_d_late"]
CREATE TABLE t (id int PRIMARY KEY, a int, b int, c int, d int, e text, f int4range, g int[], u int, v text COLLATE "C");
CREATE INDEX t_a_1 ON t (a);
CREATE INDEX t_a_2 ON t (a) WITH (fillfactor = 70);
CREATE INDEX t_id ON t (id);
CREATE INDEX t_lower_1 ON t (lower(e));
CREATE INDEX t_lower_2 ON t ( lower ( e ) );
CREATE INDEX t_gin_1 ON t USING gin (g);
CREATE INDEX t_gin_2 ON t USING gin (g);
ALTER TABLE t ADD CONSTRAINT t_u_u1 UNIQUE (u);
ALTER TABLE t ADD CONSTRAINT t_u_u2 UNIQUE (u);
-- A deferrable constraint forbids less than one that is not deferrable, so the deferrable one is superfluous.
ALTER TABLE t ADD CONSTRAINT t_d UNIQUE (d);
ALTER TABLE t ADD CONSTRAINT t_d_late UNIQUE (d) DEFERRABLE INITIALLY DEFERRED;
-- These differ in order, operator class, collation, predicate, access method or options.
CREATE INDEX t_a_desc ON t (a DESC);
CREATE INDEX t_a_hash ON t USING hash (a);
CREATE INDEX t_a_some ON t (a) WHERE a > 0;
CREATE INDEX t_a_others ON t (a) WHERE a > 1;
CREATE INDEX t_v ON t (v);
CREATE INDEX t_v_like ON t (v text_pattern_ops);
CREATE INDEX t_v_en ON t (v COLLATE "default");
CREATE INDEX t_brin ON t USING brin (d) WITH (pages_per_range = 1);
CREATE INDEX t_brin_2 ON t USING brin (d) WITH (pages_per_range = 128);
-- In each pair, the first index has the first columns of the second one.
CREATE INDEX t_b ON t (b);
CREATE INDEX t_b_c ON t (b, c);
CREATE INDEX t_part ON t (c) WHERE c IS NOT NULL;
CREATE INDEX t_part_d ON t (c, a) WHERE c IS NOT NULL;
CREATE INDEX t_e ON t (upper(e), b);
CREATE INDEX t_e_2 ON t (upper(e), b, (a + 1));
-- These do not: an index is unique, its column comes second in the other one, or the operator class differs.
CREATE UNIQUE INDEX t_f ON t (c);
CREATE INDEX t_cd ON t (c, d);
CREATE INDEX t_dc ON t (f, b);
CREATE INDEX t_ec ON t (e text_pattern_ops);
CREATE INDEX t_ecc ON t (e, c);
-- These sizes are on both sides of the limits. An index that is much narrower than the other may be useful.
CREATE TABLE large (a int NOT NULL, b int, c text);
CREATE INDEX large_1 ON large (a);
CREATE INDEX large_2 ON large (a);
CREATE INDEX huge_s ON large (b);
CREATE INDEX huge_l ON large (b, a);
CREATE INDEX narrow ON large (c);
CREATE INDEX wide ON large (c, b);
UPDATE pg_class SET relpages = 1282 WHERE relname IN ('large_1', 'large_2');
UPDATE pg_class SET relpages = 131074 WHERE relname IN ('huge_s', 'huge_l');
UPDATE pg_class SET relpages = 100 WHERE relname = 'narrow';
UPDATE pg_class SET relpages = 401 WHERE relname = 'wide';
-- The plain index is superfluous, because the replica identity must stay.
CREATE TABLE idle (id int NOT NULL);
CREATE INDEX idle_id ON idle (id);
CREATE UNIQUE INDEX idle_u ON idle (id);
ALTER TABLE idle REPLICA IDENTITY USING INDEX idle_u;
CREATE SCHEMA "Ma in";
CREATE TABLE "Ma in"."T" ("A" int);
CREATE INDEX ON "Ma in"."T" ("A");
CREATE INDEX "Dup
2" ON "Ma in"."T" ("A");
-- This index is invalid, so only index-invalid reports it.
CREATE INDEX t_a_3 ON t (a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a_3'::regclass;
-- @healthy
DROP TABLE t, large, idle;
DROP SCHEMA "Ma in" CASCADE;
