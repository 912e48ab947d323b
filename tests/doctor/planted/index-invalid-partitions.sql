-- A partitioned index that lacks some of its parts is a note, at its topmost level only.
--
-- since = 11
-- checks = ["index-invalid"]
-- expect = ["note index-invalid public.p_a", "note index-invalid public.q_only", "warning index-invalid public.R1_i"]
-- text = ["1 of 2 partitions has no index attached to it"]
CREATE TABLE p (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p_2 PARTITION OF p DEFAULT;
CREATE INDEX p_whole ON p (b);
CREATE INDEX p_a ON ONLY p (a, b);
CREATE INDEX p_1_a ON p_1 (a, b);
ALTER INDEX p_a ATTACH PARTITION p_1_a;
CREATE TABLE q (a int) PARTITION BY RANGE (a);
CREATE TABLE q1 PARTITION OF q FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (a);
CREATE TABLE q11 PARTITION OF q1 FOR VALUES FROM (0) TO (10);
CREATE TABLE q2 PARTITION OF q FOR VALUES FROM (10) TO (20);
CREATE INDEX q_only ON ONLY q (a);
CREATE INDEX q1_only ON ONLY q1 (a);
ALTER INDEX q_only ATTACH PARTITION q1_only;
-- A part can be invalid although the index above it is valid.
CREATE TABLE r (a int) PARTITION BY LIST (a);
CREATE TABLE "R1" PARTITION OF r FOR VALUES IN (1);
CREATE INDEX r_a ON r (a);
ALTER INDEX "R1_a_idx" RENAME TO "R1_i";
UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"R1_i"'::regclass;
-- @healthy
DROP TABLE p, q, r;
