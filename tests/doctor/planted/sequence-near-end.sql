-- Sequences near either end of their own range, or of the type of a column that they fill, are found.
--
-- since = 10
-- checks = ["sequence-near-end"]
-- expect = ["warning sequence-near-end public.s75", "critical sequence-near-end public.leap", "critical sequence-near-end public.s90", "critical sequence-near-end public.down", "critical sequence-near-end public.t_id_seq", "critical sequence-near-end public.ident_id_seq", "critical sequence-near-end Od d.\"Lo ose\"", "warning sequence-near-end public.parent_id_seq", "critical sequence-near-end public.cyc_narrow", "critical sequence-near-end public.of_domain_id_seq", "critical sequence-near-end public.set_far_id_seq"]
-- text = ["t.id (integer)"]
CREATE SEQUENCE s74 MAXVALUE 100000;
SELECT setval('s74', 74000);
CREATE SEQUENCE s75 MAXVALUE 100000;
SELECT setval('s75', 75000);
-- Its next step is beyond its end.
CREATE SEQUENCE leap INCREMENT 1000000 MAXVALUE 2147483;
SELECT setval('leap', 1200000);
CREATE SEQUENCE s90 MAXVALUE 100000;
SELECT setval('s90', 90000);
CREATE SEQUENCE down INCREMENT -1 MINVALUE -1000 MAXVALUE -1;
SELECT setval('down', -950);
CREATE SEQUENCE cyc MAXVALUE 100 CYCLE;
SELECT setval('cyc', 99);
CREATE SEQUENCE fresh MAXVALUE 100;
CREATE TABLE set_far (id serial PRIMARY KEY);
ALTER SEQUENCE set_far_id_seq RESTART WITH 2147483600;
CREATE TABLE near (id serial PRIMARY KEY);
ALTER SEQUENCE near_id_seq RESTART WITH 1000;
-- This bigint sequence fills an integer column.
CREATE TABLE t (id int PRIMARY KEY);
CREATE SEQUENCE t_id_seq OWNED BY t.id;
ALTER TABLE t ALTER id SET DEFAULT nextval('t_id_seq');
SELECT setval('t_id_seq', 2000000000);
CREATE TABLE ident (id smallint GENERATED ALWAYS AS IDENTITY);
SELECT setval('ident_id_seq', 30000);
-- No column owns this sequence, but a default uses it.
CREATE SCHEMA "Od d";
CREATE SEQUENCE "Od d"."""Lo ose""";
CREATE TABLE "Od d"."T" ("I d" int DEFAULT nextval('"Od d"."""Lo ose"""'));
SELECT setval('"Od d"."""Lo ose"""', 2147483000);
-- The key is wide enough, but a column that references it is not.
CREATE TABLE parent (id bigserial PRIMARY KEY);
CREATE TABLE child (parent int REFERENCES parent);
SELECT setval('parent_id_seq', 1700000000);
-- This sequence cycles, but its column is full before that.
CREATE SEQUENCE cyc_narrow CYCLE;
CREATE TABLE narrow (id smallint DEFAULT nextval('cyc_narrow'));
SELECT setval('cyc_narrow', 32000);
CREATE DOMAIN small AS smallint;
CREATE TABLE of_domain (id small);
CREATE SEQUENCE of_domain_id_seq OWNED BY of_domain.id;
SELECT setval('of_domain_id_seq', 30000);
-- This sequence is far from its end.
CREATE TABLE far (id serial);
SELECT setval('far_id_seq', 1000000000);
-- @healthy
DROP TABLE t, ident, parent, child, narrow, of_domain, set_far;
DROP SEQUENCE IF EXISTS s75, s90, leap, down, cyc_narrow;
DROP SCHEMA "Od d" CASCADE;
