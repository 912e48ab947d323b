-- A foreign key of a partitioned table is reported once, with the partitions that have no index.
--
-- since = 12
-- checks = ["foreign-key-without-index"]
-- expect = ["note foreign-key-without-index public.p.p_to", "note foreign-key-without-index public.q.q_a_fkey"]
-- text = ["on 1 of 2 partitions"]
CREATE TABLE parent (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE parent_1 PARTITION OF parent FOR VALUES FROM (0) TO (10);
CREATE TABLE parent_2 PARTITION OF parent DEFAULT;
CREATE TABLE p (a int, b int, CONSTRAINT p_to FOREIGN KEY (b) REFERENCES parent) PARTITION BY RANGE (a);
CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p_2 (b int, a int);
ALTER TABLE p ATTACH PARTITION p_2 DEFAULT;
CREATE INDEX ON p_2 (b);
CREATE TABLE q (a int REFERENCES parent);
CREATE TABLE r (a int REFERENCES parent) PARTITION BY RANGE (a);
CREATE TABLE r_1 PARTITION OF r FOR VALUES FROM (0) TO (10);
CREATE INDEX ON r (a);
-- @healthy
CREATE INDEX ON p (b);
CREATE INDEX ON q (a);
