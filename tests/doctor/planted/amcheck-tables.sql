-- A table with rows older than its relfrozenxid is damaged. --deep finds this in TOAST tables too.
--
-- since = 14
-- args = ["--deep"]
-- checks = ["table-damaged"]
-- expect = ["critical table-damaged public.T\"1", "critical table-damaged public.with_toast"]
-- text = ["the TOAST table of public.with_toast is damaged", "precedes relation freeze threshold"]
CREATE EXTENSION amcheck;
CREATE TABLE "T""1" (a int) WITH (autovacuum_enabled = false);
INSERT INTO "T""1" SELECT generate_series(1, 1000);
CREATE TABLE with_toast (a text) WITH (autovacuum_enabled = false);
ALTER TABLE with_toast ALTER a SET STORAGE EXTERNAL;
INSERT INTO with_toast VALUES (repeat('x', 10000));
CREATE TABLE fine (a int);
INSERT INTO fine SELECT generate_series(1, 1000);
SELECT txid_current();
UPDATE pg_class SET relfrozenxid = (SELECT (txid_current() & 4294967295)::text::xid) WHERE oid IN ('"T""1"'::regclass, (SELECT reltoastrelid FROM pg_class WHERE relname = 'with_toast'));
-- @healthy
DROP TABLE "T""1", with_toast;
