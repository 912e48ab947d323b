-- A session, a prepared transaction and a slot that hold the xmin horizon of an idle server are not reported.
--
-- since = 10
-- own = true
-- settings = ["wal_level = logical", "max_prepared_transactions = 5"]
-- checks = ["horizon-held", "slot-inactive"]
-- expect = ["note slot-inactive s"]
CREATE TABLE t (a int);
SELECT pg_create_logical_replication_slot('s', 'test_decoding');
BEGIN;
INSERT INTO t VALUES (1);
PREPARE TRANSACTION 'p';
-- @session a
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM t;
