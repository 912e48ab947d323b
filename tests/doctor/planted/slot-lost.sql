-- A slot whose WAL was removed is lost, which is critical.
--
-- since = 13
-- settings = ["max_slot_wal_keep_size = 1MB", "min_wal_size = 32MB", "max_wal_size = 64MB"]
-- checks = ["slot-lost", "slot-inactive"]
-- expect = ["critical slot-lost gone"]
SELECT pg_create_physical_replication_slot('gone', true);
CREATE TABLE t (a int);
INSERT INTO t VALUES (1);
SELECT pg_switch_wal();
INSERT INTO t VALUES (1);
SELECT pg_switch_wal();
INSERT INTO t VALUES (1);
SELECT pg_switch_wal();
INSERT INTO t VALUES (1);
CHECKPOINT;
SELECT pg_switch_wal();
INSERT INTO t VALUES (1);
CHECKPOINT;
-- @healthy
SELECT pg_drop_replication_slot('gone');
