-- An index whose entries are out of order is critical. The check stops there, so the remaining indexes are unseen.
--
-- since = 10
-- args = ["--deep"]
-- checks = ["index-damaged"]
-- expect = ["critical index-damaged", "unseen index-damaged"]
-- text = ["item order invariant violated for index \"T a\""]
CREATE EXTENSION amcheck;
CREATE TABLE t (a int);
INSERT INTO t SELECT generate_series(1, 2000);
CREATE INDEX "T a" ON t (a);
CREATE INDEX fine ON t (a);
-- The index now looks as if its values had been sorted in another locale.
UPDATE pg_index SET indoption = '1' WHERE indexrelid = '"T a"'::regclass;
-- @healthy
UPDATE pg_index SET indoption = '0' WHERE indexrelid = '"T a"'::regclass;
