-- Every index whose entries are out of order is critical, also those after the first.
--
-- since = 10
-- args = ["--deep"]
-- checks = ["index-damaged"]
-- expect = ["critical index-damaged public.T a", "critical index-damaged public.t_a_idx", "critical index-damaged public.last"]
-- text = ["item order invariant violated for index \"T a\""]
CREATE EXTENSION amcheck;
CREATE TABLE t (a int);
INSERT INTO t SELECT generate_series(1, 2000);
CREATE INDEX "T a" ON t (a);
CREATE INDEX ON t (a);
CREATE INDEX fine ON t (a);
CREATE INDEX last ON t (a);
-- The index now looks as if its values had been sorted in another locale.
UPDATE pg_index SET indoption = '1' WHERE indexrelid IN ('"T a"'::regclass, 't_a_idx'::regclass, 'last'::regclass);
-- @healthy
UPDATE pg_index SET indoption = '0' WHERE indexrelid IN ('"T a"'::regclass, 't_a_idx'::regclass, 'last'::regclass);
