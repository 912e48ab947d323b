-- When only one replication slot is free, there is a warning. WAL senders, of which enough are free, are not reported.
--
-- since = 10
-- settings = ["max_replication_slots = 3", "max_wal_senders = 5", "wal_level = logical"]
-- checks = ["worker-slots-full"]
-- expect = ["warning worker-slots-full max_replication_slots"]
SELECT pg_create_physical_replication_slot('one');
SELECT pg_create_physical_replication_slot('two');
-- @healthy
SELECT pg_drop_replication_slot('one');
SELECT pg_drop_replication_slot('two');
