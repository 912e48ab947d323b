-- A server without fsync, full_page_writes and autovacuum is critical, as are settings that hide damage.
--
-- since = 10
-- settings = ["fsync = off", "full_page_writes = off", "autovacuum = off", "zero_damaged_pages = on", "session_replication_role = replica"]
-- checks = ["fsync-off", "full-page-writes-off", "autovacuum-off", "damage-hiding-settings", "foreign-keys-bypassed"]
-- expect = ["critical fsync-off ", "critical full-page-writes-off ", "critical autovacuum-off server", "critical damage-hiding-settings server: zero_damaged_pages", "critical foreign-keys-bypassed server"]
SELECT 1;
-- @healthy
ALTER SYSTEM SET fsync = on;
ALTER SYSTEM SET full_page_writes = on;
ALTER SYSTEM SET autovacuum = on;
ALTER SYSTEM SET zero_damaged_pages = off;
ALTER SYSTEM SET session_replication_role = origin;
SELECT pg_reload_conf();
-- @sleep 1s
