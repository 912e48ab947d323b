-- An application that rolls back most of its transactions is a warning.
--
-- since = 10
-- own = true
-- for = "5s"
-- checks = ["rollback-share"]
-- expect = ["warning rollback-share {database}"]
CREATE TABLE t (a int);
-- @during a
BEGIN;
INSERT INTO t VALUES (1);
SELECT pg_sleep(0.03);
ROLLBACK;
