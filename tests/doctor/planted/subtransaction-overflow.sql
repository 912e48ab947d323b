-- A session with 100 subtransactions is found in three of five samples. A session with ten is not.
--
-- since = 16
-- for = "2s"
-- checks = ["subtransaction-overflow"]
-- expect = ["warning subtransaction-overflow "]
CREATE TABLE t (a int);
-- @session few
BEGIN;
DO $$ BEGIN FOR i IN 1..10 LOOP BEGIN INSERT INTO t VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$;
-- @session many
BEGIN;
DO $$ BEGIN FOR i IN 1..100 LOOP BEGIN INSERT INTO t VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$;
-- @healthy
-- @session many
COMMIT;
