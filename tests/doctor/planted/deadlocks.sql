-- Two sessions lock two rows in different orders. Many deadlocks within five seconds are critical.
--
-- since = 10
-- settings = ["deadlock_timeout = 20ms"]
-- for = "5s"
-- checks = ["deadlocks"]
-- expect = ["critical deadlocks {database}"]
CREATE TABLE t (id int PRIMARY KEY, n int);
INSERT INTO t VALUES (1, 0), (2, 0);
-- @during a
DO $$ BEGIN UPDATE t SET n = n + 1 WHERE id = 1; PERFORM pg_sleep(0.05); UPDATE t SET n = n + 1 WHERE id = 2; EXCEPTION WHEN deadlock_detected THEN NULL; END $$;
-- @during b
DO $$ BEGIN UPDATE t SET n = n + 1 WHERE id = 2; PERFORM pg_sleep(0.05); UPDATE t SET n = n + 1 WHERE id = 1; EXCEPTION WHEN deadlock_detected THEN NULL; END $$;
