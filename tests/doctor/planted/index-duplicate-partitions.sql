-- Duplicates of a partitioned index are reported once, at its root.
--
-- since = 11
-- checks = ["index-duplicate", "index-redundant"]
-- expect = ["note index-duplicate public.p_a2", "note index-duplicate public.p_1_own", "note index-redundant public.p_b", "note index-redundant public.plain_inc"]
CREATE TABLE p (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (a);
CREATE TABLE p_11 PARTITION OF p_1 FOR VALUES FROM (0) TO (10);
CREATE TABLE p_2 PARTITION OF p DEFAULT;
CREATE INDEX p_a1 ON p (a);
CREATE INDEX p_a2 ON p (a);
CREATE INDEX p_1_own ON p_11 (a);
CREATE INDEX p_b ON p (b);
CREATE INDEX p_b_a ON p (b, a);
CREATE TABLE plain (a int, b int, c int, d int);
CREATE INDEX plain_inc ON plain (a);
CREATE INDEX plain_inc_b ON plain (a) INCLUDE (b);
-- The included columns may be what an index is for, so these indexes are not found.
CREATE INDEX plain_c_d ON plain (c) INCLUDE (d);
CREATE INDEX plain_c_a ON plain (c, a);
CREATE INDEX plain_c_b ON plain (d, c) INCLUDE (b);
CREATE INDEX plain_c_ab ON plain (d, c) INCLUDE (a);
-- @healthy
DROP TABLE p, plain;
