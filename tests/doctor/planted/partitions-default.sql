-- A default partition that has rows is a warning. It makes the missing next partition a mere note.
--
-- since = 11
-- checks = ["default-partition-filled", "next-partition-missing"]
-- expect = ["warning default-partition-filled public.p_rest", "warning default-partition-filled Od d.R \"est\"", "warning default-partition-filled public.tree_rest", "note next-partition-missing public.p"]
CREATE TABLE p (at date) PARTITION BY RANGE (at);
CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE p_rest PARTITION OF p DEFAULT;
INSERT INTO p SELECT current_date;
DO $$BEGIN EXECUTE format('CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM (%L) TO (%L)', current_date - 30, current_date - 1); END$$;
CREATE SCHEMA "Od d";
CREATE TABLE "Od d"."L" (a text) PARTITION BY LIST (a);
CREATE TABLE "Od d"."R ""est""" PARTITION OF "Od d"."L" DEFAULT;
INSERT INTO "Od d"."L" VALUES ('x');
ANALYZE "Od d"."L";
-- This default partition is itself partitioned.
CREATE TABLE tree (a int, b int) PARTITION BY LIST (a);
CREATE TABLE tree_rest PARTITION OF tree DEFAULT PARTITION BY RANGE (b);
CREATE TABLE tree_rest_1 PARTITION OF tree_rest FOR VALUES FROM (0) TO (10);
INSERT INTO tree VALUES (1, 1);
-- One of these default partitions was never filled, and the other one was emptied again. They are not found.
CREATE TABLE q (a int) PARTITION BY RANGE (a);
CREATE TABLE q_1 PARTITION OF q FOR VALUES FROM (1) TO (2);
CREATE TABLE q_rest PARTITION OF q DEFAULT;
INSERT INTO q VALUES (1);
CREATE TABLE s (a int) PARTITION BY RANGE (a);
CREATE TABLE s_rest PARTITION OF s DEFAULT;
INSERT INTO s SELECT generate_series(1, 1000);
DELETE FROM s;
-- @sleep 1s
SELECT pg_stat_clear_snapshot();
-- @healthy
DROP TABLE p, tree;
DROP SCHEMA "Od d" CASCADE;
