-- Three times as much WAL as max_wal_size allows is a warning.
--
-- since = 10
-- settings = ["max_wal_size = 32MB", "min_wal_size = 32MB"]
-- checks = ["wal-directory-large"]
-- expect = ["warning wal-directory-large "]
SELECT pg_create_physical_replication_slot('keeper', true);
CREATE TABLE t (a int);
DO $$ BEGIN FOR i IN 1..5 LOOP PERFORM pg_logical_emit_message(true, 'x', 'y'); PERFORM pg_switch_wal(); END LOOP; END $$;
