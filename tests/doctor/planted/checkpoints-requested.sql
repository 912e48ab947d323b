-- Requested checkpoints that are closer together than four times checkpoint_warning are a warning.
--
-- since = 10
-- own = true
-- for = "6s"
-- checks = ["checkpoints-requested"]
-- expect = ["warning checkpoints-requested "]
CREATE TABLE t (a int);
-- @during a
INSERT INTO t VALUES (1);
CHECKPOINT;
SELECT pg_sleep(0.1);
