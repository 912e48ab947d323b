-- DDL that waits for an anti-wraparound vacuum is a warning, because that vacuum does not cancel itself.
--
-- since = 10
-- settings = ["autovacuum = on", "autovacuum_naptime = 1s", "autovacuum_vacuum_cost_delay = 100ms", "autovacuum_vacuum_cost_limit = 1"]
-- checks = ["antiwraparound-blocking"]
-- also = ["ddl-waiting"]
-- expect = ["warning antiwraparound-blocking public.Old \"t"]
CREATE TABLE "Old ""t" (a int) WITH (autovacuum_freeze_max_age = 100000000);
INSERT INTO "Old ""t" SELECT generate_series(1, 200000);
UPDATE pg_class SET relfrozenxid = ((txid_current() + 4294967296 - 210000000) % 4294967296)::text::xid WHERE relname = 'Old "t';
UPDATE pg_database SET datfrozenxid = ((txid_current() + 4294967296 - 210000000) % 4294967296)::text::xid WHERE datname = current_database();
-- @sleep 6s
-- @start b
ALTER TABLE "Old ""t" ADD COLUMN b int;
-- @sleep 3s
