-- A name in synchronized_standby_slots that does not belong to an existing physical slot is a warning.
--
-- since = 17
-- settings = ["wal_level = logical"]
-- checks = ["failover-slot-unsynced"]
-- expect = ["warning failover-slot-unsynced nobody"]
SELECT pg_create_physical_replication_slot('there');
ALTER SYSTEM SET synchronized_standby_slots = 'there';
SELECT pg_reload_conf();
-- @sleep 1s
SELECT pg_drop_replication_slot('there');
SELECT pg_create_physical_replication_slot('other');
ALTER SYSTEM SET synchronized_standby_slots = 'nobody', 'other';
SELECT pg_reload_conf();
-- @sleep 1s
-- @healthy
ALTER SYSTEM RESET synchronized_standby_slots;
SELECT pg_reload_conf();
-- @sleep 1s
