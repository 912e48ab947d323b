-- A live session's temporary table is a warning if it is older than autovacuum_freeze_max_age. A young one is not.
--
-- since = 10
-- own = true
-- settings = ["autovacuum = off"]
-- checks = ["temp-table-pins-freeze"]
-- expect = ["warning temp-table-pins-freeze pg_temp.Old \"t"]
-- text = ["Old \"t"]
CREATE TEMPORARY TABLE young (a int);
-- @session a
CREATE TEMPORARY TABLE "Old ""t" (a int);
UPDATE pg_class SET relfrozenxid = ((txid_current() + 4294967296 - 210000000) % 4294967296)::text::xid WHERE relname = 'Old "t';
-- @healthy
-- @session a
DROP TABLE "Old ""t";
