-- In the current database, the oldest tables are named, including one of which only the TOAST table is old.
--
-- since = 10
-- own = true
-- settings = ["autovacuum = off"]
-- checks = ["xid-wraparound"]
-- expect = ["warning xid-wraparound {database}"]
-- text = ["oldest tables: Old \"s.Old 't, public.by_toast"]
CREATE SCHEMA "Old ""s";
CREATE TABLE "Old ""s"."Old 't" (a int);
CREATE TABLE by_toast (a text);
UPDATE pg_class SET relfrozenxid = ((txid_current() + 4294967296 - 400000000) % 4294967296)::text::xid WHERE relname = 'Old ''t';
UPDATE pg_class SET relfrozenxid = ((txid_current() + 4294967296 - 390000000) % 4294967296)::text::xid WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE relname = 'by_toast');
UPDATE pg_database SET datfrozenxid = ((txid_current() + 4294967296 - 400000000) % 4294967296)::text::xid WHERE datname = current_database();
-- @healthy
UPDATE pg_database SET datfrozenxid = txid_current()::text::xid WHERE datname = current_database();
