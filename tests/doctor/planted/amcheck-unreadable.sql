-- A table with a page that cannot be read is critical, and the tables after it are looked at too.
--
-- since = 14
-- settings = ["shared_buffers = '128kB'", "autovacuum = off"]
-- args = ["--deep"]
-- checks = ["table-damaged"]
-- expect = ["critical table-damaged public.bad", "critical table-damaged public.late"]
-- text = ["invalid page in block 1 of relation", "precedes relation freeze threshold"]
CREATE EXTENSION amcheck;
CREATE TABLE bad (a int);
INSERT INTO bad SELECT generate_series(1, 10000);
CREATE TABLE fine (a int);
INSERT INTO fine SELECT generate_series(1, 100000);
CREATE TABLE late (a int);
INSERT INTO late VALUES (1);
UPDATE pg_class SET relfrozenxid = (SELECT (txid_current() & 4294967295)::text::xid) WHERE oid = 'late'::regclass;
ANALYZE bad, fine, late;
CHECKPOINT;
-- The page is overwritten behind the server's back, and no buffer has it any longer.
SELECT count(*) FROM fine;
DO $$BEGIN EXECUTE format('COPY (SELECT repeat(''x'', 100)) TO PROGRAM %L',
    format('dd of=%s/%s bs=8192 seek=1 conv=notrunc status=none', current_setting('data_directory'), pg_relation_filepath('bad'))); END$$;
-- @healthy
DROP TABLE bad, late;
