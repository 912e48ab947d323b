-- A session that has been idle in a transaction for a minute is a warning if other sessions wait for it.
--
-- since = 10
-- also = ["lock-queue"]
-- own = true
-- checks = ["idle-in-transaction", "long-transaction"]
-- expect = ["warning idle-in-transaction postgres in {database}"]
-- text = ["1 session waits for it"]
CREATE TABLE t (a int PRIMARY KEY);
INSERT INTO t VALUES (1);
-- @session blocker
BEGIN;
UPDATE t SET a = 2;
-- @session reader
-- A session that only holds locks is not reported yet, and neither is the next one, which has done nothing.
BEGIN;
SELECT * FROM t;
-- @session bare
BEGIN;
-- @start waiter
UPDATE t SET a = 3;
-- @sleep 62s
-- @healthy
-- @session blocker
COMMIT;
-- @sleep 1s
