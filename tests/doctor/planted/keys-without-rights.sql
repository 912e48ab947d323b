-- A key that the role may not read is unseen, with the reason, and no check fails because of it.
--
-- since = 10
-- own = true
-- role = "nobody_reads"
-- also = ["rls-without-effect", "sequence-near-end"]
-- checks = ["sequence-behind-column", "integer-key-near-end", "index-duplicate"]
-- expect = ["unseen sequence-behind-column hidden.t_id_seq", "unseen integer-key-near-end hidden.k.id", "unseen sequence-behind-column public.r_id_seq", "note index-duplicate hidden.i2"]
-- text = ["USAGE on the schema is missing", "row security hides rows"]
CREATE ROLE nobody_reads LOGIN;
CREATE SCHEMA hidden;
CREATE TABLE hidden.t (id serial PRIMARY KEY, a int);
INSERT INTO hidden.t (a) VALUES (1);
CREATE INDEX i1 ON hidden.t (a);
CREATE INDEX i2 ON hidden.t (a);
CREATE TABLE hidden.k (id int PRIMARY KEY);
INSERT INTO hidden.k VALUES (5);
GRANT SELECT ON hidden.k TO nobody_reads;
CREATE TABLE r (id serial PRIMARY KEY);
INSERT INTO r VALUES (1);
ALTER TABLE r ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON r, r_id_seq TO nobody_reads;
CREATE TABLE seen (id serial PRIMARY KEY);
INSERT INTO seen VALUES (DEFAULT);
GRANT SELECT ON seen, seen_id_seq TO nobody_reads;
SELECT pg_sleep(1);
-- @healthy
DROP SCHEMA hidden CASCADE;
DROP TABLE r;
