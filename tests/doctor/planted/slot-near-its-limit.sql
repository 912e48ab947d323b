-- A slot that has nearly reached max_slot_wal_keep_size is critical. A slot that was just created is not reported.
--
-- since = 13
-- settings = ["max_slot_wal_keep_size = 96MB", "min_wal_size = 32MB", "max_wal_size = 1GB"]
-- checks = ["slot-retains-wal"]
-- expect = ["critical slot-retains-wal behind"]
SELECT pg_create_physical_replication_slot('behind', true);
CREATE TABLE t (a int);
INSERT INTO t VALUES (1);
SELECT pg_switch_wal();
INSERT INTO t VALUES (1);
SELECT pg_switch_wal();
INSERT INTO t VALUES (1);
SELECT pg_switch_wal();
INSERT INTO t VALUES (1);
SELECT pg_switch_wal();
INSERT INTO t VALUES (1);
SELECT pg_switch_wal();
INSERT INTO t VALUES (1);
SELECT pg_switch_wal();
INSERT INTO t VALUES (1);
CHECKPOINT;
SELECT pg_create_physical_replication_slot('fresh', true);
-- @healthy
SELECT pg_drop_replication_slot('behind');
SELECT pg_drop_replication_slot('fresh');
