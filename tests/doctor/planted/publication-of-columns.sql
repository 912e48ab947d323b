-- Publications of columns and of rows that leave out a part of the replica identity make changes fail.
--
-- since = 15
-- checks = ["publication-without-identity"]
-- expect = ["warning publication-without-identity public.columns", "warning publication-without-identity public.rows"]
-- text = ["the column list of p leaves out", "the WHERE clause of q uses columns outside"]
CREATE TABLE columns (a int PRIMARY KEY, b int);
CREATE TABLE rows (a int PRIMARY KEY, b int);
CREATE TABLE fine (a int PRIMARY KEY, b int, c int);
CREATE PUBLICATION p FOR TABLE columns (b), fine (a, b);
CREATE PUBLICATION q FOR TABLE rows WHERE (b > 1), fine WHERE (a > 1);
CREATE PUBLICATION r FOR TABLE columns (b), rows WHERE (b > 1) WITH (publish = 'insert');
-- @healthy
DROP PUBLICATION p, q;
