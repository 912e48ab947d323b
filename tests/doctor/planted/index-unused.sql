-- Large unused indexes are found, unless they serve another purpose. The limits omit the age of the statistics.
--
-- since = 11
-- args = ["--limits", "tests/doctor/limits/index-unused.toml"]
-- also = ["index-bloat", "index-duplicate"]
-- checks = ["index-unused"]
-- expect = ["warning index-unused public.huge", "note index-unused public.large", "note index-unused public.part_a", "note index-unused public.fk_two"]
CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE t (a int, b int, c int, d int, e int NOT NULL, f int REFERENCES p, g int REFERENCES p, h int) WITH (autovacuum_enabled = false);
CREATE INDEX huge ON t (a);
CREATE INDEX large ON t (b);
CREATE INDEX small ON t (c);
CREATE INDEX expr ON t ((d + 1));
CREATE INDEX clus ON t (d);
ALTER TABLE t CLUSTER ON clus;
CREATE UNIQUE INDEX uniq ON t (d);
CREATE UNIQUE INDEX ident ON t (e);
ALTER TABLE t REPLICA IDENTITY USING INDEX ident;
CREATE INDEX fk_one ON t (f);
CREATE INDEX fk_two ON t (g);
CREATE INDEX fk_three ON t (g, a);
CREATE INDEX used ON t (h);
CREATE TABLE part (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20);
CREATE INDEX part_a ON part (a);
CREATE INDEX part_b ON part (b);
SET enable_seqscan = off;
INSERT INTO t (e, h) VALUES (1, 1);
INSERT INTO part SELECT n, n FROM generate_series(1, 19) AS n;
SELECT count(*) FROM t WHERE h = 1;
SELECT count(*) FROM part_1 WHERE b = 5;
UPDATE pg_class SET relpages = 13000 WHERE relname IN ('large', 'expr', 'clus', 'uniq', 'ident', 'fk_one', 'fk_two', 'fk_three', 'used');
UPDATE pg_class SET relpages = 131100 WHERE relname = 'huge';
UPDATE pg_class SET relpages = 12700 WHERE relname = 'small';
UPDATE pg_class SET relpages = 6500 WHERE relname IN ('part_1_a_idx', 'part_2_a_idx', 'part_1_b_idx', 'part_2_b_idx');
-- @sleep 1s
SELECT pg_stat_clear_snapshot();
-- @healthy
DROP TABLE t, part;
