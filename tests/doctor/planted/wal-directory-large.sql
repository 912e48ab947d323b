-- More than five times as much WAL as max_wal_size allows is critical, and the slot that keeps it is named.
--
-- since = 10
-- settings = ["max_wal_size = 32MB", "min_wal_size = 32MB"]
-- checks = ["wal-directory-large"]
-- expect = ["critical wal-directory-large "]
-- text = ["the slot keeper keeps"]
SELECT pg_create_physical_replication_slot('keeper', true);
CREATE TABLE t (a int);
DO $$ BEGIN FOR i IN 1..12 LOOP PERFORM pg_logical_emit_message(true, 'x', 'y'); PERFORM pg_switch_wal(); END LOOP; END $$;
-- @healthy
SELECT pg_drop_replication_slot('keeper');
CHECKPOINT;
SELECT pg_switch_wal();
CHECKPOINT;
