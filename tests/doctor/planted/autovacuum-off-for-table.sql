-- A table with autovacuum off is a note. If it is old, or has enough dead rows to start a vacuum, it is a warning.
--
-- since = 10
-- checks = ["autovacuum-off-for-table"]
-- expect = ["note autovacuum-off-for-table public.Quiet \"t", "warning autovacuum-off-for-table public.dirty", "warning autovacuum-off-for-table public.old", "note autovacuum-off-for-table public.big_values (TOAST)"]
CREATE TABLE "Quiet ""t" (a int) WITH (autovacuum_enabled = 'OFF');
CREATE TABLE dirty (a int) WITH (autovacuum_enabled = false);
INSERT INTO dirty SELECT generate_series(1, 1000);
DELETE FROM dirty;
CREATE TABLE old (a int) WITH (autovacuum_enabled = false);
UPDATE pg_class SET relfrozenxid = ((txid_current() + 4294967296 - 110000000) % 4294967296)::text::xid WHERE relname = 'old';
-- Autovacuum can be off for the TOAST table alone, which is a note too.
CREATE TABLE big_values (a text) WITH (toast.autovacuum_enabled = false);
CREATE TABLE explicitly_on (a text) WITH (autovacuum_enabled = true, toast.autovacuum_enabled = true);
CREATE TEMPORARY TABLE of_session (a int) WITH (autovacuum_enabled = false);
-- @sleep 2s
SELECT 1;
-- @healthy
ALTER TABLE "Quiet ""t" RESET (autovacuum_enabled);
ALTER TABLE big_values RESET (toast.autovacuum_enabled);
DROP TABLE dirty;
DROP TABLE old;
