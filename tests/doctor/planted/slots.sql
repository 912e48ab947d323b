-- An inactive slot that keeps little WAL is a note, even if it was never used. So is the leftover of a table copy.
--
-- since = 10
-- settings = ["wal_level = logical"]
-- checks = ["slot-inactive", "slot-lost", "leftover-sync-slot"]
-- expect = ["note slot-inactive phys", "note slot-inactive logi", "note slot-inactive unused", "note leftover-sync-slot pg_16384_sync_16390_7123456789012345678"]
SELECT pg_create_physical_replication_slot('phys', true);
SELECT pg_create_physical_replication_slot('unused');
SELECT pg_create_logical_replication_slot('logi', 'test_decoding');
SELECT pg_create_logical_replication_slot('pg_16384_sync_16390_7123456789012345678', 'test_decoding');
-- A temporary slot is not reported.
SELECT pg_create_physical_replication_slot('of_session', true, true);
-- @healthy
SELECT pg_drop_replication_slot('phys');
SELECT pg_drop_replication_slot('unused');
SELECT pg_drop_replication_slot('logi');
SELECT pg_drop_replication_slot('pg_16384_sync_16390_7123456789012345678');
