-- A subscription whose publisher does not answer has no worker in either sample, which is critical.
--
-- since = 10
-- settings = ["wal_level = logical"]
-- for = "2s"
-- checks = ["subscription-stopped"]
-- expect = ["critical subscription-stopped s"]
CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE);
ALTER SUBSCRIPTION s SET (slot_name = 'x');
ALTER SUBSCRIPTION s ENABLE;
-- @sleep 2s
-- @healthy
ALTER SUBSCRIPTION s DISABLE;
ALTER SUBSCRIPTION s SET (slot_name = NONE);
DROP SUBSCRIPTION s;
