-- Autovacuum off for a table is a note, and a warning once it has more dead rows than would start a vacuum or is old; TOAST on its own counts.
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
