-- A locked table is not waited for. Checks that read its rows are unseen, and the others still run.
--
-- since = 10
-- checks = ["sequence-behind-column", "integer-key-near-end", "index-duplicate"]
-- expect = ["unseen sequence-behind-column public.t_id_seq", "unseen integer-key-near-end public.k.id", "note index-duplicate public.t_2"]
CREATE TABLE t (id serial PRIMARY KEY, a int);
INSERT INTO t (a) SELECT generate_series(1, 10);
CREATE INDEX t_1 ON t (a);
CREATE INDEX t_2 ON t (a);
CREATE TABLE k (id int PRIMARY KEY);
INSERT INTO k SELECT generate_series(1, 10);
CREATE TABLE free (id serial PRIMARY KEY);
INSERT INTO free SELECT FROM generate_series(1, 10);
-- @session a
BEGIN;
LOCK TABLE t, k;
-- @healthy
-- @session a
COMMIT;
-- @main
DROP INDEX t_2;
