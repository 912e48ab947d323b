-- Tables near the limits of pages, columns and TOAST values are found. Tables just below the thresholds are not.
--
-- since = 10
-- checks = ["table-near-32tb", "columns-near-limit", "toast-values-near-limit"]
-- expect = ["warning table-near-32tb public.t60", "critical table-near-32tb public.t85", "critical table-near-32tb Od d.of \"toast\"", "warning columns-near-limit public.c1200", "critical columns-near-limit Od d.C1500", "warning columns-near-limit public.parted", "note toast-values-near-limit public.v1", "warning toast-values-near-limit public.v2"]
-- text = ["the TOAST table of Od d.of \"toast\" takes 27 TB"]
CREATE SCHEMA "Od d";
CREATE TABLE t59 () WITH (autovacuum_enabled = false);
CREATE TABLE t60 () WITH (autovacuum_enabled = false);
CREATE TABLE t85 () WITH (autovacuum_enabled = false);
CREATE TABLE "Od d"."of ""toast""" (a text) WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);
CREATE TABLE v0 (a text) WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);
CREATE TABLE v1 (a text) WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);
CREATE TABLE v2 (a text) WITH (autovacuum_enabled = false, toast.autovacuum_enabled = false);
-- The number of pages is unsigned, but pg_class.relpages is signed.
UPDATE pg_class SET relpages = 2533000000 - 4294967296 WHERE relname = 't59';
UPDATE pg_class SET relpages = 2577000000 - 4294967296 WHERE relname = 't60';
UPDATE pg_class SET relpages = 3651000000 - 4294967296 WHERE relname = 't85';
UPDATE pg_class SET relpages = 3651000000 - 4294967296 WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE relname = 'of "toast"');
UPDATE pg_class SET reltuples = 990000000 WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE relname = 'v0');
UPDATE pg_class SET reltuples = 1010000000 WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE relname = 'v1');
UPDATE pg_class SET reltuples = 2010000000 WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE relname = 'v2');
DO $$BEGIN
    EXECUTE (SELECT 'CREATE TABLE c1199 (' || string_agg('c' || n || ' bool', ', ') || ')' FROM generate_series(1, 1199) AS n);
    EXECUTE (SELECT 'CREATE TABLE c1200 (' || string_agg('c' || n || ' bool', ', ') || ')' FROM generate_series(1, 1200) AS n);
    -- Dropped columns count too.
    EXECUTE (SELECT 'CREATE TABLE "Od d"."C1500" (' || string_agg('c' || n || ' bool', ', ') || ')' FROM generate_series(1, 1500) AS n);
    EXECUTE (SELECT 'ALTER TABLE "Od d"."C1500" ' || string_agg('DROP c' || n, ', ') FROM generate_series(1, 1400) AS n);
    EXECUTE (SELECT 'CREATE TABLE parted (' || string_agg('c' || n || ' int', ', ') || ') PARTITION BY RANGE (c1)' FROM generate_series(1, 1250) AS n);
    EXECUTE 'CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (2)';
    EXECUTE (SELECT 'CREATE VIEW wide AS SELECT ' || string_agg('1 AS c' || n, ', ') FROM generate_series(1, 1590) AS n);
END$$;
-- @healthy
DROP TABLE t60, t85, v1, v2, c1200, parted;
DROP SCHEMA "Od d" CASCADE;
